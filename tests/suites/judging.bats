#!/usr/bin/env bats
# What the scripts make of the exit status of a tool: what it dies of is an error, and never a pass. No root, no lab.
# shellcheck disable=SC2030,SC2317,SC2329  # what the sourced functions call, each test in a process of its own

bats_require_minimum_version 1.5.0

setup() { house=$(cd "$BATS_TEST_DIRNAME/../.." && pwd); }

@test "a finding outweighs an error, that an unknown, and whatever else a tool dies of is an error" {
  # shellcheck source=scripts/up.d/proof.bash
  source "$house/scripts/up.d/proof.bash"
  while read -r one other wanted; do
    [ "$(worse "$one" "$other")" = "$wanted" ] || { echo "$one and $other: $(worse "$one" "$other")"; return 1; }
    [ "$(worse "$other" "$one")" = "$wanted" ] || { echo "$other and $one: $(worse "$other" "$one")"; return 1; }
  done <<<'0 0 0
0 1 1
0 2 2
0 3 3
1 2 1
1 3 1
2 3 2
3 3 3
0 101 2
0 127 2
0 137 2
3 137 2
1 137 1'
}

@test "a proof whose answer could not be kept is none, and one that passed and was kept is" {
  # shellcheck source=scripts/up.d/proof.bash
  source "$house/scripts/up.d/proof.bash"
  say() { echo "$*"; }
  wrong_of() { cat; }
  POLICY=policy ROOT=root
  pass() { echo '{}'; }
  auditdb() { return "$kept"; }
  kept=0
  run -0 proof pass
  kept=2
  run -2 proof pass
  [[ $output == *"could not be kept"* ]]
}

@test "a check of an audit that dies behind its last line could not do its work" {
  # shellcheck source=scripts/audit.d/checks.bash
  source "$house/scripts/audit.d/checks.bash"
  work=$BATS_TEST_TMPDIR
  question() { echo '{"event":{"action":"run-finished"}}'; return "$1"; }
  for status in 0 1 2 3; do
    answer "$status"
    [ "$(cat "$work/$status.status")" = "$status" ]
  done
  for status in 101 124 137; do
    answer "$status"
    [ "$(cat "$work/$status.status")" = 2 ]
  done
  question() { echo '{}'; }
  answer cut
  [ "$(cat "$work/cut.status")" = 2 ]
}
