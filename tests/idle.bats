#!/usr/bin/env bats
# Nobody does anything, and nothing fails: each timer of a healthy cellblock fires and everything that can be read again is,
# and the record has no failure. With one name struck off the policy it has. No packet leaves the lab.

bats_require_minimum_version 1.5.0
load world
load agent/world

setup_file() {
  # Seconds, for what else takes minutes and hours.
  export CELLBLOCK_INTERVAL=10 CELLBLOCK_FRESHCLAM=15
  stand_up proxied 's/^rescan *=.*/rescan = "5s"/'
}

teardown_file() { "$house/scripts/down" --lab 3>&-; }

since_then() { ours auditdb events --since "$(<"$BATS_FILE_TMPDIR/since")" "$@"; }

# How often something is told since then, by one of the services.
told() { # at least, provider, action
  [ "$(since_then --tool "$2" --action "$3" | jq -r .event.id | sort -u | wc -l)" -ge "$1" ]
}

# The lab has no official signatures to give, and what tells of signatures says so: that is the lab's. The last line is the
# question's own.
failures() {
  since_then --outcome failure | jq -r 'select(.message | test("signatures") | not) | select(.event.action != "run-finished") |
    [.event.provider, .event.action, .message, .event.reason] | @tsv'
}

@test "an idle cellblock, its timers fired and all read again, leaves no failure in the record" {
  date -u +%Y-%m-%dT%H:%M:%SZ >"$BATS_FILE_TMPDIR/since"
  in_host docker exec proxy reload
  in_host docker kill --signal HUP monitor
  ours netguard apply >/dev/null
  in_host "$house/scripts/audit" --all --policy "$root/policy.toml" --root "$root" >"$BATS_TEST_TMPDIR/audit" || true
  eventually 60 told 2 auditdb refs-read
  eventually 60 told 2 scanwatch rescan-finished
  eventually 60 told 1 egress-proxy request-allowed
  run -0 failures
  [ "$output" = "" ]
  told 1 sandboxctl control-evaluated   # the control: what is asked for is there to be found
}

@test "with one name struck off, what asked for it has failed, by its name" {
  sed -i 's|"/openclaw/openclaw/"|"/somebody/else/"|' "$root/policy.toml"
  ours sandboxctl render nginx >"$root/rendered/gate/nginx.conf"
  in_host docker exec proxy reload
  in_host docker kill --signal HUP monitor
  eventually 60 told 1 egress-proxy request-denied
  run -0 failures
  [[ $output == *github.com* ]]
}
