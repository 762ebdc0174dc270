#!/usr/bin/env bats
# What older versions wrote, read by this one: tests/worlds/upgrade/VERSION has a policy and a record (spool and databases) of each.
# No root, no network, no lab. A release adds a folder of its own, and changes none.

bats_require_minimum_version 1.5.0

setup() {
  house=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
  export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/cellblock/target}
  export PATH="$CARGO_TARGET_DIR/release:$PATH"
  cd "$BATS_TEST_TMPDIR" || return 1
  unset CELLBLOCK_POLICY
}

versions() { ls "$house/tests/worlds/upgrade"; }

# A version's record, in a folder of its own: a jailed file, an applied moat, and a first round of refs in a database
# beside. One more jailed file is not folded into the database yet.
of_version() {
  rm -rf audit
  tar -xzf "$house/tests/worlds/upgrade/$1/audit.tar.gz"
}
record() { auditdb "$@" --policy "$house/compose/policy.toml" --directory audit --format jsonl; }
actions() { record events | jq -r 'select(.event.action != "run-finished") | .event.action' | sort | uniq -c | awk '{ print $1, $2 }' | paste -sd ,; }

@test "the policy of every older version is read by every tool" {
  local version policy
  [ -n "$(versions)" ]
  mkdir -m 700 jail
  for version in $(versions); do
    policy=$house/tests/worlds/upgrade/$version/policy.toml
    netguard plan --policy "$policy" --root . --format jsonl >/dev/null
    egress-check plan --policy "$policy" --root . --format jsonl >/dev/null
    sandboxctl render compose --policy "$policy" --root . >/dev/null
    sandboxctl render nginx --policy "$policy" --root . >/dev/null
    scanwatch jail list --policy "$policy" --root . >/dev/null
    auditdb ingest --policy "$policy" --root . --directory "audit-$version" --provider cell <<<'{"x":1}' >/dev/null
  done
}

@test "the record of every older version is proved, read, and written on" {
  local version
  for version in $(versions); do
    of_version "$version"
    # A version that signed nothing is proved against its database alone, and verify says so: 3.
    run -3 record verify
    jq -es 'all(.event.outcome != "failure")' <<<"$output"
    [ "$(actions)" = "2 file-quarantined,1 moat-applied" ]
    record events | head -n 1 | jq -c '.event.id |= sub("0001$"; "0010")' | record ingest --provider scanwatch - >/dev/null
    # Nobody can tell a key that was lost from one that never was: that this one is new is said, and stays no pass until the old
    # lines are pruned.
    [ "$(actions)" = "3 file-quarantined,1 moat-applied,1 record-verified" ]
    run -3 record verify
    jq -es 'all(.event.outcome != "failure")' <<<"$output"
  done
}

@test "what an older version lost is found by this one" {
  local version segment
  for version in $(versions); do
    of_version "$version"
    record events >/dev/null   # folds the last line: the database has seen it
    segment=$(find audit/spool -name '*.jsonl' | sort | head -n 1)
    sed -i 's/a\.com/b.com/' "$segment"
    run ! record verify
  done
}

@test "a tag that moved since an older version's last round is told" {
  local version
  for version in $(versions); do
    of_version "$version"
    printf '%s\t%s\n' 1111111111111111111111111111111111111111 refs/heads/main 3333333333333333333333333333333333333333 refs/tags/v1.0.0 >now
    run -1 record refs --repo https://github.com/openclaw/openclaw <now
    jq -es 'any(.event.action == "ref-moved" and (.message | contains("v1.0.0")))' <<<"$output"
  done
}
