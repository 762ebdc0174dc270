#!/usr/bin/env bats
# The inspector in the lab: what it finds with no moat, with one, and on a network that leads nowhere. No packet
# leaves the lab. What a prisoner may try against it is in egress-check-hostile.bats.

bats_require_minimum_version 1.5.0
load ../worlds/egress-check/world

@test "without a moat every private IPv4 target answers, and each is a finding with evidence" {
  run -1 --separate-stderr check run --container egress-check-cell --control --target 192.168.77.10
  for like in 'target[.]192[.]168[.]77[.]10[.](icmp|tcp|udp)' 'host[.]192[.]168[.]77[.]2[.]icmp' 'router[.]192[.]168[.]77[.]1' \
    'metadata[.](169[.]254|fd)' 'tailnet[.]' 'special[.](10|172|192|100)[.]' 'link[.]ec-cell[.]eth0[.](icmp|tcp[.]22)' 'link[.]ec-cell[.]eth0[.]all-nodes'; do
    all_are failure "$like"
  done
  seen=$(jq -r 'select(.rule.id == "egress-check-cell.target.192.168.77.10.tcp.22") | .cellblock.probe.seen' <<<"$output")
  [[ "$seen" == *"cellblock-lab lan 192.168.77.10:22"* ]]
}

@test "without a moat the internet passes, as the policy says of an open cell" {
  run --separate-stderr check run --container egress-check-cell --control --timeout 5s
  all_are success '[.](internet|names)[.]'
}

@test "behind a moat the same targets get nowhere, and the control shows that they answer" {
  moat
  run --separate-stderr check run --container egress-check-cell --control --target 192.168.77.10 --timeout 5s
  for like in 'target[.]192' 'host[.]' 'router[.]' 'metadata[.]' 'tailnet[.]' 'special[.]' 'gateway[.]172[.]31[.]1[.]' 'link[.]ec-cell[.]'; do
    all_are success "$like"
  done
  all_are success '[.](internet|names)[.]'
}

@test "a container on another bridge, and a port that it publishes, are found where the walls of Docker are open, and not behind a moat" {
  local pid server
  docker network create --subnet 172.31.4.0/24 -o com.docker.network.bridge.name=ec-egress egress-check-egress >/dev/null
  start egress-check-weak --network egress-check-egress --ip 172.31.4.2 -p 8443:80
  pid=$(docker inspect --format '{{.State.Pid}}' egress-check-weak)
  nsenter "--net=/proc/$pid/ns/net" -- python3 -m http.server 80 --directory "$BATS_TEST_TMPDIR" >/dev/null 2>&1 3>&- &
  server=$!
  soon in_host curl -sf -o /dev/null --max-time 5 http://172.31.4.2/
  in_host iptables -I DOCKER-USER -j ACCEPT
  run --separate-stderr check run --container egress-check-cell --control
  all_are failure 'neighbour[.]172[.]31[.]4[.]2[.](icmp|tcp[.]80)'
  all_are failure '(host[.]192[.]168[.]77[.]2|gateway[.]172[.]31[.]1[.]1)[.]tcp[.]8443'
  moat
  run --separate-stderr check run --container egress-check-cell --control
  kill "$server"
  all_are success 'neighbour[.]172[.]31[.]4[.]2[.](icmp|tcp[.]80)'
  all_are success '(host[.]192[.]168[.]77[.]2|gateway[.]172[.]31[.]1[.]1)[.]tcp[.]8443'
}

# The LAN over IPv6, and by the questions that appliances answer.

# The host knows its LAN's machines by the addresses that it has talked to: a global one, and one of the link alone.
meet_the_nas() {
  nas_link=$(ip -json -n "${LAB_NAME:-cellblock}-lan" -6 address show dev lan0 scope link | jq -r '.[].addr_info[]?.local // empty')
  soon in_host ping -6 -n -c1 -W1 2001:db8:77::10
  soon in_host ping -6 -n -c1 -W1 "$nas_link%lan0"
}

# `listen WORLD INTERFACE`: in the groups of mDNS and SSDP there, as responders are on every interface; what answers
# is the lab's server on these ports.
listen() {
  nsenter "--net=$(netns "$1")" -- python3 -c '
import signal, socket, struct, sys
index = struct.pack("=i", socket.if_nametoindex(sys.argv[1]))
four, six = (socket.socket(family, socket.SOCK_DGRAM) for family in (socket.AF_INET, socket.AF_INET6))
for group in "224.0.0.251", "239.255.255.250":
    four.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + bytes(4) + index)
for group in "ff02::fb", "ff02::c":
    six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, socket.inet_pton(socket.AF_INET6, group) + index)
print("listening", flush=True)
signal.pause()' "$2" >"$BATS_TEST_TMPDIR/listening" 3>&- &
  listener=$!
  soon grep -q listening "$BATS_TEST_TMPDIR/listening"
}

