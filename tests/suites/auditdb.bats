#!/usr/bin/env bats
# auditdb in its pipes: real programs on both sides, and jq and a decoder of their own as witnesses.
# No root, no network, no lab: folders and a git repository in a temporary directory.

bats_require_minimum_version 1.5.0

setup() {
  house=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
  export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/cellblock/target}
  export PATH="$CARGO_TARGET_DIR/release:$PATH"
  decode="$house/tests/worlds/decode_record.py"
  record=$BATS_TEST_TMPDIR/audit
  cd "$BATS_TEST_TMPDIR" || return 1
  unset CELLBLOCK_POLICY
  export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
  export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
}

auditdb() { command auditdb --directory "$record" "$@"; }
number() { auditdb query "SELECT count(*) AS n FROM records WHERE $1" | jq .n; }

# One round of the monitor's: what git says of a repository, given as the one watched.
round() { git ls-remote "$1" 2>/dev/null | auditdb refs --repo watched; }

# So many lines of a tool, as it would write them; the ids begin at the second number.
scans() {
  jq -cn --argjson count "$1" --argjson from "${2:-0}" 'range($count) + $from | tostring as $n | {
    "@timestamp": "2026-11-22T05:00:00.\(("000000" + $n)[-6:])Z", ecs: {version: "9.2.0"},
    event: {id: "019aa9b5-2a80-7c3e-9d6e-\(("000000000000" + $n)[-12:])", provider: "scanwatch", action: "file-scanned",
            kind: "event", category: ["file"], type: ["info"], outcome: "success", severity: (if . % 10 == 0 then 73 else 0 end)},
    message: "File \($n) was scanned.", file: {path: "/share/\($n)", size: 68}}'
}

@test "a decoder that shares no code with us takes every line that auditdb prints" {
  scans 50 | auditdb ingest | "$decode" --run >told
  [ "$(jq -r .event.action told | tr '\n' ' ')" = "lines-ingested run-finished " ]
  printf 'no json\n{"a":1,"a":2}\n\xff\n' >broken
  run -1 --separate-stderr auditdb ingest broken
  printf '%s\n' "${lines[@]}" >told
  "$decode" --run <told >/dev/null
  [ "$(jq -r .event.action told | grep -c line-rejected)" = 3 ]
  auditdb events | "$decode" >/dev/null
  auditdb verify | "$decode" --run >/dev/null
  auditdb rebuild | "$decode" --run >/dev/null
  printf '%040d\trefs/tags/v1\n' 7 | auditdb refs --repo watched | auditdb ingest >/dev/null
  auditdb refs --window v1 | "$decode" --run >/dev/null
  auditdb refs --at now | "$decode" --run >/dev/null
  auditdb export csv --to rows.csv | "$decode" --run >/dev/null
  auditdb prune | "$decode" --run >/dev/null
}

@test "the decoder itself refuses what is no record" {
  scans 1 >good
  "$decode" <good >/dev/null
  decoded() { "$@" <good | "$decode"; }
  run -1 decoded jq -c '.message = null'
  run -1 decoded jq -c '.mesage = "x"'
  run -1 decoded jq -c '.event.severity = 50'
  run -1 decoded sed 's/{/{"message":"x",/'
  run -0 decoded cat
  run -1 "$decode" --run <good
}

@test "ingest --tee passes lines on to jq, byte for byte and once they are kept" {
  scans 200 >given
  auditdb ingest --tee <given | tee passed | jq -c 'select(.event.severity >= 73)' >severe
  head -n 200 passed | cmp given -
  [ "$(grep -c file-scanned severe)" = 20 ]
  auditdb events --tool scanwatch | head -n 200 | cmp given -
}

@test "a follower's line is through the pipe and in the record while its writer still lives" {
  mkfifo pipe
  command auditdb --directory "$record" ingest --tee <pipe >out 3>&- &
  exec 4>pipe
  scans 1 >&4
  for _ in $(seq 100); do [ -s out ] && break; sleep 0.05; done
  [ "$(jq -r .event.action out)" = file-scanned ]
  [ "$(number true)" = 1 ]
  exec 4>&-
  wait $!
}

@test "lines of the gate come in under its name and a forged one is an alert" {
  printf '%s\n' '{"@timestamp":"2026-11-22T05:00:00+00:00","event":{"action":"request-allowed","duration":1000000},"http":{"request":{"method":"GET"},"response":{"status_code":200}},"url":{"full":"https://github.com/openclaw/openclaw"}}' >gate
  scans 1 | jq -c '.event.provider = "netguard"' >>gate
  run -1 auditdb ingest --provider egress-proxy gate
  [ "$(number "provider = 'egress-proxy' AND status = 200")" = 1 ]
  [ "$(number "provider = 'netguard'")" = 0 ]
  [ "$(auditdb events --severity 73 | jq -r 'select(.event.action == "line-rejected") | .cellblock.rejected.source')" = egress-proxy ]
}

