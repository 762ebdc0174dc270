#!/usr/bin/env bats
# The inspector in the lab: what it finds with no moat, with one, and on a network that leads nowhere;
# that it leaves nothing behind, and that no prisoner can lead it astray. No packet leaves the lab.

bats_require_minimum_version 1.5.0
load world

setup_file() {
  [ "$(id -u)" = 0 ] || { echo "the lab needs root" >&2; return 1; }
  image=${BASE_IMAGE:-$("$house/scripts/setup" | sed -n 's/^BASE_IMAGE=//p')}
  export image
  command -v egress-check >/dev/null || { echo "egress-check is not built: cargo build --release" >&2; return 1; }
  "$lab" up 3>&-
  "$lab" load "$image" 3>&-
  cleanup
  # The shipped policy, for containers and bridges of these tests' own.
  sed -e 's/172\.30\./172.31./; s/fd6c:6c62:/fd6c:6c63:/; s/"br-/"ec-/; s/^container = "cell"/container = "egress-check-cell"/' \
    "$house/compose/policy.toml" >"$BATS_FILE_TMPDIR/policy.toml"
  export CELLBLOCK_POLICY=$BATS_FILE_TMPDIR/policy.toml
  docker network create --ipv6 --subnet 172.31.1.0/24 --subnet fd6c:6c63:1::/64 -o com.docker.network.bridge.name=ec-cell egress-check-cell >/dev/null
  docker network create --subnet 172.31.2.0/24 --internal -o com.docker.network.bridge.name=ec-monitor egress-check-monitor >/dev/null
  start egress-check-cell --cap-drop ALL --network egress-check-cell --dns 9.9.9.9
  start monitor-egress-check --cap-drop ALL --network egress-check-monitor --dns 9.9.9.9
}

teardown_file() { cleanup; "$lab" down 3>&-; }

cleanup() {
  ip netns del egress-check-nowhere 2>/dev/null || true
  docker rm -f egress-check-cell monitor-egress-check egress-check-weak >/dev/null 2>&1 || true
  docker network rm egress-check-cell egress-check-monitor egress-check-egress >/dev/null 2>&1 || true
  in_host nft delete table inet egress_check_test 2>/dev/null || true
}

teardown() {
  ip -n "${LAB_NAME:-cellblock}-host" link del ec-cable 2>/dev/null || true
  in_host nft delete table inet egress_check_test 2>/dev/null || true
  docker rm -f egress-check-weak >/dev/null 2>&1 || true
  in_host iptables -D DOCKER-USER -j ACCEPT 2>/dev/null || true
}

netns() { printf '/run/netns/%s-%s\n' "${LAB_NAME:-cellblock}" "$1"; }
docker() { in_host docker "$@" 3>&-; }
check() { in_host egress-check "$@" --format jsonl; }
# `start NAME OPTION…`, and waits until its IPv6 addresses may be used (RFC 4862 section 5.4).
start() { local name=$1; shift; docker run -d --name "$name" "$@" "$image" sleep infinity >/dev/null; soon settled "$name"; }
settled() { local pid; pid=$(docker inspect --format '{{.State.Pid}}' "$1"); [ -z "$(nsenter "--net=/proc/$pid/ns/net" -- ip -6 address show tentative)" ]; }
# `all_are OUTCOME LIKE`: at least one probe's id is like that, and all of those ended so; else shows the others.
all_are() {
  local found
  found=$(jq -r --arg like "$2" 'select(.rule.id // "" | test($like)) | "\(.event.outcome) \(.rule.id): \(.event.reason)"' <<<"$output")
  [ -n "$found" ] || { echo "no probe like $2"; return 1; }
  if grep -v "^$1 " <<<"$found"; then return 1; fi
}
# `only LIKE` leaves of the cell's plan what has such an id, in a file that it prints the name of.
only() {
  check plan --container egress-check-cell | jq -c --arg like "$1" 'select(.rule.id // "" | test($like))' >"$BATS_TEST_TMPDIR/only"
  [ -s "$BATS_TEST_TMPDIR/only" ] && echo "$BATS_TEST_TMPDIR/only"
}
# `soon COMMAND…` waits until it succeeds, a minute at most.
soon() { local turn; for ((turn = 0; turn < 600; turn++)); do if "$@"; then return 0; fi; sleep 0.1; done; echo "never: $*"; return 1; }
outcome() { jq -r --arg id "$2" 'select(.rule.id == $id) | .event.outcome' <<<"$1"; }