@test "the LAN's machines over IPv6, and a host that answers to its groups, are found without a moat and not behind one" {
  local nas_link listener
  meet_the_nas
  listen host ec-cell     # the lab's host serves mDNS, and no SSDP
  run --separate-stderr check run --container egress-check-cell --control
  all_are failure 'lan[.]2001:db8:77::10[.](icmp|tcp[.]22)'
  all_are failure 'discovery[.]mdns[.](224|ff02)'
  all_are success 'discovery[.]ssdp[.](239|ff02)'     # nobody forwards for the cell, and the NAS answers the host
  all_are success "lan[.]${nas_link}[.]eth0[.]icmp"
  [[ "$(jq -r 'select(.rule.id == "egress-check-cell.discovery.ssdp.ff02::c.eth0").cellblock.probe.control_seen' <<<"$output")" == *"cellblock-lab lan"* ]]
  moat
  run --separate-stderr check run --container egress-check-cell --control
  kill "$listener"
  all_are success '[.](lan[.]2001:db8:77::10|discovery)[.]'
}

@test "a cell whose bridge is joined to the LAN finds it by its groups, and by an address of the link alone" {
  local nas_link listener cable=ec-cable lab_name=${LAB_NAME:-cellblock}
  meet_the_nas
  ip -n "$lab_name-host" link add "$cable" type veth peer name "$cable" netns "$lab_name-lan"
  ip -n "$lab_name-lan" link set "$cable" address "$(ip -json -n "$lab_name-lan" link show lan0 | jq -r '.[0].address')" up
  ip -n "$lab_name-lan" address add 172.31.1.200/24 dev "$cable"
  ip -n "$lab_name-host" link set "$cable" master ec-cell up
  listen lan "$cable"
  run --separate-stderr check run "$(only 'discovery|[.]lan[.]fe80')" --container egress-check-cell --control
  kill "$listener"
  ip -n "$lab_name-host" link del "$cable"
  all_are failure 'discovery[.](mdns|ssdp)[.](2|ff02)'
  all_are failure "lan[.]${nas_link}[.]eth0[.]icmp"
}

@test "behind the same moat, without a control, nothing blocked is called a pass" {
  moat
  run --separate-stderr check run --container egress-check-cell --target 192.168.77.10
  [ "$status" = 3 ] || [ "$status" = 1 ]    # 1 where the lab was too busy for what must pass
  all_are unknown 'target[.]192'
}

@test "a control that gets no answer either leaves the verdict open" {
  moat
  ip netns add egress-check-nowhere
  run --separate-stderr check run --container egress-check-cell --control-netns /run/netns/egress-check-nowhere --target 192.168.77.10
  ip netns del egress-check-nowhere
  all_are unknown 'target[.]192'
}

@test "the pipe works: plan on the host, probes in the container" {
  moat
  check plan --container egress-check-cell --target 192.168.77.10 >"$BATS_TEST_TMPDIR/lines"
  grep -c probe-planned "$BATS_TEST_TMPDIR/lines"
  run --separate-stderr check run - --container egress-check-cell --control <"$BATS_TEST_TMPDIR/lines"
  planned=$(grep -c probe-planned "$BATS_TEST_TMPDIR/lines")
  [ "$(jq -r 'select(.event.action == "run-finished").cellblock.counts.checked' <<<"$output")" = "$planned" ]
  all_are success 'target[.]192'
}

@test "names are asked of the resolver in the container's own resolv.conf, and a container is found by its id too" {
  start egress-check-weak --cap-drop ALL --network egress-check-cell
  docker exec egress-check-weak sh -c 'echo "nameserver 81.2.69.53" >/etc/resolv.conf'
  jq -c 'del(.container) | .dns.question.name = "own-resolver.example.com"' "$(only 'names[.]resolve')" >"$BATS_TEST_TMPDIR/own"
  run --separate-stderr check run "$BATS_TEST_TMPDIR/own" --container "$(docker inspect --format '{{.Id}}' egress-check-weak | cut -c 1-12)" --control
  grep -q ' own-resolver[.]example[.]com A 81[.]2[.]69[.]53:53 ' "$state/dns.log"
  grep -q ' own-resolver[.]example[.]com A 9[.]9[.]9[.]9:53 ' "$state/dns.log"    # the control's
}

@test "on an internal network a unique DNS name never leaves, and the control's does" {
  run --separate-stderr check run --container monitor-egress-check --network monitor --control --timeout 10s
  all_are success 'names[.]unique'
  asked=$(jq -r 'select(.rule.id // "" | test("names[.]unique")) | .dns.question.name' <<<"$output")
  [ -n "$asked" ]
  for name in $asked; do
    if grep -qi "$name" "$state/dns.log"; then echo "$name left"; return 1; fi
  done
  grep -q ' ec-[0-9a-f]*[.]example[.]com ' "$state/dns.log"    # the control's own labels did arrive
  all_are success 'internet[.]9[.]9[.]9[.]9'
}

