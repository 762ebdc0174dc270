#!/usr/bin/env bats
# The moat explains, counts and keeps itself: explain against the kernel's own verdict, denied flows by
# container, and rules that come back. In a lab of its own, as netguard.bats.
# shellcheck disable=SC2030,SC2031  # each test runs in a process of its own, and that is meant

bats_require_minimum_version 1.5.0
load ../worlds/netguard/world.bash

setup_file() { build_world; }
teardown_file() { leave_world; }
setup() { guard apply >/dev/null; }
teardown() {
  [ -z "${FLOOD:-}" ] || kill "$FLOOD" 2>/dev/null || true
  [ -z "${WATCHER:-}" ] || { kill "$WATCHER" 2>/dev/null && wait "$WATCHER"; } || true
}

@test "an error message about a connection between the LAN and the host is no answer, and goes nowhere" {
  error_messages_are_no_answers
}

@test "explain and the kernel agree on random addresses and on both sides of every boundary" {
  explain_and_kernel_agree
}

@test "denied names the container, what it tried, how often, and why not" {
  not_reached netguard-open udp 192.168.77.10 4321
  not_reached netguard-open udp 192.168.77.10 4321
  not_reached netguard-open ping 2a0a:77::10
  guard denied --format jsonl >"$BATS_TEST_TMPDIR/denied"
  jq -e -s 'any(.[]; .container.name == "netguard-open" and .destination.ip == "192.168.77.10" and .destination.port == 4321
    and .network.transport == "udp" and .source.packets == 2 and .rule.id == "cell/special4")' "$BATS_TEST_TMPDIR/denied"
  jq -e -s 'any(.[]; .destination.ip == "2a0a:77::10" and .network.transport == "ipv6-icmp" and .rule.id == "cell/onlink6")' "$BATS_TEST_TMPDIR/denied"
}

@test "denied --follow tells a flow when it is first seen, then what is new of it, and ends in good order" {
  start "$BATS_TEST_TMPDIR/follow" denied --follow --interval 1
  not_reached netguard-open udp 192.168.77.10 5555
  await_line "$BATS_TEST_TMPDIR/follow" '.destination.port == 5555 and .source.packets == 1'
  not_reached netguard-open udp 192.168.77.10 5555
  not_reached netguard-open udp 192.168.77.10 5555
  for _ in {1..100}; do
    total=$(jq -s '[.[] | select(.destination.port == 5555) | .source.packets] | add' "$BATS_TEST_TMPDIR/follow")
    [ "$total" = 3 ] && break
    sleep 0.1
  done
  [ "$total" = 3 ]
  kill -TERM "$WATCHER"
  wait "$WATCHER"
  WATCHER=
  [ "$(tail -n 1 "$BATS_TEST_TMPDIR/follow" | jq -r .event.action)" = run-finished ]
}

@test "a flood of different flows hides the first of nobody else, neither on its network nor on another" {
  fresh_counts
  flood 20000
  not_reached netguard-peer udp 192.168.77.10 777
  not_reached netguard-sealed udp 172.30.2.1 778
  recorded netguard-peer 777
  recorded netguard-sealed 778
  # 4096 at once, and 30 a minute of a flood that may take its time on a busy machine.
  [ "$(held flows4-cell)" -ge 4096 ]
  [ "$(held flows4-cell)" -lt 8192 ]
  guard denied --format jsonl | jq -e -s 'any(.[]; .event.action == "flows-unrecorded" and .network.name == "cell" and .source.packets > 10000)'
}

