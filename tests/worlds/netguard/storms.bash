# The attempts of netguard-inbound.bats: each throws at members from outside, or goes on with what was open, and says what
# must come of it. Sourced after inbound.bash.
# shellcheck disable=SC2154  # MOAT is the suite's

readonly PLAIN=udp,wrong,optional,cut,detour,syn,ack,answer,rst,fin,null,all,syn-rst,ping,pong,unreachable,too-big,late,sctp,esp,unknown
readonly FLOWS=udp,cut,syn,ack

# New packets of every kind, to members' own addresses, to all of a network, and to ports that Docker publishes.
storm_new() {
  local world
  for world in lan inet bridge; do
    {
      everybody 7000 "$PLAIN"
      # From its other bridges Docker translates nothing: there its own proxy on the host answers, which may reach members.
      [ "$world" = bridge ] || standins published "$(host "${world}4")" "$(host "${world}6")" 17000 18000 "$FLOWS"
      printf '%s\n' "inside4-all 172.30.1.255 7000 udp" "sealed4-all 172.30.2.255 7000 udp" "beside4-all 172.30.9.255 7000 udp"
    } | throw "$world" "$world"
  done
}

# What the kernel does not track, before and after it has put fragments together; and what it tracks apart.
storm_untracked() {
  local priority
  for priority in -450 -300; do
    strangers <<<"table inet stranger { chain raw { type filter hook prerouting priority $priority; iifname lan0 notrack; }; }"
    everybody 7000 "$PLAIN$([ "$priority" = -300 ] || echo ,tail)" | throw "untracked$priority" lan
    strangers_leave
  done
  strangers <<<'table inet stranger { chain raw { type filter hook prerouting priority -300; iifname lan0 ct zone set 7; }; }'
  everybody 7000 "$PLAIN" | throw zone lan
  strangers_leave
}

# To addresses that are nobody's on the bridge, of which a member is the router; tracked and not.
storm_routed() {
  local family track place
  set_routes replace
  for track in accept notrack; do
    strangers <<<"table inet stranger { chain raw { type filter hook prerouting priority -300; iifname lan0 $track; }; }"
    printf '%s\n' "inside4 203.0.113.1 7000 $PLAIN" "sealed4 203.0.113.2 7000 $PLAIN" "beside4 203.0.113.9 7000 $PLAIN" \
      "inside6 2001:db8:1::1 7000 $PLAIN" "sealed6 2001:db8:1::2 7000 $PLAIN" "beside6 2001:db8:1::9 7000 $PLAIN" | throw "routed-$track" lan
    strangers_leave
  done
  set_routes del
}
set_routes() {
  local place number
  for place in inside:1 sealed:2 beside:9; do
    number=${place#*:} place=${place%:*}
    ip -n "$LAB_NAME-host" route "$1" "203.0.113.$number" via "$(address "$place" 4)"
    ip -n "$LAB_NAME-host" -6 route "$1" "2001:db8:1::$number" via "$(address "$place" 6)"
  done
}

# Strangers' rules that send port 9001 to inside, and port 9009 to beside: dnat is remembered for a connection, set is not.
for_members() {
  local place family header to
  for place in inside:9001 beside:9009; do
    for family in 4 6; do
      header=ip to=$(address "${place%:*}" "$family")
      [ "$family" = 4 ] || header=ip6
      case "$1" in
        dnat) to="dnat $header to $to" ;;
        set) to="$header daddr set $to" ;;
      esac
      echo "meta nfproto ipv$family meta l4proto { tcp, udp } th dport ${place#*:} $to"
    done
  done
}

# Translated by strangers, at both ends, who are asked before everybody else, with others, or after them; and who were
# there before the moat, or came after it.
storm_translated() {
  local when priority
  for when in after before; do
    for priority in "-199 -199" "-150 -150" "-100 100" "0 0"; do
      [ "$when" = after ] || no_moat
      strangers <<<"table inet stranger {
        chain to { type nat hook prerouting priority ${priority% *}; $(for_members dnat)
        }
        chain from { type nat hook postrouting priority ${priority#* }; oifname { br-cell, br-monitor, br-free } masquerade; }; }"
      [ "$when" = after ] || moat
      {
        everybody 7000 udp,cut,syn,ping
        standins host "$(host lan4)" "$(host lan6)" 9001 9009 "$FLOWS"
        standins elsewhere 198.51.100.1 2001:db8:5::1 9001 9009 "$FLOWS"
      } | throw "translated-$when${priority% *}" lan
      strangers_leave
    done
  done
}

# Given another destination by strangers who do not have the kernel remember it, before and after the moat is asked.
storm_rewritten() {
  local track priority
  for track in accept notrack; do
    for priority in -199 -50; do
      strangers <<<"table inet stranger {
        chain raw { type filter hook prerouting priority -300; iifname lan0 $track; }
        chain to { type filter hook prerouting priority $priority; $(for_members set)
        }; }"
      standins elsewhere 198.51.100.1 2001:db8:5::1 9001 9009 udp,syn,ack,rst | throw "rewritten-$track$priority" lan
      strangers_leave
    done
  done
}

# A member asks a server of the internet by TFTP, and a stranger has the kernel follow that. Whatever comes from the
# server then is expected, and sent to the member before any rule is asked.
storm_expected() {
  strangers <<<'table ip stranger {
    ct helper follow { type "tftp" protocol udp; }
    chain to { type filter hook prerouting priority -199; udp dport 69 ct helper set "follow"; }; }'
  local place
  for place in inside:24001 beside:24009; do
    inside "netguard-${place%:*}" python3 -c '
import socket, sys
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("", int(sys.argv[1])))
sock.sendto(b"\0\1file\0octet\0", ("8.8.8.8", 69))' "${place#*:}"
  done
  printf '%s\n' "inside4 192.168.77.2 24001 udp" "beside4 192.168.77.2 24009 udp" | throw expected inet
  strangers_leave
}