@test "a container that does not run, or is not there, is status 2 with a way out" {
  docker create --name egress-check-stopped "$image" true >/dev/null
  run -2 check run --container egress-check-stopped --network cell
  [[ "$output" == *"not running"* ]]
  docker rm egress-check-stopped >/dev/null
  run -2 check run --container egress-check-nobody --network cell
  [[ "$output" == *"docker ps"* ]]
}

@test "a person's own lines, one of each kind over IPv4 and IPv6, all get out where nothing is in the way" {
  jq -nc '("93.184.215.14", "2620:fe::fe") as $address
    | ["tcp", 25], ["udp", 9999], ["icmp", null], ["http", 80], ["https", 443], ["tls", 443], ["ws", 80], ["wss", 443],
      ["dns", 53], ["dns-tcp", 53]
    | {"@timestamp": "2026-11-22T05:00:00.000000Z", ecs: {version: "9.2.0"},
       event: {id: "x", provider: "jq", action: "probe-planned", kind: "state", severity: 0},
       rule: {id: "\(.[0]) \($address)"}, destination: {address: $address, port: .[1]},
       dns: {question: {name: "example.com"}}, tls: {client: {server_name: "github.com"}},
       cellblock: {probe: {kind: .[0], expect: "blocked"}}}' >"$BATS_TEST_TMPDIR/lines"
  [ "$(wc -l <"$BATS_TEST_TMPDIR/lines")" = 20 ]
  run --separate-stderr check run "$BATS_TEST_TMPDIR/lines" --container egress-check-cell --control --timeout 10s
  all_are failure '^[a-z-]+ [0-9]'
  moat 'drop;'
  run --separate-stderr check run "$BATS_TEST_TMPDIR/lines" --container egress-check-cell --control --timeout 2s
  all_are success '^[a-z-]+ [0-9]'
}

@test "a real QUIC server reads the first packet where nothing is in the way, and behind a moat the control's alone" {
  local server="$CARGO_TARGET_DIR/release/examples/quic-server" pid
  [ -x "$server" ] || { echo "not built: cargo build --release -p egress-check --examples"; return 1; }
  # Ahead of the lab's catch-all: one port for the server, and one where nobody is.
  nsenter "--net=$(netns inet)" -- nft 'insert rule inet lab arrivals udp dport 4433 accept; insert rule inet lab arrivals udp dport 4434 drop'
  nsenter "--net=$(netns inet)" -- "$server" '[::]:4433' >"$BATS_TEST_TMPDIR/server" 3>&- &
  pid=$!
  soon grep -q bound "$BATS_TEST_TMPDIR/server"
  jq -nc '("93.184.215.14", "2620:fe::fe") as $address | 4433, 4434
    | {"@timestamp": "2026-11-22T05:00:00.000000Z", ecs: {version: "9.2.0"},
       event: {id: "x", provider: "jq", action: "probe-planned", kind: "state", severity: 0},
       rule: {id: "\(.) \($address)"}, destination: {address: $address, port: .},
       tls: {client: {server_name: "chosen.example"}},
       cellblock: {probe: {kind: "quic", expect: "blocked", timeout_ms: (if . == 4434 then 500 else null end)}}}' >"$BATS_TEST_TMPDIR/lines"
  run --separate-stderr check run "$BATS_TEST_TMPDIR/lines" --container egress-check-cell --control --timeout 10s
  all_are failure '^4433 '
  all_are unknown '^4434 '
  [ "$(grep -c 'QUIC v1: ServerHello inside, .*QUIC v1: ServerHello outside' <<<"$output")" = 2 ]
  grep -q 'handshake chosen.example' "$BATS_TEST_TMPDIR/server"
  moat 'drop;'
  run --separate-stderr check run "$BATS_TEST_TMPDIR/lines" --container egress-check-cell --control --timeout 2s
  kill "$pid"
  all_are success '^4433 '
  all_are unknown '^4434 '
}

@test "the gate's names are asked of its own resolvers, not of Docker's, which knows them as the gate itself" {
  docker network create --subnet 172.31.4.0/24 -o com.docker.network.bridge.name=ec-egress egress-check-egress >/dev/null
  start proxy --cap-drop ALL --network egress-check-egress --network-alias api.github.com
  check plan --container proxy | jq -c 'select(.rule.id // "" | test("internet[.]api[.]github"))' >"$BATS_TEST_TMPDIR/lines"
  run --separate-stderr check run "$BATS_TEST_TMPDIR/lines" --container proxy --control --timeout 10s
  all_are success 'internet[.]api[.]github[.]com[.](https|tls)'
  run --separate-stderr check run "$BATS_TEST_TMPDIR/lines" --container proxy --control --resolver 127.0.0.11
  all_are failure 'internet[.]api[.]github[.]com[.](https|tls)'
}

