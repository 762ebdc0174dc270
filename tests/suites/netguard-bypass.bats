#!/usr/bin/env bats
# What shadows or defeats the moat although its rules stand: each condition is made for real, in a lab of its
# own as netguard.bats has it. verify finds it there, and not before.
# shellcheck disable=SC2030,SC2031  # each test runs in a process of its own, and that is meant

bats_require_minimum_version 1.5.0
load ../worlds/netguard/world.bash

# What this world is made of: the attacks need two members that may write frames.
readonly ALWAYS="neighbours-pose cell"

setup_file() { build_world; }
teardown_file() { leave_world; }
setup() { guard apply >/dev/null; }
teardown() {
  local link
  for link in netguard-lan br-cell.5; do ip -n "$LAB_NAME-host" link del "$link" 2>/dev/null || true; done
}

# Exactly these are found, beside what always is; one argument each.
finds() {
  local wanted found
  wanted=$(printf '%s\n' "$ALWAYS" "$@" | sort)
  found=$(shadows)
  [ "$found" = "$wanted" ] || { printf 'wanted:\n%s\nfound:\n%s\n' "$wanted" "$found" >&2; return 1; }
}

set_to() { on_host sysctl -q -w "net.$1=$2"; }

# Takes a rule of the cell's out of the kernel.
drop_rule() {
  local handle
  handle=$(on_host nft -a list chain inet netguard net-cell | sed -n "s/.*\"cell\/$1\" # handle //p")
  on_host nft delete rule inet netguard net-cell handle "$handle"
}

@test "of a world in order nothing is found but what it is made of, and nothing is unknown" {
  finds
  [ -z "$(shadows unknown)" ]
  run -1 guard verify
}

@test "a table that another program flushed is named, and so is a host that forwards without it" {
  on_host nft delete table inet netguard
  shadows >"$BATS_TEST_TMPDIR/found"
  grep -qx 'table-missing host' "$BATS_TEST_TMPDIR/found"
  grep -qx 'forward-policy host' "$BATS_TEST_TMPDIR/found"
}

@test "where nft is not installed, iptables tells whether a host forwards without the moat" {
  local verdict family
  policies() { for family in iptables ip6tables; do on_host "$family" -P FORWARD "$1"; done; }
  forward_policy() { without_nft verify --format jsonl | jq -r 'select(.rule.id == "forward-policy") | .event.outcome' || true; }
  on_host nft delete table inet netguard
  policies DROP
  verdict=$(forward_policy)
  policies ACCEPT
  [ "$verdict" = success ]
  [ "$(forward_policy)" = failure ]
  for family in iptables ip6tables; do on_host "$family" -A FORWARD -j REJECT; done
  verdict=$(forward_policy)
  for family in iptables ip6tables; do on_host "$family" -D FORWARD -j REJECT; done
  # Docker's own policy for IPv4, as it was.
  on_host iptables -P FORWARD DROP
  [ "$verdict" = success ]
}

@test "loopback that is routed is found on all interfaces, and on a bridge when the moat's host rule is gone" {
  set_to ipv4.conf.br-cell.route_localnet 1 # as Docker does without its proxy
  finds
  drop_rule host
  finds "route-localnet cell"
  set_to ipv4.conf.br-cell.route_localnet 0
  guard apply >/dev/null
  set_to ipv4.conf.all.route_localnet 1 # as kube-proxy does
  finds
  drop_rule host
  finds "route-localnet host"
  set_to ipv4.conf.all.route_localnet 0
  finds
}

@test "a setting that a rule makes harmless is found when the rule is gone, and not before" {
  set_to ipv4.conf.all.rp_filter 0
  set_to ipv4.conf.br-cell.rp_filter 2
  set_to ipv6.conf.br-cell.accept_ra 2
  set_to ipv6.conf.br-cell.forwarding 0
  set_to ipv6.conf.br-cell.accept_redirects 1
  finds
  drop_rule source4
  finds "loose-source cell"
  drop_rule host
  finds "loose-source cell" "redirects cell" "router-advertisements cell"
  drop_rule strict-route
  finds "loose-source cell" "redirects cell" "router-advertisements cell" "source-route cell"
  set_to ipv4.conf.br-cell.rp_filter 1
  set_to ipv4.conf.br-cell.accept_source_route 0
  set_to ipv4.conf.br-cell.accept_redirects 0
  set_to ipv6.conf.br-cell.accept_redirects 0
  set_to ipv6.conf.br-cell.accept_ra 0
  set_to ipv6.conf.br-cell.forwarding 1
  finds
  set_to ipv4.conf.br-cell.accept_source_route 1
}

