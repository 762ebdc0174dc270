#!/usr/bin/env bats
# The main job with the cell in `proxied` shape: only names that list it exist, and the vault is still reachable.

bats_require_minimum_version 1.5.0

setup_file() {
  house=$(cd "$BATS_TEST_DIRNAME/.." && pwd)
  export house lab="$house/tests/lab/lab" state=/run/${LAB_NAME:-cellblock}-lab root=/var/lib/${LAB_NAME:-cellblock}-lab/root
  export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/cellblock/target}
  export PATH="$CARGO_TARGET_DIR/release:$PATH"
  "$house/scripts/down" --lab 3>&- || true
  "$house/scripts/up" --lab --proxied >"$BATS_FILE_TMPDIR/table" 2>"$BATS_FILE_TMPDIR/steps" 3>&- || echo "$?" >"$BATS_FILE_TMPDIR/status"
}

teardown_file() { "$house/scripts/down" --lab 3>&-; }

in_host() { nsenter "--net=/run/netns/${LAB_NAME:-cellblock}-host" -- env "DOCKER_HOST=unix://$state/docker.sock" "$@"; }
from() { local pid; pid=$(in_host docker inspect --format '{{.State.Pid}}' "$1"); shift; nsenter "--net=/proc/$pid/ns/net" -- timeout 5 "$house/tests/lab/ask.py" "$@"; }

@test "up --lab --proxied ends with exit 0 and every promise ok" {
  cat "$BATS_FILE_TMPDIR/table"
  [ ! -e "$BATS_FILE_TMPDIR/status" ] || { tail -n 40 "$BATS_FILE_TMPDIR/steps"; echo "exit $(cat "$BATS_FILE_TMPDIR/status")"; return 1; }
  run ! grep -vP '\tok\t' "$state/main-job.tsv"
}

@test "the cell has no way to the internet of its own, and the host has" {
  in_host timeout 5 "$house/tests/lab/ask.py" http 93.184.215.14
  run ! from cell http 93.184.215.14
  run ! from cell http 192.168.77.10
  run ! from cell dns 9.9.9.9 example.com
}

@test "a name that lists the cell answers through the gate, with its own certificate" {
  run -0 in_host docker exec -i cell curl -sS --max-time 10 --cacert /dev/stdin https://api.github.com/ <"$state/ca.pem"
  [[ $output == *cellblock-lab* ]]
}

@test "a name that does not list the cell, and the monitor's path, do not" {
  run ! in_host docker exec cell curl -sSk --max-time 10 https://example.com/
  run ! in_host docker exec cell curl -sSk --max-time 10 --connect-to ::172.30.1.2:443 https://example.com/
  run in_host docker exec cell curl -s --max-time 10 -o /dev/null -w '%{http_code}' http://github.com/openclaw/openclaw/info/refs
  [ "$output" = 403 ]
}