# A small moat of these tests' own: private ranges of both families, groups, and the host itself. It lets
# answers in, as any has to; `moat` alone does so without a look at who sends them.
moat() {
  in_host nft -f - <<RULES
table inet egress_check_test {
  chain before {
    type filter hook prerouting priority mangle
    iifname != "ec-cell" accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
    $*
    ct direction reply accept
    ip daddr { 10.0.0.0/8, 100.64.0.0/10, 169.254.0.0/16, 172.16.0.0/12, 192.0.0.0/24, 192.0.2.0/24, 192.168.0.0/16, 198.18.0.0/15, 224.0.0.0/3 } drop
    ip6 daddr { 64:ff9b::/96, 64:ff9b:1::/48, 2001:db8::/32, 2002::/16, fc00::/7, fe80::/10, ff00::/8 } drop
    fib daddr type local drop
  }
}
RULES
}
no_forgery() { moat 'ip saddr != 172.31.1.0/24 drop; ip6 saddr != fd6c:6c63:1::/64 drop;'; }

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
  all_are success "lan[.]$nas_link[.]eth0[.]icmp"
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
  all_are failure "lan[.]$nas_link[.]eth0[.]icmp"
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

@test "a Docker socket inside a container is a finding, and a link of the prisoner's to one is not followed" {
  start egress-check-weak --network none -v "$state/docker.sock:/var/run/docker.sock"
  run --separate-stderr check run "$(only engine)" --container egress-check-weak --network cell --control
  [ "$(outcome "$output" egress-check-cell.engine.docker)" = failure ]
  docker rm -f egress-check-weak >/dev/null
  start egress-check-weak --cap-drop ALL --network none
  docker exec egress-check-weak ln -sf "/proc/1/root$state/docker.sock" /var/run/docker.sock
  run --separate-stderr check run "$(only engine)" --container egress-check-weak --network cell --control
  [ "$(outcome "$output" egress-check-cell.engine.docker)" = success ]
}

@test "a Docker socket under another name, or below a folder of the host's, is a finding too" {
  start egress-check-weak --network none -v "$state/docker.sock:/opt/harmless"
  run --separate-stderr check run "$(only engine)" --container egress-check-weak --network cell --control
  [ "$(outcome "$output" egress-check-cell.engine.docker)" = failure ]
  [[ "$output" == *"at /opt/harmless"* ]]
  docker rm -f egress-check-weak >/dev/null
  start egress-check-weak --network none -v "$state:/srv/state:ro"
  run --separate-stderr check run "$(only engine)" --container egress-check-weak --network cell --control
  [ "$(outcome "$output" egress-check-cell.engine.docker)" = failure ]
  docker rm -f egress-check-weak >/dev/null
  # Another socket in its place is none of the engine's.
  python3 -c 'import socket, sys, time; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(); time.sleep(300)' "$BATS_TEST_TMPDIR/other.sock" 3>&- &
  local other=$!
  soon test -S "$BATS_TEST_TMPDIR/other.sock"
  start egress-check-weak --cap-drop ALL --network none -v "$BATS_TEST_TMPDIR/other.sock:/opt/harmless"
  run --separate-stderr check run "$(only engine)" --container egress-check-weak --network cell --control
  kill "$other"
  [ "$(outcome "$output" egress-check-cell.engine.docker)" = success ]
}

@test "containerd's socket is known for what it is, though it speaks no HTTP/1" {
  start egress-check-weak --network none -v "$state/containerd/containerd.sock:/run/containerd/containerd.sock"
  jq -nc --arg outside "$state/containerd/containerd.sock" '{"@timestamp": "2026-11-22T05:00:00.000000Z", ecs: {version: "9.2.0"},
    event: {id: "x", provider: "jq", action: "probe-planned", kind: "state", severity: 0}, rule: {id: "containerd"},
    destination: {address: "/run/containerd/containerd.sock"},
    cellblock: {probe: {kind: "unix", expect: "blocked", control: {kind: "unix", address: $outside, port: 0}}}}' >"$BATS_TEST_TMPDIR/lines"
  run --separate-stderr check run "$BATS_TEST_TMPDIR/lines" --container egress-check-weak --control
  all_are failure containerd
  run --separate-stderr check run "$BATS_TEST_TMPDIR/lines" --container egress-check-cell --control
  all_are success containerd
}