@test "kill -9 in the middle loses nothing that was passed on" {
  mkfifo out
  (scans 100000 || true) | (exec 3>&-; echo "$BASHPID" >pid; exec auditdb --directory "$record" ingest --tee >out) &
  head -n 3000 out >acknowledged &
  reader=$!
  wait "$reader"
  kill -9 "$(cat pid)" 2>/dev/null || true
  wait || true
  [ "$(wc -l <acknowledged)" = 3000 ]
  auditdb events --tool scanwatch | sort >kept
  [ "$(sort acknowledged | comm -23 - kept | wc -l)" = 0 ]
  auditdb verify >/dev/null
}

@test "two writers at once, and a reader while they write" {
  (scans 5000 | auditdb ingest >/dev/null) &
  (scans 5000 5000 | auditdb ingest >/dev/null) &
  for _ in 1 2 3; do
    run auditdb query 'SELECT count(*) = count(DISTINCT id) AS once FROM records'
    [ "$status" != 0 ] || [ "$(jq .once <<<"${lines[0]}")" = true ]
    sleep 0.2
  done
  wait
  [ "$(number true)" = 10000 ]
  scans 5000 | auditdb ingest >/dev/null
  [ "$(number true)" = 10000 ]
}

@test "git ls-remote, and a tag that is moved by force" {
  git init -q work
  git -C work commit -q --allow-empty -m one
  git -C work tag -a -m v1 v1
  git -C work tag light
  git clone -q --bare work origin.git
  round origin.git | "$decode" --run >first
  [ "$(jq -r .event.action first | sort | uniq -c | awk '{print $1 $2}' | tr '\n' ' ')" = "2ref-first-seen 1refs-first-seen 1refs-read 1run-finished " ]
  old=$(git -C origin.git rev-parse v1) peeled=$(git -C origin.git rev-parse 'v1^{}')
  git -C work commit -q --allow-empty -m two
  git -C work tag -f -a -m v1 v1
  git -C work tag v2
  git -C work push -q -f "$PWD/origin.git" --tags
  run -1 --separate-stderr round origin.git
  printf '%s\n' "${lines[@]}" >second
  "$decode" --run <second >/dev/null
  jq -se --arg old "$old" --arg peeled "$peeled" --arg new "$(git -C origin.git rev-parse v1)" --arg newpeeled "$(git -C origin.git rev-parse 'v1^{}')" '
    map(select(.event.action == "ref-moved")) | length == 1 and .[0].event.severity == 73 and .[0].event.outcome == "failure" and
    .[0].cellblock.reference ==
      {name: "refs/tags/v1", old: {id: $old, peeled: $peeled}, new: {id: $new, peeled: $newpeeled}, may_move: false}' second
  [ "$(jq -r 'select(.event.action == "ref-created") | .cellblock.reference.name' second)" = refs/tags/v2 ]
  auditdb ingest second >/dev/null
  [ "$(number "action = 'ref-moved' AND severity = 73")" = 1 ]
}

@test "a repository that does not answer changes nothing and is no pass" {
  git init -q work
  git -C work commit -q --allow-empty -m one
  round work >/dev/null
  run -3 --separate-stderr round /nonexistent
  [ "$(jq -r .event.action <<<"${lines[0]}")" = refs-unreachable ]
  round work >again
  [ "$(jq -r .event.action again | tr '\n' ' ')" = "refs-read run-finished " ]
}

@test "a line changed on the disk is found, by name" {
  scans 10 | auditdb ingest >/dev/null
  scans 10 10 | auditdb ingest >/dev/null
  first=$(find "$record/spool" -name '*.jsonl' | sort | head -n 1)
  sed -i 's/File 3 was/File 9 was/' "$first"
  run -1 auditdb verify
  [ "$(jq -r 'select(.event.outcome == "failure") | .cellblock.spool.segment // empty' <<<"$output")" = "$(basename "$first")" ]
  run -3 --separate-stderr auditdb events
  [ "$(jq -r 'select(.event.action == "file-scanned") | .message' <<<"$output" | wc -l)" = 10 ]
  run -3 auditdb events
  [[ "$output" == *"$(basename "$first")"*damaged* ]]
}