# The LAN opens connections in a member's name, for the host to take what comes back for the member's.
storm_posing() {
  local place
  for place in inside beside; do
    printf '%s\n' "${place}4 $(address "$place" 4) 192.168.77.10 $(host lan4)" "${place}6 $(address "$place" 6) 2001:db8:77::10 $(host lan6)"
  done | "$LAB" exec lan python3 "$SUITE/inbound.py" pose posing lan0 "$(mac lan0)" >>"$THROWN"
}

# The number that a member's network has in its addresses.
number() { address "$1" 4 | cut -d. -f3; }

# The host asks members. The LAN has error messages for them about that, as if from the way between the two; and
# about what nobody ever asked.
storm_errors() {
  local place peer
  for place in "${PLACES[@]}"; do
    printf '%s\n' "${place}4 udp $(address "$place" 4) 7000" "${place}6 udp $(address "$place" 6) 7000"
  done | hold_open asked host
  for place in "${PLACES[@]}"; do
    peer=$(number "$place")
    printf '%s\n' "${place}4 $(address "$place" 4) 7000 unreachable,too-big,late $(own_port asked "${place}4") 172.30.$peer.1" \
      "${place}6 $(address "$place" 6) 7000 unreachable,too-big,late $(own_port asked "${place}6") fd6c:6c62:$peer::1"
  done | throw errors lan
}