@test "names are asked of the resolver in the container's own resolv.conf, and a container is found by its id too" {
  start egress-check-weak --cap-drop ALL --network egress-check-cell
  docker exec egress-check-weak sh -c 'echo "nameserver 81.2.69.53" >/etc/resolv.conf'
  jq -c 'del(.container) | .dns.question.name = "own-resolver.example.com"' "$(only 'names[.]resolve')" >"$BATS_TEST_TMPDIR/own"
  run --separate-stderr check run "$BATS_TEST_TMPDIR/own" --container "$(docker inspect --format '{{.Id}}' egress-check-weak | cut -c 1-12)" --control
  grep -q ' own-resolver[.]example[.]com A 81[.]2[.]69[.]53:53 ' "$state/dns.log"
  grep -q ' own-resolver[.]example[.]com A 9[.]9[.]9[.]9:53 ' "$state/dns.log"    # the control's
}

@test "a resolv.conf that is a FIFO does not hold it up" {
  # A prisoner's file tree: a mount namespace of its own, whose /etc holds nothing but a FIFO.
  unshare --mount sh -c 'mount -t tmpfs none /etc && mkfifo /etc/resolv.conf && exec sleep 60' 3>&- &
  local pid=$!
  soon test -p "/proc/$pid/root/etc/resolv.conf"
  run timeout 30 nsenter "--net=/run/netns/${LAB_NAME:-cellblock}-host" -- env "DOCKER_HOST=unix://$state/docker.sock" \
    egress-check run --pid "$pid" --network cell --timeout 500ms --format jsonl
  kill "$pid"
  [ "$status" -ne 124 ]
  [ "$status" -ne 2 ]
  [ "$(jq -r 'select(.rule.id == "egress-check-cell.names.resolve") | "\(.event.outcome) \(.event.reason)"' <<<"$output")" = \
    'unknown the probe could not be made: not made: its resolv.conf cannot be read: it is no regular file' ]
}

@test "a resolv.conf that hides its resolver behind ten megabytes is not taken for one that names nobody" {
  start egress-check-weak --cap-drop ALL --network egress-check-cell --dns 9.9.9.9
  docker exec egress-check-weak sh -c '{ head -c 10000000 /dev/zero | tr "\0" "#"; echo; cat /etc/resolv.conf; } >/tmp/long; cat /tmp/long >/etc/resolv.conf'
  run --separate-stderr check run --container egress-check-weak --network monitor --control
  all_are unknown 'names[.]unique[.]'
  [[ "$(jq -r 'select(.rule.id == "monitor.names.unique.tcp").event.reason' <<<"$output")" == *"more than 65536 bytes"* ]]
}

# `marked OPTION…` is a run that can be told from anybody else's on this machine; `inspectors` are its processes, and
# `holders NETNS` whatever holds a network namespace: threads in it, descriptors, mounts.
marked() { in_host env "EGRESS_MARK=$BATS_TEST_TMPDIR" egress-check run "$@" --format jsonl; }
inspectors() { grep -lszxF "EGRESS_MARK=$BATS_TEST_TMPDIR" /proc/[0-9]*/environ | cut -d / -f 3; }
netns_of() { readlink "/proc/$(docker inspect --format '{{.State.Pid}}' "$1")/ns/net"; }
holders() {
  local glob="net:\\[${1//[^0-9]/}\\]"
  { find /proc/[0-9]*/task/[0-9]*/ns/net /proc/[0-9]*/fd -lname "$glob" 2>/dev/null || true; grep -F " $1 " /proc/self/mountinfo || true; } | sort
}
# A thread of the run has entered the namespace, and so probes.
is_inside() { local pid; pid=$(inspectors) && find /proc/"$pid"/task/[0-9]*/ns/net -lname "net:\\[${1//[^0-9]/}\\]" 2>/dev/null | grep -q .; }
# Docker may let go of one meanwhile; nobody else may take one up.
nobody_left() { [ -z "$(inspectors)" ] && [ -z "$(comm -13 <(printf '%s\n' "$2") <(holders "$1"))" ]; }