@test "the spool is read by jq and grep as it is" {
  scans 3 | auditdb ingest --provider scanwatch >/dev/null
  jq -e . "$record"/spool/*.jsonl >/dev/null
  [ "$(jq -r '.batch.provider // empty' "$record"/spool/*.jsonl)" = scanwatch ]
  [ "$(grep -c file-scanned "$record"/spool/*.jsonl)" = 3 ]
}

@test "prune lets go of what is old, and keeps what is not in the database or still open" {
  scans 5 | auditdb ingest >/dev/null
  [ "$(auditdb prune | jq -r 'select(.event.action == "records-pruned") | .cellblock.spool.lines')" = 0 ]
  sleep 1.1
  mkfifo pipe
  command auditdb --directory "$record" ingest --tee <pipe >out 3>&- &
  exec 4>pipe
  scans 1 100 >&4
  for _ in $(seq 100); do [ -s out ] && break; sleep 0.05; done
  [ "$(auditdb prune --older-than 0s | jq -r 'select(.event.action == "records-pruned") | .cellblock.spool.lines')" = 5 ]
  scanned="action = 'file-scanned'"
  [ "$(number "$scanned")" = 1 ]
  [ "$(number "action = 'records-pruned'")" = 1 ] # what was done to the record stands in it
  scans 1 101 >&4
  exec 4>&-
  wait $!
  [ "$(number "$scanned")" = 2 ]
  auditdb verify >/dev/null
}

@test "OCSF is what py-ocsf-models, which is not ours, takes for OCSF" {
  python3 -m venv models && models/bin/pip --quiet install py-ocsf-models==0.10.0 || skip "no PyPI here: the models cannot be installed"
  scans 20 | auditdb ingest >/dev/null
  printf '%s\n' '{"@timestamp":"2026-11-22T05:00:00Z","ecs":{"version":"9.2.0"},"event":{"id":"x","provider":"sandboxctl","action":"control-evaluated","kind":"state","outcome":"unknown","severity":21},"message":"m","rule":{"id":"cis-1"}}' |
    auditdb ingest >/dev/null
  auditdb export ocsf --to events.jsonl >/dev/null
  run -0 models/bin/python3 - events.jsonl <<'EOF'
import json, sys
from py_ocsf_models.events.base_event import BaseEvent
from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding
from py_ocsf_models.events.findings.detection_finding import DetectionFinding
classes = {0: BaseEvent, 2003: ComplianceFinding, 2004: DetectionFinding}
seen = set()
for line in open(sys.argv[1]):
    event = json.loads(line)
    classes[event["class_uid"]].model_validate(event)
    seen.add(event["class_uid"])
print(sorted(seen))
EOF
  [ "$output" = '[0, 2003, 2004]' ]
}

@test "parquet is read by a DuckDB that is not ours, and never shown on a terminal" {
  python3 -m venv duck && duck/bin/pip --quiet install duckdb==1.5.6 || skip "no PyPI here: another DuckDB cannot be installed"
  scans 20 | auditdb ingest >/dev/null
  auditdb export parquet --to lake >/dev/null
  auditdb query -o parquet 'SELECT time, severity, id FROM records ORDER BY id' >rows.parquet
  run -0 duck/bin/python3 - <<'EOF'
import duckdb
lake = duckdb.sql("FROM read_parquet('lake/*/*/*.parquet', hive_partitioning = true)")
print(duckdb.sql("SELECT count(*), any_value(day), any_value(provider), sum(severity), typeof(any_value(time)) FROM lake").fetchone())
print(duckdb.sql("SELECT count(*), max(time), typeof(max(severity)) FROM 'rows.parquet'").fetchone())
EOF
  [ "${lines[0]}" = "(20, datetime.date(2026, 11, 22), 'scanwatch', 146, 'TIMESTAMP')" ]
  [ "${lines[1]}" = "(20, datetime.datetime(2026, 11, 22, 5, 0, 0, 19), 'UTINYINT')" ]
  run script -qec "$(printf '%q ' "$CARGO_TARGET_DIR/release/auditdb" --directory "$record" query -o parquet 'SELECT 1')" /dev/null
  [ "$status" = 2 ]
  [[ "$output" == *"--to FILE writes it"* ]]
}

# Programs that the manual's examples name beside ours, as far as a pipe can tell.
strangers() {
  mkdir -p bin
  printf '#!/bin/sh\ncat "%s/warden-said"\n' "$PWD" >bin/scanwatch
  printf '#!/bin/sh\necho %s\n' "'{\"event\":{\"action\":\"request-allowed\"}}'" >bin/docker
  printf '#!/bin/sh\nprintf "%%040d\\trefs/tags/v1.2.3\\n" 7\n' >bin/git
  chmod +x bin/*
  PATH="$PWD/bin:$PATH"
}

@test "every example of the manual does what it says" {
  scans 20 >warden-said
  strangers
  sed "s|^directory = \"audit\"|directory = \"$record\"|" "$house/compose/policy.toml" >policy.toml
  export CELLBLOCK_POLICY=$PWD/policy.toml
  git ls-remote URL | command auditdb refs --repo https://github.com/openclaw/openclaw | command auditdb ingest >/dev/null
  sed -n 's/^\.Dl \$ //p' "$house/man/auditdb.1" | sed 's/\\(dq/"/g' >examples
  [ "$(wc -l <examples)" -ge 9 ]
  while read -r -u 5 example; do
    run timeout 5 bash -c "set -o pipefail; $example"
    case "$example:$status" in
      *:0 | *--follow*:124 | *"refs --repo URL"*:3) ;; # a follower is ended, and URL is no repository of the policy
      *) printf 'ended with %s: %s\n%s\n' "$status" "$example" "$output"; return 1 ;;
    esac
  done 5<examples
  grep -q '<testsuites' verdicts.xml
}
