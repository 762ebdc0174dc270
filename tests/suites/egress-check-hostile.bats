#!/usr/bin/env bats
# The inspector among prisoners: it knows an engine's socket under any name, and leaves nothing behind. Nobody can
# lead it astray, hold it up, or make a leak look like a pass. All of it in the lab.

bats_require_minimum_version 1.5.0
load ../worlds/egress-check/world

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