@test "a port that leads to no container is found, and so is an interface on top of the bridge" {
  ip -n "$LAB_NAME-host" link add link lan0 name netguard-lan type macvlan
  finds
  ip -n "$LAB_NAME-host" link set netguard-lan master br-cell
  finds "foreign-port cell"
  ip -n "$LAB_NAME-host" link del netguard-lan
  ip -n "$LAB_NAME-host" link add link br-cell name br-cell.5 type macvlan
  finds "stacked-interface cell"
}

@test "a member that joins a network beside the moat is found, and its leaving ends it" {
  finds
  sealed_way_out del
  "$LAB" docker network connect netguard-free netguard-sealed
  finds "container-unguarded netguard-sealed"
  "$LAB" docker network disconnect netguard-free netguard-sealed
  sealed_way_out replace
  finds
}

@test "the cell on the host's own network is found" {
  box cell --network host
  finds "container-unguarded cell"
  "$LAB" docker rm -f cell >/dev/null
  finds
}

@test "a network of the policy that Docker has on another bridge is found by its addresses" {
  "$LAB" docker network create --subnet 172.30.4.0/24 netguard-elsewhere >/dev/null
  finds "network-elsewhere egress"
  "$LAB" docker network rm netguard-elsewhere >/dev/null
  finds
}

@test "an interface of the host in a network's range is named before anything is planned, and found" {
  on_host ip address add 172.30.2.77/16 dev lan0
  run -2 guard plan
  [[ $output == *"lan0 of this machine is on 172.30"* ]]
  guard apply >/dev/null
  shadows | grep -qx 'lan-over-bridge monitor'
  on_host ip address del 172.30.2.77/16 dev lan0
  guard apply >/dev/null
  finds
}

@test "a VPN's default route in pieces is a way out, and does not take the internet from the cell" {
  local piece
  on_host ip link add netguard-wg type veth peer name netguard-wg1
  on_host ip link set netguard-wg up
  for piece in 0.0.0.0/5 8.0.0.0/7 11.0.0.0/8 12.0.0.0/6 16.0.0.0/4 32.0.0.0/3 64.0.0.0/2 128.0.0.0/3; do
    on_host ip route add "$piece" dev netguard-wg metric 9000
  done
  [[ $(guard explain 8.8.8.8 | jq -r 'select(.destination) | .event.type[]') == *allowed* ]]
  on_host ip link del netguard-wg
}