# What the LAN has open with members when the moat comes, by the function HOW: moat or kept_rules. There are packets, too,
# that pretend to belong to it.
open_before() {
  local how=$1 place name port lan
  lan=lan-$MOAT-$how # a mark of its own: what is unanswered is sent again for a long time
  witness inside beside
  [ "$how" = moat ] || keep_rules
  for place in inside4:17000 inside6:17000 beside4:18000 beside6:18000; do
    port=${place#*:} place=${place%:*}
    name=${place%[46]}
    printf "$place-%s %s %s %s\n" t tcp "$(address "$name" "${place#"$name"}")" 7000 u udp "$(address "$name" "${place#"$name"}")" 7000 \
      m mute "$(address "$name" "${place#"$name"}")" 7001 T tcp "$(host "lan${place#"$name"}")" "$port" U udp "$(host "lan${place#"$name"}")" "$port"
  done | hold_open "$lan" lan
  [ "$(sort -u "$BATS_TEST_TMPDIR"/{inside,beside}.seen | grep -c "^$lan/.*/before$")" = 20 ]
  "$how"
  go_on "$lan"
  for place in inside4 inside6 beside4 beside6; do
    name=${place%[46]}
    echo "$place $(address "$name" "${place#"$name"}") 7000 ack,rst,fin,answer,syn,null $(own_port "$lan" "$place-t")"
    echo "$place $(address "$name" "${place#"$name"}") 7000 udp,wrong,cut $(own_port "$lan" "$place-u")"
    echo "$place-m $(address "$name" "${place#"$name"}") 7001 udp,detour $(own_port "$lan" "$place-m")"
  done | throw "belongs-$lan" lan
  judge
}

# A bridge and a member come to be: PLACE BRIDGE NUMBER.
appear() {
  local place=$1 bridge=$2 number=$3 pid
  pid=$("$LAB" docker inspect --format '{{.State.Pid}}' "netguard-$place")
  ip -n "$LAB_NAME-host" -batch - <<BATCH
link add $bridge type bridge
link set $bridge up
address add 172.30.$number.1/24 dev $bridge
address add fd6c:6c62:$number::1/64 dev $bridge nodad
link add v-$place master $bridge type veth peer name eth0 netns $pid
link set v-$place up
BATCH
  inside "netguard-$place" ip address add "172.30.$number.2/24" dev eth0
  inside "netguard-$place" ip address add "fd6c:6c62:$number::2/64" dev eth0 nodad
  inside "netguard-$place" ip link set eth0 up
}
vanish() {
  local link
  for link in v-late v-later br-warden br-late; do ip -n "$LAB_NAME-host" link delete "$link" 2>/dev/null || true; done
}
# Until then its addresses are somewhere else, where somebody answers by the same way: WORD of ip route.
elsewhere() {
  local number
  for number in 3 11; do
    ip -n "$LAB_NAME-host" route "$1" "172.30.$number.0/24" dev tailscale0
    ip -n "$LAB_NAME-host" -6 route "$1" "fd6c:6c62:$number::/64" dev tailscale0
  done
  for number in 1 10; do
    ip -n "$LAB_NAME-inet" route "$1" "192.168.77.$number/32" dev tail0
    ip -n "$LAB_NAME-inet" -6 route "$1" "2001:db8:77::$number/128" dev tail0
  done
}

# There is no bridge and no member yet. The LAN speaks to a member's address, and to what a stranger translates to it;
# then there are. HOW: moat, which is there from the beginning and may refuse an answer already, so that none is waited
# for; or kept_rules, which come when the kernel knows those connections. None was ever sent to the bridge before.
open_while_absent() {
  local how=$1 place number way ways=(tcp udp mute) flows=late-$MOAT-$RANDOM
  case "$how $MOAT" in
    "moat none") ;;
    moat*) ways=(mute) && moat ;;
    *) keep_rules ;;
  esac
  strangers <<'RULES'
table inet stranger {
  chain to {
    type nat hook prerouting priority -100
    meta nfproto ipv4 meta l4proto { tcp, udp } th dport 7103 dnat ip to 172.30.3.2
    meta nfproto ipv6 meta l4proto { tcp, udp } th dport 7103 dnat ip6 to fd6c:6c62:3::2
    meta nfproto ipv4 meta l4proto { tcp, udp } th dport 7111 dnat ip to 172.30.11.2
    meta nfproto ipv6 meta l4proto { tcp, udp } th dport 7111 dnat ip6 to fd6c:6c62:11::2
  }
}
RULES
  elsewhere replace
  for place in inside:3 beside:11; do
    number=${place#*:} place=${place%:*}
    for way in "${ways[@]}"; do
      printf '%s %s %s %s\n' "${place}4" "$way" "172.30.$number.2" 7000 "${place}6" "$way" "fd6c:6c62:$number::2" 7000 \
        "${place}4-sent-on" "$way" "$(host lan4)" "$((7100 + number))" "${place}6-sent-on" "$way" "$(host lan6)" "$((7100 + number))"
    done
  done | hold_open "$flows" lan
  for place in 172.30.3.2 172.30.11.2; do
    [ "$how $MOAT $place" = "moat $MOAT 172.30.3.2" ] || [ -n "$(on_host conntrack -L --orig-dst "$place" 2>/dev/null)" ]
  done
  elsewhere del
  [ "$how" = moat ] || kept_rules
  appear late br-warden 3
  appear later br-late 11
  witness late later
  go_on "$flows"
  judge
}

# Members opened connections that a stranger sends to the LAN and to the host, before the rules came: HOW. Their next
# packets are looked for where the first arrived.
open_outward() {
  local how=$1 place flows
  [ "$how" = moat ] || keep_rules
  strangers <<'RULES'
table inet stranger {
  chain to {
    type nat hook prerouting priority -100
    ip daddr 8.8.8.8 udp dport 53 dnat ip to 192.168.77.10
    ip daddr 8.8.8.8 tcp dport 5302 dnat ip to 192.168.77.10:445
    ip daddr 8.8.8.8 udp dport 5301 dnat ip to 192.168.77.2:7777
    ip6 daddr 2606:4700:4700::1111 udp dport 5300 dnat ip6 to 2001:db8:77::10
    ip6 daddr 2606:4700:4700::1111 tcp dport 5302 dnat ip6 to [2001:db8:77::10]:445
    ip6 daddr 2606:4700:4700::1111 udp dport 5301 dnat ip6 to [2001:db8:77::2]:7777
  }
}
RULES
  watch_world lan sniff lan0
  watch_world host listen br-cell br-free
  flows=out-$MOAT-$how
  for place in inside beside; do
    printf '%s\n' "${place}4 mute 8.8.8.8 53" "${place}4-nas tcp 8.8.8.8 5302" "${place}4-host mute 8.8.8.8 5301" \
      "${place}6 udp 2606:4700:4700::1111 5300" "${place}6-nas tcp 2606:4700:4700::1111 5302" "${place}6-host mute 2606:4700:4700::1111 5301" |
      hold_open "$flows-$place" "$place"
  done
  await_text "$BATS_TEST_TMPDIR/host.seen"
  local tries
  for ((tries = 0; tries < 200; tries++)); do [ "$(sort -u "$BATS_TEST_TMPDIR"/{lan,host}.seen | grep -c "^$flows-.*/before$")" = 12 ] && break; sleep 0.1; done
  [ "$(sort -u "$BATS_TEST_TMPDIR"/{lan,host}.seen | grep -c "^$flows-.*/before$")" = 12 ]
  "$how"
  go_on "$flows-inside" "$flows-beside"
  judge
}
