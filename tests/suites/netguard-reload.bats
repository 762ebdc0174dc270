#!/usr/bin/env bats
# While the rules change, not one packet of a flood goes where it may not. The kernel takes new rules before it has their
# sets ready; what came between the two used to pass, and the kernel knew it for seconds after.

bats_require_minimum_version 1.5.0
load ../worlds/netguard/world.bash
export WORLD=reload
load ../worlds/netguard/member.bash

readonly LAN=192.168.77.10

setup_file() {
  make_namespaces
  ip -n "$INTERNET" address add "$LAN/32" dev lo
  ip -n "$HOST" route add "$LAN" via 9.9.1.2
}
teardown_file() { leave_namespaces; }

# A long list: what the kernel has to do between the new rules and their sets takes some milliseconds then.
setup() {
  POLICY=$BATS_TEST_TMPDIR/policy.toml
  sed 's/"on-link"\]/"on-link", "list.txt"]/' "$BATS_TEST_DIRNAME/../../compose/policy.toml" >"$POLICY"
  seq 0 5999 | awk '{ printf "20.%d.%d.0/24\n", $1 / 128, $1 % 128 * 2 }' >"$BATS_TEST_TMPDIR/list.txt"
  in_host nft delete table inet netguard 2>/dev/null || true
}
teardown() {
  local pid
  for pid in "${FIRES:-}" "${COUNTS:-}" "${WATCHER:-}"; do [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true; done
}

guard() { in_host env DOCKER_HOST=unix:///nowhere "${BARE[@]}" "$NETGUARD" --backend "${BACKEND:-nft}" --policy "$POLICY" --root "$BATS_TEST_TMPDIR" "$@"; }
BARE=()

await_line() { for _ in {1..100}; do grep -q "$1" "$2" 2>/dev/null && return 0; sleep 0.1; done; return 1; }

# The member fires at the LAN, and somebody there counts.
flood() {
  ip netns exec "$INTERNET" python3 "$BATS_TEST_DIRNAME/../worlds/netguard/flood.py" count "$LAN" >"$BATS_TEST_TMPDIR/came" 3>&- & COUNTS=$!
  await_line ready "$BATS_TEST_TMPDIR/came"
  ip netns exec "$MEMBER" python3 "$BATS_TEST_DIRNAME/../worlds/netguard/flood.py" fire "$LAN" >"$BATS_TEST_TMPDIR/fires" 3>&- & FIRES=$!
  await_line ready "$BATS_TEST_TMPDIR/fires"
}
# Ends the flood; CAME is how many came since it began.
ebb() {
  kill "$FIRES"
  wait "$FIRES"
  sleep 0.5
  kill "$COUNTS"
  wait "$COUNTS"
  CAME=$(tail -n 1 "$BATS_TEST_TMPDIR/came")
}

# Without the rules the same flood gets through.
gets_through() {
  guard remove --force >/dev/null
  flood
  sleep 0.5
  ebb
  [ "$CAME" -gt 1000 ]
}

# The rules are loaded 15 times, and nothing comes; then they go, and it does.
reload_under_fire() {
  guard apply >/dev/null
  flood
  for _ in {1..15}; do guard apply >/dev/null; done
  ebb
  [ "$CAME" = 0 ]
  run ! in_host nft list table inet netguard-pause
  gets_through
}

@test "rules that are loaded again and again let not one packet of a flood by, and the flood gets through without them" {
  reload_under_fire
}

@test "nor do they where the program nft loads them, for want of the right to make a namespace" {
  BARE=(setpriv --bounding-set=-sys_admin)
  reload_under_fire
}

@test "nor do those of iptables" {
  BACKEND=iptables
  reload_under_fire
}

@test "a watch that brings lost rules back, or gives a set its ranges again, holds a flood from then on" {
  local round
  guard apply >/dev/null
  nsenter --net="/run/netns/$HOST" -- env DOCKER_HOST=unix:///nowhere "$NETGUARD" --backend nft --policy "$POLICY" \
    --root "$BATS_TEST_TMPDIR" watch --format jsonl >"$BATS_TEST_TMPDIR/watch" 2>"$BATS_TEST_TMPDIR/watch.err" 3>&- & WATCHER=$!
  await_line moat-watched "$BATS_TEST_TMPDIR/watch"
  flood
  for round in {1..8}; do
    # A set that has nothing to do with what the flood goes to, and rules with it.
    in_host nft add rule inet netguard net-cell drop
    for _ in {1..100}; do [ "$(grep -c moat-restored "$BATS_TEST_TMPDIR/watch")" -ge "$((2 * round - 1))" ] && break; sleep 0.1; done
    ip -n "$HOST" address add "9.9.$((round + 1)).1/24" dev up0
    for _ in {1..100}; do [ "$(grep -c moat-restored "$BATS_TEST_TMPDIR/watch")" -ge "$((2 * round))" ] && break; sleep 0.1; done
  done
  [ "$(grep -c moat-restored "$BATS_TEST_TMPDIR/watch")" -ge 16 ]
  ebb
  [ "$CAME" = 0 ]
  kill "$WATCHER"
  wait "$WATCHER"
  gets_through
}

# A netguard that is killed while an nft that takes its time loads the rules.
killed_in_the_middle() {
  guard apply >/dev/null
  mkdir "$BATS_TEST_TMPDIR/bin"
  # shellcheck disable=SC2016  # that shell's own
  printf '#!/bin/bash\n[ "${1:-}" != -f ] || sleep 30\nexec %q "$@"\n' "$(command -v nft)" >"$BATS_TEST_TMPDIR/bin/nft"
  chmod +x "$BATS_TEST_TMPDIR/bin/nft"
  nsenter --net="/run/netns/$HOST" -- setpriv --bounding-set=-sys_admin env "PATH=$BATS_TEST_TMPDIR/bin:$PATH" DOCKER_HOST=unix:///nowhere \
    "$NETGUARD" --backend nft --policy "$POLICY" --root "$BATS_TEST_TMPDIR" apply >/dev/null 2>&1 3>&- & WATCHER=$!
  for _ in {1..100}; do in_host nft list table inet netguard-pause 2>/dev/null && break; sleep 0.1; done
  kill -KILL "$WATCHER"
  in_host nft list table inet netguard-pause | grep -q 'policy drop'
  run ! reaches_internet
}
reaches_internet() { ip netns exec "$MEMBER" ping -c 1 -W 1 8.8.8.8 >/dev/null; }
nothing_held() { run ! in_host nft list table inet netguard-pause; }

@test "one that is killed in the middle leaves the bridges held, and the next load lets them go" {
  killed_in_the_middle
  guard apply >/dev/null
  nothing_held
  reaches_internet
}

@test "so does a watch that begins, although all rules are as planned, and so does a removal" {
  killed_in_the_middle
  nsenter --net="/run/netns/$HOST" -- env DOCKER_HOST=unix:///nowhere "$NETGUARD" --backend nft --policy "$POLICY" \
    --root "$BATS_TEST_TMPDIR" watch --format jsonl >"$BATS_TEST_TMPDIR/watch" 2>"$BATS_TEST_TMPDIR/watch.err" 3>&- & WATCHER=$!
  await_line moat-watched "$BATS_TEST_TMPDIR/watch"
  nothing_held
  reaches_internet
  kill "$WATCHER"
  wait "$WATCHER"
  rm -r "${BATS_TEST_TMPDIR:?}/bin"
  killed_in_the_middle
  guard remove --force >/dev/null
  nothing_held
}