@test "without the budget of each sender the same flood does fill the set of its network, and no other (control)" {
  fresh_counts
  local rule
  for rule in $(on_host nft -a list chain inet netguard refuse-cell | sed -n 's/.*refuse\/spent-.* # handle //p'); do
    on_host nft delete rule inet netguard refuse-cell handle "$rule"
  done
  flood 20000
  not_reached netguard-peer udp 192.168.77.10 777
  not_reached netguard-sealed udp 172.30.2.1 778
  [ "$(held flows4-cell)" = 16384 ]
  run ! recorded netguard-peer 777
  recorded netguard-sealed 778
  guard denied --format jsonl | jq -e -s 'any(.[]; .event.action == "flows-unrecorded" and (.message | contains("flows4-cell is full")))'
  fresh_counts
}

@test "what another program sends to the LAN or the host after the moat has judged it goes nowhere" {
  on_host nft add table ip netguard-test
  on_host nft add chain ip netguard-test nat '{ type nat hook prerouting priority dstnat - 1; }'
  on_host nft add rule ip netguard-test nat ip daddr 8.8.8.8 udp dport 5353 dnat to 192.168.77.10
  on_host nft add rule ip netguard-test nat ip daddr 8.8.8.8 tcp dport 8080 redirect to :18080
  local lan=0 host=0 control listing
  inside_ask netguard-open udp 8.8.8.8 5353 >/dev/null 2>&1 || lan=$?
  inside netguard-open curl -sf -m 3 -o /dev/null http://8.8.8.8:8080/ || host=$?
  # Without the moat both get there, and the answers come from the LAN and from the host.
  guard remove --force >/dev/null
  control=$(inside_ask netguard-open udp 8.8.8.8 5353) || true
  listing=$(inside netguard-open curl -sf -m 3 http://8.8.8.8:8080/) || true
  on_host nft delete table ip netguard-test
  [ "$lan" = 1 ]
  [ "$host" != 0 ]
  [[ $control == *" lan "* ]]
  [[ $listing == *"Directory listing"* ]]
}

@test "without a moat, denied is an error and no empty answer" {
  on_host nft delete table inet netguard
  run -2 guard denied
  [[ $output == *"no moat"* ]]
}

@test "watch brings the rules back after every way to lose them, and says so" {
  on_host nft delete table inet netguard
  start "$BATS_TEST_TMPDIR/watch" watch
  await_line "$BATS_TEST_TMPDIR/watch" '.event.action == "moat-watched"'
  local way count=0
  while read -r way; do
    read -ra words <<<"$way"
    on_host nft "${words[@]}"
    count=$((count + 1))
    await_told "$BATS_TEST_TMPDIR/watch" moat-restored "$count"
    holds
  done <<'WAYS'
delete table inet netguard
flush chain inet netguard refuse-cell
insert rule inet netguard net-cell accept
delete element inet netguard special4 { 10.0.0.0/8 }
add table inet netguard { flags dormant; }
WAYS
  [ "$count" = 5 ]
  not_reached netguard-open tcp 192.168.77.10 445
}

@test "watch denies a network that the host joins, and lets go of it when the host leaves" {
  start "$BATS_TEST_TMPDIR/watch" watch
  await_line "$BATS_TEST_TMPDIR/watch" '.event.action == "moat-watched"'
  ip -n "$LAB_NAME-host" address add 9.8.7.2/24 dev lan0
  await_line "$BATS_TEST_TMPDIR/watch" '.event.action == "moat-restored" and (.event.reason | contains("onlink4: 1 ranges are missing"))'
  on_host nft get element inet netguard onlink4 '{ 9.8.7.10 }'
  ip -n "$LAB_NAME-host" address del 9.8.7.2/24 dev lan0
  await_line "$BATS_TEST_TMPDIR/watch" '.event.action == "moat-restored" and (.event.reason | contains("onlink4: 0 ranges are missing"))'
  run ! on_host nft get element inet netguard onlink4 '{ 9.8.7.10 }'
}

@test "watch tells a service manager when the rules stand, and not before" {
  on_host nft delete table inet netguard
  python3 - "$BATS_TEST_TMPDIR/notify" >"$BATS_TEST_TMPDIR/told" 3>&- <<'PY' &
import socket, sys
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sock.bind(sys.argv[1])
sock.settimeout(30)
print(sock.recv(100).decode())
PY
  until [ -S "$BATS_TEST_TMPDIR/notify" ]; do sleep 0.05; done
  NOTIFY_SOCKET=$BATS_TEST_TMPDIR/notify start "$BATS_TEST_TMPDIR/watch" watch
  until grep -q READY=1 "$BATS_TEST_TMPDIR/told"; do sleep 0.05; done
  holds
}

@test "stopping the watch leaves the rules where they are" {
  start "$BATS_TEST_TMPDIR/watch" watch
  await_line "$BATS_TEST_TMPDIR/watch" '.event.action == "moat-watched"'
  # What it finds is news: it has not failed by it when it is stopped in good order.
  await_line "$BATS_TEST_TMPDIR/watch" '.rule.id == "neighbours-pose" and .event.outcome == "failure"'
  kill -TERM "$WATCHER"
  wait "$WATCHER"
  WATCHER=
  holds
}

@test "watch hears Docker: a member that joins a network beside the moat is told at once, and so is its leaving" {
  start "$BATS_TEST_TMPDIR/watch" watch
  await_line "$BATS_TEST_TMPDIR/watch" '.event.action == "engine-heard"'
  # What this world is made of is told first; the member that is to join is in order.
  await_line "$BATS_TEST_TMPDIR/watch" '.rule.id == "neighbours-pose" and .event.outcome == "failure"'
  run ! jq -e -s 'any(.[]; .rule.id == "container-unguarded")' "$BATS_TEST_TMPDIR/watch"
  sealed_way_out del
  "$LAB" docker network connect netguard-free netguard-sealed
  await_line "$BATS_TEST_TMPDIR/watch" '.rule.id == "container-unguarded" and .container.name == "netguard-sealed" and .event.outcome == "failure"'
  "$LAB" docker network disconnect netguard-free netguard-sealed
  sealed_way_out replace
  await_line "$BATS_TEST_TMPDIR/watch" '.rule.id == "container-unguarded" and .container.name == "netguard-sealed" and .event.outcome == "success"'
  [ "$(jq -s '[.[] | select(.rule.id == "container-unguarded")] | length' "$BATS_TEST_TMPDIR/watch")" = 2 ]
}

@test "without an engine watch says so once, knows what it does not know, and keeps the rules" {
  ENGINE=unix:///nowhere start "$BATS_TEST_TMPDIR/watch" watch
  await_line "$BATS_TEST_TMPDIR/watch" '.event.action == "engine-silent" and .event.outcome == "unknown"'
  await_line "$BATS_TEST_TMPDIR/watch" '.rule.id == "container-unguarded" and .event.outcome == "unknown"'
  on_host nft delete table inet netguard
  await_line "$BATS_TEST_TMPDIR/watch" '.event.action == "moat-restored" and .network.packets != null'
  holds
  sleep 2 # several more tries to reach the engine
  [ "$(told "$BATS_TEST_TMPDIR/watch" engine-silent)" = 1 ]
}

@test "watch keeps the policy as it is now: a change stays, and a broken one leaves the last good one in force" {
  policy_with ''
  start "$BATS_TEST_TMPDIR/watch" watch
  await_line "$BATS_TEST_TMPDIR/watch" '.event.action == "moat-watched"'
  inside_ask netguard-open tcp 8.8.4.4 22 >/dev/null
  sed -i 's/"on-link"\]/"on-link", "8.8.4.0\/24"]/' "$POLICY"
  guard apply >/dev/null
  await_line "$BATS_TEST_TMPDIR/watch" '.event.action == "policy-taken"'
  not_reached netguard-open tcp 8.8.4.4 22
  holds
  # Whatever somebody breaks next is brought back as the new policy has it, and not as the old one had.
  on_host nft delete table inet netguard
  await_line "$BATS_TEST_TMPDIR/watch" '.event.action == "moat-restored"'
  not_reached netguard-open tcp 8.8.4.4 22
  cp "$POLICY" "$BATS_TEST_TMPDIR/good"
  echo 'nonsense =' >>"$POLICY"
  await_line "$BATS_TEST_TMPDIR/watch" '.event.action == "policy-refused" and .event.outcome == "unknown" and (.event.reason | length) > 0'
  on_host nft delete table inet netguard
  await_told "$BATS_TEST_TMPDIR/watch" moat-restored 2
  not_reached netguard-open tcp 8.8.4.4 22
  [ "$(told "$BATS_TEST_TMPDIR/watch" policy-refused)" = 1 ]
  # Without an apply, too: the file alone is enough.
  sed 's/, "8.8.4.0\/24"\]/]/' "$BATS_TEST_TMPDIR/good" >"$POLICY"
  await_told "$BATS_TEST_TMPDIR/watch" policy-taken 2
  for _ in {1..200}; do inside_ask netguard-open tcp 8.8.4.4 22 >/dev/null 2>&1 && break; sleep 0.1; done
  inside_ask netguard-open tcp 8.8.4.4 22 >/dev/null
  policy_with ''
}

# Sends to the internet without a pause until it is killed.
flooding() {
  local pid
  pid=$("$LAB" docker inspect --format '{{.State.Pid}}' netguard-open)
  nsenter --net="/proc/$pid/ns/net" -- python3 -c '
import socket
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while True:
    try: sock.sendto(b"x", ("8.8.8.8", 4567))
    except OSError: pass
' </dev/null >/dev/null 2>&1 3>&- &
  FLOOD=$!
}

@test "a deny list of thousands comes back behind the rules, and all of it; until then the internet is closed" {
  local list tries
  list=$BATS_FILE_TMPDIR/list.txt
  awk 'BEGIN { for (n = 0; n < 5000; n++) printf "9.%d.%d.0/25\n", n / 256, n % 256 }' >"$list"
  policy_with "s|\"on-link\"\\]|\"on-link\", \"$list\"]|"
  start "$BATS_TEST_TMPDIR/watch" watch
  await_line "$BATS_TEST_TMPDIR/watch" '.event.action == "moat-watched"'
  on_host nft delete table inet netguard
  await_line "$BATS_TEST_TMPDIR/watch" '.event.action == "moat-restored" and (.event.reason | contains("5000 listed ranges came"))'
  holds
  run -0 on_host nft list set inet netguard flows4-cell
  [[ $output != *"8.8.8.8 . udp . 4567"* ]]
  # It takes a sender that runs in the very milliseconds between the two: on a machine with two cores one try in forty.
  flooding
  for ((tries = 1; tries <= 400; tries++)); do
    on_host nft delete table inet netguard
    await_told "$BATS_TEST_TMPDIR/watch" moat-restored $((tries + 1))
    on_host nft list set inet netguard flows4-cell | grep -q "8.8.8.8 . udp . 4567" && break
  done
  kill "$FLOOD"
  [ "$tries" -le 400 ]
  inside_ask netguard-open tcp 8.8.8.8 22 >/dev/null
  holds
  policy_with ''
}

@test "watch brings the rules back after nft flush ruleset, a network made again, and a restart of Docker" {
  net netguard-warden br-warden 3 --internal
  start "$BATS_TEST_TMPDIR/watch" watch
  await_line "$BATS_TEST_TMPDIR/watch" '.event.action == "engine-heard"'
  "$LAB" docker network rm netguard-warden >/dev/null
  net netguard-warden br-warden 3 --internal
  box netguard-late --network netguard-warden
  not_reached netguard-late tcp 172.30.3.1 22
  recorded netguard-late 22
  guard verify --format jsonl | jq -e -s '[.[] | select(.event.action | endswith("-verified"))] | length > 0 and all(.[]; .event.outcome == "success")'
  on_host nft flush ruleset
  await_line "$BATS_TEST_TMPDIR/watch" '.event.action == "moat-restored" and .event.duration > 0'
  not_reached netguard-late tcp 172.30.3.1 22
  recorded netguard-late 22
  restart_engine --
  await_line "$BATS_TEST_TMPDIR/watch" '.event.action == "engine-silent"'
  await_told "$BATS_TEST_TMPDIR/watch" engine-heard 2
  [ "$(told "$BATS_TEST_TMPDIR/watch" engine-heard)" -ge 2 ]
  guard verify --format jsonl | jq -e -s '[.[] | select(.event.action | endswith("-verified"))] | length > 0 and all(.[]; .event.outcome == "success")'
  "$LAB" docker rm -f netguard-late >/dev/null
  "$LAB" docker network rm netguard-warden >/dev/null
}

@test "a second watch says who keeps the moat and leaves; apply of another policy and remove do so too" {
  local other=$BATS_TEST_TMPDIR/other.toml
  start "$BATS_TEST_TMPDIR/watch" watch
  await_line "$BATS_TEST_TMPDIR/watch" '.event.action == "moat-watched"'
  run -2 guard watch
  [[ $output == *"another netguard watch keeps the moat here (pid "*", policy $(readlink -f "$POLICY"))"* ]]
  [[ $output == *"scripts/collect stop"* ]]
  run -2 guard remove
  [[ $output == *"keeps the moat here"* ]]
  cp "$POLICY" "$other"
  run -2 on_host env "CELLBLOCK_POLICY=$other" "$NETGUARD" apply --root "$(dirname "$POLICY")"
  [[ $output == *"keeps the moat here"* ]]
  run -0 guard apply
  # Nobody fought: the rules stand as the first one has them, and it had nothing to mend.
  [ "$(told "$BATS_TEST_TMPDIR/watch" moat-restored)" = 0 ]
  kill "$WATCHER" && wait "$WATCHER" || true
  run -0 guard remove --force
  guard apply >/dev/null
}

# As under systemd, where whoever connects to the socket starts an engine. In a namespace of process numbers of its own
# the watch sees no engine; the control gives it one of that name.
@test "a watch asks no socket for an engine that does not run" {
  cat >"$BATS_TEST_TMPDIR/engine.py" <<'PY'
import socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
while True:
    listener.accept()[0].close()
    open(sys.argv[2], "a").write("asked\n")
PY
  python3 "$BATS_TEST_TMPDIR/engine.py" "$BATS_TEST_TMPDIR/docker.sock" "$BATS_TEST_TMPDIR/asked" 3>&- &
  local listener=$! program
  for _ in {1..50}; do [ ! -S "$BATS_TEST_TMPDIR/docker.sock" ] || break; sleep 0.1; done
  cp "$(command -v sleep)" "$BATS_TEST_TMPDIR/dockerd"
  cp "$(command -v sleep)" "$BATS_TEST_TMPDIR/other"
  for program in other dockerd; do
    # shellcheck disable=SC2016  # expanded by the bash inside
    on_host unshare --pid --fork --kill-child --mount-proc env "DOCKER_HOST=unix://$BATS_TEST_TMPDIR/docker.sock" "CELLBLOCK_POLICY=$POLICY" \
      bash -c '"$1" 30 & timeout -s INT 4 "$2" watch --format jsonl' - "$BATS_TEST_TMPDIR/$program" "$NETGUARD" >"$BATS_TEST_TMPDIR/$program.lines" || true
    grep -q '"engine-silent"' "$BATS_TEST_TMPDIR/$program.lines"
    if [ "$program" = other ]; then [ ! -e "$BATS_TEST_TMPDIR/asked" ]; fi
  done
  kill "$listener"
  [ "$(wc -l <"$BATS_TEST_TMPDIR/asked")" -ge 1 ]
}
