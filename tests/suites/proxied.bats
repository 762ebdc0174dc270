#!/usr/bin/env bats
# The main job with the cell in `proxied` shape: only names that list it exist, and the vault is still reachable.

bats_require_minimum_version 1.5.0
load ../worlds/world

setup_file() {
  bring_up --proxied
}

teardown_file() { "$house/scripts/down" --lab 3>&-; }

@test "up --lab --proxied ends with exit 0 and every promise ok" {
  came_up
}

@test "the cell has no way to the internet of its own, and the host has" {
  blocked cell http 93.184.215.14
  blocked cell http 192.168.77.10
  blocked cell dns 9.9.9.9 example.com
}

@test "a name that lists the cell answers through the gate, with its own certificate" {
  run -0 in_host docker exec -i cell curl -sS --max-time 10 --cacert /dev/stdin https://api.github.com/ <"$state/ca.pem"
  [[ $output == *cellblock-lab* ]]
}

@test "a name that does not list the cell, and the monitor's path, do not" {
  local since
  since=$(now)
  run -6 in_host docker exec cell curl -sSk --max-time 10 https://example.com/ # curl(1): no such host
  run ! in_host docker exec cell curl -sSk --max-time 10 --connect-to ::172.30.1.2:443 https://example.com/
  gate_refused "$since" cell example.com name-not-listed
  run in_host docker exec cell curl -s --max-time 10 -o /dev/null -w '%{http_code}' http://github.com/openclaw/openclaw/info/refs
  [ "$output" = 403 ]
}

@test "the inspector finds a name that the gate lets the cell have and the policy it is given does not" {
  sed '/host *= "openclaw.ai"/,/clients/s/clients = \["cell"\]/clients = ["monitor"]/' "$root/policy.toml" >"$BATS_TEST_TMPDIR/policy.toml"
  run ! cmp -s "$root/policy.toml" "$BATS_TEST_TMPDIR/policy.toml"
  run -1 --separate-stderr in_host egress-check run --container cell --control --policy "$BATS_TEST_TMPDIR/policy.toml" --root "$root" --format jsonl
  jq -r 'select(.event.outcome == "failure") | .rule.id' <<<"$output" | grep -qx 'cell.gate.other-client.openclaw.ai.172.30.1.2.tls'
}
