# The cables: three namespaces, joined to each other and to nothing else.
#
#   host lan0 ---- lan0 lan wan0 ---- up0 inet
#   host tailscale0 ---------------- tail0 inet

readonly ROUTER_WAN=81.2.69.161        # a public address, as a home router has; inet's end is .160
readonly TAILNET=02:00:64:64:00:01     # one MAC for both ends, see tailnet_cable

net_up() {
  local world
  for world in "${WORLDS[@]}"; do [ -e "/run/netns/$LAB-$world" ] || return 1; done
  # The last thing that net_start makes in each world; all before it is then there too.
  ip -n "$LAB-host" -6 route show default 2>/dev/null | grep -q via &&
    in_world lan nft list chain inet lab arrivals >/dev/null 2>&1 &&
    in_world inet nft list chain inet lab arrivals >/dev/null 2>&1
}

net_says() { printf "%s " "${WORLDS[@]/#/$LAB-}"; }

net_start() {
  local world
  for world in "${WORLDS[@]}"; do
    run ip netns add "$(namespace "$world")"
    ip -n "$(namespace "$world")" link set lo up
  done
  wire
  settle_inet
  settle_lan
  settle_host
  arrivals lan 'fib daddr type != local'
  arrivals inet 'iifname != { "up0", "tail0" }'
}

# Each device is made inside its namespace: none of them is ever seen by the machine's own.
wire() {
  ip -n "$LAB-host" link add lan0 type veth peer name lan0 netns "$LAB-lan"
  ip -n "$LAB-lan" link add wan0 type veth peer name up0 netns "$LAB-inet"
  tailnet_cable
}

# A real tailscale0 is a tunnel: no ARP, no neighbour discovery, any address goes in. A veth does
# the same with ARP off, when both ends have one MAC: the kernel then sends to its own.
tailnet_cable() {
  ip -n "$LAB-host" link add tailscale0 address "$TAILNET" type veth peer name tail0 address "$TAILNET" netns "$LAB-inet"
  ip -n "$LAB-host" link set tailscale0 arp off
  ip -n "$LAB-inet" link set tail0 arp off
}

# Settings go in before the devices come up; source checks would hide what gets through. An address that the kernel
# still checks for a duplicate answers nothing for up to two seconds. A new bridge's gateway would look blocked (RFC
# 4862, 5.4; seen on a busy machine).
kernel() {
  local world=$1
  shift
  in_world "$world" sysctl -q -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 \
    net.ipv6.conf.all.accept_ra=0 net.ipv6.conf.default.accept_ra=0 \
    net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 "$@"
}

# Every address is local here. Over IPv4 a local default route does it. Over IPv6 it would swallow
# the answers too. There a rule sends to it only what comes in from outside.
settle_inet() {
  kernel inet net.ipv4.conf.up0.rp_filter=0 net.ipv4.conf.tail0.rp_filter=0 net.ipv6.ip_nonlocal_bind=1
  ip -n "$LAB-inet" -batch - <<BATCH
link set up0 up
link set tail0 up
address add 81.2.69.160 peer $ROUTER_WAN dev up0
address add fe80::1/64 dev up0 nodad
address add 100.64.0.1 peer 100.101.102.103 dev tail0
route add local 0.0.0.0/0 dev lo
route add 192.168.77.0/24 via $ROUTER_WAN dev up0
BATCH
  ip -6 -n "$LAB-inet" -batch - <<BATCH
route add fd7a:115c:a1e0::53/128 dev tail0
route add 2001:db8:77::/64 via fe80::2 dev up0
route add 2a02:6b8::161/128 via fe80::2 dev up0
route add local default dev lo table 100
rule add iif up0 lookup 100
rule add iif tail0 lookup 100
BATCH
}

settle_lan() {
  kernel lan net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.lan0.rp_filter=0 net.ipv4.conf.wan0.rp_filter=0
  ip -n "$LAB-lan" -batch - <<BATCH
link set lan0 up
link set wan0 up
address add 192.168.77.1/24 dev lan0
address add 192.168.77.10/24 dev lan0
address add 2001:db8:77::1/64 dev lan0 nodad
address add 2001:db8:77::10/64 dev lan0 nodad
address add $ROUTER_WAN peer 81.2.69.160 dev wan0
address add fe80::2/64 dev wan0 nodad
address add 2a02:6b8::161/128 dev wan0 nodad
route add default via 81.2.69.160 dev wan0
BATCH
  ip -6 -n "$LAB-lan" -batch - <<BATCH
route add default via fe80::1 dev wan0
BATCH
}

settle_host() {
  kernel host
  ip -n "$LAB-host" -batch - <<'BATCH'
link set lan0 up
link set tailscale0 up
address add 192.168.77.2/24 dev lan0
address add 2001:db8:77::2/64 dev lan0 nodad
address add 100.101.102.103/32 dev tailscale0
address add fd7a:115c:a1e0::53/128 dev tailscale0 nodad
route add 100.64.0.0/10 dev tailscale0
route add default via 192.168.77.1 dev lan0
BATCH
  ip -6 -n "$LAB-host" -batch - <<'BATCH'
route add fd7a:115c:a1e0::/48 dev tailscale0
route add default via 2001:db8:77::1 dev lan0
BATCH
}

# Counts what arrives (a witness that asks no server). Then hands ports without a server of their
# own to the catch-all socket. $2: what is not for this world.
arrivals() {
  in_world "$1" nft -f - <<RULES
table inet lab {
  set seen4 { type ipv4_addr . ipv4_addr . inet_proto . inet_service; flags dynamic; size 65535; counter; }
  set seen6 { type ipv6_addr . ipv6_addr . inet_proto . inet_service; flags dynamic; size 65535; counter; }
  set icmp4 { type ipv4_addr . ipv4_addr; flags dynamic; size 65535; counter; }
  set icmp6 { type ipv6_addr . ipv6_addr; flags dynamic; size 65535; counter; }
  chain arrivals {
    type filter hook prerouting priority mangle
    ct direction reply accept
    $2 accept
    icmp type echo-request update @icmp4 { ip saddr . ip daddr }
    icmpv6 type echo-request update @icmp6 { ip6 saddr . ip6 daddr }
    meta l4proto { tcp, udp } update @seen4 { ip saddr . ip daddr . meta l4proto . th dport }
    meta l4proto { tcp, udp } update @seen6 { ip6 saddr . ip6 daddr . meta l4proto . th dport }
    tcp dport { 53, 80, 443 } accept
    udp dport 53 accept
    tcp dport 8080 tproxy to :80 accept
    tcp dport 8443 tproxy to :443 accept
    meta l4proto { tcp, udp } tproxy to :7 accept
  }
}
RULES
}

seen() {
  local world
  for world in lan inet; do
    in_world "$world" nft -j list table inet lab |
      jq -r --arg world "$world" '.nftables[] | .set? // empty | .elem[]? | .elem
        | [$world, (.val.concat | map(tostring) | join(" ")), (.counter.packets | tostring)] | join(" ")'
  done
}