@test "it stands in a process's namespace by its number, and leaves no process and no namespace behind" {
  local pid namespace before
  start egress-check-weak --cap-drop ALL --network egress-check-cell
  pid=$(docker inspect --format '{{.State.Pid}}' egress-check-weak)
  namespace=$(netns_of egress-check-weak)
  before=$(holders "$namespace")
  [ -n "$before" ]
  run --separate-stderr marked --pid "$pid" --network cell --control --timeout 300ms
  [ "$status" -ne 2 ]
  soon nobody_left "$namespace" "$before"
}

@test "killed in the middle it leaves no process and no namespace behind either" {
  local namespace before
  start egress-check-weak --cap-drop ALL --network egress-check-cell
  namespace=$(netns_of egress-check-weak)
  before=$(holders "$namespace")
  moat
  marked --container egress-check-weak --network cell --control --timeout 5m >/dev/null 3>&- &
  soon is_inside "$namespace"
  run ! nobody_left "$namespace" "$before"
  kill -9 "$(inspectors)"
  soon nobody_left "$namespace" "$before"
}

@test "a container that ends while it is inspected is no proof of a moat" {
  local namespace
  start egress-check-weak --cap-drop ALL --network egress-check-cell
  namespace=$(netns_of egress-check-weak)
  moat
  check plan --container egress-check-cell | jq -c 'select(.rule.id // "" | test("special[.]1|link[.]|raw|forged")) | .container.name = "egress-check-weak"' >"$BATS_TEST_TMPDIR/lines"
  marked "$BATS_TEST_TMPDIR/lines" --container egress-check-weak --control --timeout 8s >"$BATS_TEST_TMPDIR/run" 3>&- &
  soon is_inside "$namespace"
  # It stands still for as long as Docker takes.
  kill -STOP "$(inspectors)"
  docker rm -f egress-check-weak >/dev/null
  kill -CONT "$(inspectors)"
  soon finished "$BATS_TEST_TMPDIR/run"
  output=$(cat "$BATS_TEST_TMPDIR/run")
  all_are unknown '(special|link)[.]'
  [[ "$(jq -r 'select(.rule.id == "egress-check-cell.special.10.0.0.1.tcp.80").event.reason' <<<"$output")" == *"eth0 was taken away meanwhile"* ]]
}
finished() { grep -q run-finished "$1"; }

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

# A prisoner that would make a leak look like a pass.

@test "silence of a container that may change its own routes is unknown, and its leaks are findings" {
  start egress-check-weak --cap-drop ALL --cap-add NET_ADMIN --network egress-check-cell
  local pid
  pid=$(docker inspect --format '{{.State.Pid}}' egress-check-weak)
  nsenter "--net=/proc/$pid/ns/net" -- ip route add unreachable 192.168.77.10
  run --separate-stderr check run --container egress-check-weak --network cell --control --target 192.168.77.10
  all_are unknown 'target[.]192'
  nsenter "--net=/proc/$pid/ns/net" -- ip route del unreachable 192.168.77.10
  run --separate-stderr check run --container egress-check-weak --network cell --control --target 192.168.77.10
  all_are failure 'target[.]192.*tcp[.]22'
}

@test "a container that holds every port of its own is no proof of a moat" {
  start egress-check-weak --cap-drop ALL --network egress-check-cell --sysctl 'net.ipv4.ip_local_port_range=40000 40001'
  local pid
  pid=$(docker inspect --format '{{.State.Pid}}' egress-check-weak)
  nsenter "--net=/proc/$pid/ns/net" -- python3 -c '
import signal, socket
held = [socket.socket() for _ in range(2)]
for port, one in enumerate(held, 40000): one.bind(("0.0.0.0", port))
print("held", flush=True)
signal.pause()' >"$BATS_TEST_TMPDIR/held" 3>&- &
  local holder=$!
  soon grep -q held "$BATS_TEST_TMPDIR/held"
  run --separate-stderr check run --container egress-check-weak --network cell --control --target 192.168.77.10:22
  kill "$holder"
  all_are unknown 'target[.]192[.]168[.]77[.]10[.]tcp[.]22'
  [[ "$output" == *"assign requested address"* ]]
}

@test "a resolv.conf that names nobody does not hide that Docker's own resolver lets names out" {
  start egress-check-weak --cap-drop ALL --network egress-check-cell --dns 9.9.9.9
  docker exec egress-check-weak sh -c 'echo "nameserver 127.0.0.99" >/etc/resolv.conf'
  run --separate-stderr check run --container egress-check-weak --network monitor --control --dns-log "$state/dns.log"
  all_are failure 'names[.]docker[.]'
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