# Evidence that an answer does not give.

# `ask_names` prints probes of a name of its own, asked of the resolver outside by its address.
ask_names() {
  check plan --network monitor | jq -c 'select(.rule.id == "monitor.internet.9.9.9.9.dns") | .container.name = "egress-check-cell" | .cellblock.probe.evidence = "outside-name"'
}

@test "a name that leaves while its answer is dropped looks like a pass, and the log outside tells" {
  ask_names >"$BATS_TEST_TMPDIR/lines"
  [ "$(wc -l <"$BATS_TEST_TMPDIR/lines")" = 1 ]
  in_host nft 'add table inet egress_check_test; add chain inet egress_check_test after { type filter hook prerouting priority mangle; }
    add rule inet egress_check_test after iifname "lan0" udp sport 53 ct original ip saddr 172.31.1.0/24 drop'
  run -0 --separate-stderr check run "$BATS_TEST_TMPDIR/lines" --container egress-check-cell --network monitor --control --timeout 2s
  run -1 --separate-stderr check run "$BATS_TEST_TMPDIR/lines" --container egress-check-cell --network monitor --control --timeout 2s --dns-log "$state/dns.log"
  all_are failure 'internet[.]9[.]9[.]9[.]9[.]dns'
  [[ "$output" == *"in the log outside"* ]]
}

@test "on an internal network the log outside has the control's names and none of the cell's" {
  run --separate-stderr check run --container monitor-egress-check --network monitor --control --timeout 5s --dns-log "$state/dns.log"
  all_are success 'names[.](unique|docker)[.]'
  [[ "$(jq -r 'select(.rule.id == "monitor.names.docker.tcp") | .event.reason' <<<"$output")" == *"the control's name and not this one"* ]]
}

@test "a log that has not the control's name either decides nothing" {
  ask_names >"$BATS_TEST_TMPDIR/lines"
  : >"$BATS_TEST_TMPDIR/empty.log"
  run -3 --separate-stderr check run "$BATS_TEST_TMPDIR/lines" --container egress-check-cell --network monitor --control --dns-log "$BATS_TEST_TMPDIR/empty.log"
  all_are unknown 'internet[.]9[.]9[.]9[.]9[.]dns'    # NXDOMAIN came back, which somebody inside can say too
  run -2 check run "$BATS_TEST_TMPDIR/lines" --container egress-check-cell --network monitor --dns-log /nowhere/dns.log
  [[ "$output" == *"/nowhere/dns.log"* ]]
}

# Packets in somebody else's name.

@test "a forged answer reaches the host where only its direction is looked at, over IPv4 and IPv6" {
  moat
  run --separate-stderr check run --container egress-check-cell --control
  all_are failure 'forged[.]9[.]9[.]9[.]9'
  all_are failure 'forged[.]2620:fe::fe'
}

@test "a moat that looks at sources first keeps forged answers out, and the far side shows that it would have seen them" {
  no_forgery
  run --separate-stderr check run --container egress-check-cell --control
  all_are success 'forged[.]'
  [[ "$(jq -r 'select(.rule.id == "egress-check-cell.forged.9.9.9.9") | .cellblock.probe.control_seen' <<<"$output")" == *"forged datagram of its own arrived"* ]]
  run --separate-stderr check run --container egress-check-cell
  all_are unknown 'forged[.]'
}

@test "a raw socket opens with Docker's default capabilities and not without" {
  run --separate-stderr check run "$(only raw)" --container egress-check-cell --control
  all_are success 'raw[.]ipv[46]'
  start egress-check-weak --network egress-check-cell
  run --separate-stderr check run "$(only raw)" --container egress-check-weak --network cell --control
  all_are failure 'raw[.]ipv[46]'
}

# For a person.

@test "on a terminal a bar counts the probes, and elsewhere there is none" {
  ip netns add egress-check-nowhere
  local probes=$BATS_TEST_TMPDIR/lines
  check plan --container egress-check-cell | jq -c 'select(.rule.id // "" | test("special")) | del(.container)' >"$probes"
  run script -qec "egress-check run $probes --netns /run/netns/egress-check-nowhere --timeout 300ms" /dev/null
  [[ "$output" =~ [0-9]+/$(wc -l <"$probes")\ probes ]]
  run --separate-stderr egress-check run "$probes" --netns /run/netns/egress-check-nowhere --timeout 300ms --format jsonl
  ip netns del egress-check-nowhere
  # shellcheck disable=SC2154  # bats sets it
  [ -z "$stderr" ]
}