@test "a network whose nat rules somebody flushed has no way out, and is told" {
  local saved
  outside_answers() { inside netguard-open curl -sf -m 2 -o /dev/null http://45.33.7.30/; }
  outside_answers
  saved=$(on_host iptables-save -t nat)
  on_host iptables -t nat -F POSTROUTING
  run ! outside_answers
  finds "no-way-out cell"
  on_host iptables-restore -T nat <<<"$saved"
  outside_answers
  finds
}

# As Tailscale's exit node does without --exit-node-allow-lan-access: a rule before the main table, and a table of its own.
@test "a VPN that takes the answers to the cell as well is told, and one that leaves local networks out is not" {
  outside_answers() { inside netguard-open curl -sf -m 2 -o /dev/null http://45.33.7.30/; }
  outside_answers
  on_host ip route add default dev tailscale0 table 52
  on_host ip rule add priority 5270 lookup 52
  run ! outside_answers
  finds "answers-astray cell"
  on_host ip route add throw 172.30.1.0/24 table 52
  outside_answers
  finds
  on_host ip rule del priority 5270
  on_host ip route flush table 52
}

# What the moat lets by a stranger's rule refuses: in its own table, or in Docker's chain for users.
@test "a rule of another program that refuses what the moat lets by is told, in nft's words and in iptables's" {
  outside_answers() { inside netguard-open curl -sf -m 2 -o /dev/null http://45.33.7.30/; }
  outside_answers
  on_host nft add table inet stranger
  on_host nft 'add chain inet stranger forward { type filter hook forward priority 10; }'
  on_host nft 'add rule inet stranger forward iifname "docker0" drop'
  on_host nft 'add rule inet stranger forward meta mark 7 drop'
  outside_answers
  finds
  on_host nft 'add rule inet stranger forward iifname "br-cell" ct state new drop'
  run ! outside_answers
  finds "refused-elsewhere cell"
  on_host nft 'insert rule inet stranger forward meta mark != 9 accept'
  outside_answers
  finds
  [ "$(shadows unknown)" = "refused-elsewhere cell" ]
  on_host nft delete table inet stranger
  on_host iptables -I DOCKER-USER -s 172.30.1.0/24 -p tcp -m comment --comment "no web" -j REJECT
  run ! outside_answers
  finds "refused-elsewhere cell"
  [[ $(guard verify --format jsonl | jq -r 'select(.rule.id == "refused-elsewhere") | .event.reason') == *'--comment "no web" -j REJECT'* ]]
  on_host iptables -F DOCKER-USER
  on_host iptables -A DOCKER-USER -j RETURN
  outside_answers
  finds
}

@test "Docker's rules flushed under its own policy of drop are told" {
  local saved
  saved=$(on_host iptables-save -t filter)
  on_host iptables -P FORWARD DROP
  on_host iptables -F FORWARD
  finds "refused-elsewhere cell"
  on_host iptables-restore -T filter <<<"$saved"
  finds
}

# The engine here, 26, takes the option and does nothing by it; from 27 on it does what it says.
@test "a network that Docker was told to let the LAN route to is found, and one that it filters is not" {
  net netguard-warden br-warden 3 --opt com.docker.network.bridge.gateway_mode_ipv4=nat
  finds
  "$LAB" docker network rm netguard-warden >/dev/null
  net netguard-warden br-warden 3 --opt com.docker.network.bridge.gateway_mode_ipv6=routed
  finds "docker-direct-routing warden"
  "$LAB" docker network rm netguard-warden >/dev/null
  finds
}

@test "isolated ports keep two members apart that may write frames, and one open port does not" {
  local port ports
  mapfile -t ports < <(ip -n "$LAB_NAME-host" -j link show master br-cell | jq -r '.[].ifname')
  [ "${#ports[@]}" = 2 ]
  for port in "${ports[@]}"; do on_host bridge link set dev "$port" isolated on; done
  [ -z "$(shadows)" ]
  # What the absence stands for: the two really do not reach each other.
  run ! inside netguard-open curl -sf -m 2 -o /dev/null http://172.30.1.3/
  on_host bridge link set dev "${ports[0]}" isolated off
  finds
  on_host bridge link set dev "${ports[1]}" isolated off
}
@test "two members without capabilities on one bridge are no finding" {
  net netguard-warden br-warden 3 --internal
  box netguard-bare1 --network netguard-warden --cap-drop ALL
  box netguard-bare2 --network netguard-warden --cap-drop ALL
  finds
  box netguard-raw --network netguard-warden --cap-drop ALL --cap-add NET_RAW
  finds "neighbours-pose warden"
  "$LAB" docker rm -f netguard-bare1 netguard-bare2 netguard-raw >/dev/null
  "$LAB" docker network rm netguard-warden >/dev/null
}

@test "members that Docker keeps apart are found when frames do not meet its rule" {
  net netguard-warden br-warden 3 --opt com.docker.network.bridge.enable_icc=false
  box netguard-raw1 --network netguard-warden
  box netguard-raw2 --network netguard-warden
  set_to bridge.bridge-nf-call-iptables 1
  set_to bridge.bridge-nf-call-ip6tables 1
  finds
  set_to bridge.bridge-nf-call-iptables 0
  finds "bridge-netfilter warden" "neighbours-pose warden"
  set_to bridge.bridge-nf-call-iptables 1
  "$LAB" docker rm -f netguard-raw1 netguard-raw2 >/dev/null
  "$LAB" docker network rm netguard-warden >/dev/null
}

@test "without an engine that answers, what only Docker knows is unknown, and the exit status says so" {
  local status=0
  DOCKER_HOST=unix:///nowhere on_host env CELLBLOCK_POLICY="$POLICY" "$NETGUARD" verify --format jsonl >"$BATS_TEST_TMPDIR/verified" || status=$?
  [ "$status" = 3 ]
  jq -r 'select(.event.outcome == "unknown" and .event.action == "shadow-checked") | .rule.id' "$BATS_TEST_TMPDIR/verified" | sort -u >"$BATS_TEST_TMPDIR/unknown"
  diff "$BATS_TEST_TMPDIR/unknown" - <<'IDS'
answers-astray
bridge-missing
bridge-netfilter
container-unguarded
docker-accept-fwmark
docker-direct-routing
docker-no-raw
docker-rootless
firewalld-refuses
neighbours-pose
network-elsewhere
no-way-out
refused-elsewhere
IDS
}

@test "a daemon that was told to let in what it keeps out is found by flag, file and variable" {
  daemon_shadows() { shadows | grep '^docker-' || true; }
  [ -z "$(daemon_shadows)" ]
  printf '{"bridge-accept-fwmark": "0x1"}\n' >"/run/$LAB_NAME-lab/daemon.json"
  [ "$(daemon_shadows)" = "docker-accept-fwmark host" ]
  # Engines from 28 on take it; this one would not start with it, and reads the file when it starts alone.
  printf '{"allow-direct-routing": true}\n' >"/run/$LAB_NAME-lab/daemon.json"
  [ "$(daemon_shadows)" = "docker-direct-routing host" ]
  printf '{}\n' >"/run/$LAB_NAME-lab/daemon.json"
  restart_engine DOCKER_INSECURE_NO_IPTABLES_RAW=1 --
  [ "$(daemon_shadows)" = "docker-no-raw host" ]
  restart_engine --
  [ -z "$(daemon_shadows)" ]
}
