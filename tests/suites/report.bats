#!/usr/bin/env bats
# auditdb report, read by others: a decoder that shares no code with us, and a browser. The browser speaks through pipes,
# opens a file and sends no packet.

bats_require_minimum_version 1.5.0

setup_file() {
  house=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
  export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/cellblock/target}
  export PATH="$CARGO_TARGET_DIR/release:$PATH" RECORD=$BATS_FILE_TMPDIR/audit PAGE=$BATS_FILE_TMPDIR/report.html
  unset CELLBLOCK_POLICY
  lines | auditdb --directory "$RECORD" ingest --provider scanwatch >/dev/null
  denied | auditdb --directory "$RECORD" ingest --provider egress-proxy >/dev/null
  moved | auditdb --directory "$RECORD" ingest >/dev/null
  auditdb --directory "$RECORD" report --since 1d --html "$PAGE"
}

setup() { house=$(cd "$BATS_TEST_DIRNAME/../.." && pwd); }

# A line an hour ago: `line N PROVIDER ACTION OUTCOME SEVERITY MORE`.
line() {
  jq -cn --arg n "$1" --arg provider "$2" --arg action "$3" --arg outcome "$4" --argjson severity "$5" --argjson more "$6" '{
    "@timestamp": (now - 3600 | strftime("%Y-%m-%dT%H:%M:%S.000000Z")), ecs: {version: "9.2.0"},
    event: {id: "019aa9b5-2a80-7c3e-9d6e-\("000000000000" + $n | .[-12:])", provider: $provider, action: $action, kind: "event", outcome: $outcome, severity: $severity},
    message: "Line \($n)."} * $more'
}

# What the prisoner may choose: a file's name, and the name of a host.
lines() {
  line 1 scanwatch file-quarantined success 73 '{"file": {"path": "/share/<img src=x onerror=\"document.title=1\">"}, "rule": {"name": "</td><script>document.title=2</script>"}}'
  line 2 scanwatch file-unscanned unknown 47 '{"file": {"path": "/share/\u202e\u001b[2J"}}'
  line 3 scanwatch part-tested failure 73 '{"rule": {"name": "clamd"}}'
  line 5 scanwatch file-scanned success 0 '{"file": {"path": "/share/clean"}, "event": {"duration": 2000000}}'
}

moved() {
  line 6 auditdb ref-moved failure 73 '{"url": {"full": "https://github.com/o/r"}, "cellblock": {"reference": {"name": "refs/tags/v1", "may_move": false,
    "old": {"id": "1111111111111111111111111111111111111111"}, "new": {"id": "2222222222222222222222222222222222222222"}}}}'
}

denied() { line 4 egress-proxy request-denied failure 47 '{"message": "GET <svg><script>document.title=3: 403"}'; }

browser() { timeout 60 "$house/tests/worlds/browser" "$@"; }

@test "a decoder that shares no code with us takes every line of a report" {
  auditdb --directory "$RECORD" report --since 1d | "$house/tests/worlds/decode_record.py" --run >"$BATS_TEST_TMPDIR/told"
  [ "$(jq -rs '[.[].event.action] | unique | join(" ")' "$BATS_TEST_TMPDIR/told")" = "finding-reported incident-reported layer-reported period-reported refusal-reported run-finished" ]
}

@test "a page has no script error, asks for nothing, and what the prisoner chose is text in it" {
  local theme
  for theme in light dark; do
    run -0 --separate-stderr browser "$PAGE" 1280 "$theme" "$BATS_TEST_TMPDIR/picture.png" <<<'[document.title.startsWith("Cellblock"), document.querySelectorAll("img").length, document.scripts.length, document.querySelectorAll("svg").length]'
    [ "$output" = '[true, 0, 1, 5]' ] # requests, findings, refusals, windows of refs, latency of scans
    [ "$(head -c 4 "$BATS_TEST_TMPDIR/picture.png" | tail -c 3)" = PNG ]
  done
  run -0 --separate-stderr browser "$PAGE" 1280 light "$BATS_TEST_TMPDIR/picture.png" <<<'document.body.textContent.includes("/share/<img src=x onerror=")'
  [ "$output" = true ]
}

@test "a browser does notice a page that breaks its policy" {
  sed 's|</main>|<img src="other.png"><p style="color: red">|' "$PAGE" >"$BATS_TEST_TMPDIR/broken.html"
  run -1 --separate-stderr browser "$BATS_TEST_TMPDIR/broken.html" 1280 light "$BATS_TEST_TMPDIR/picture.png" </dev/null
  [[ $stderr == *'Content Security Policy'* ]]
}

@test "the timeline's filter shows what fits, and is kept in the address" {
  local chosen='document.querySelector("[name=severity]").value = "73"; document.querySelector("form").dispatchEvent(new Event("input"))'
  local left='document.querySelectorAll("#timeline tbody tr:not([hidden])").length'
  run -0 --separate-stderr browser "$PAGE" 1280 light "$BATS_TEST_TMPDIR/picture.png" <<<"$left"$'\n'"$chosen"$'\n'"$left"$'\nlocation.hash'
  [ "${lines[0]} ${lines[2]} ${lines[3]}" = '5 3 "#tool=&severity=73&words="' ]
  run -0 --separate-stderr browser "$PAGE#tool=egress-proxy" 1280 light "$BATS_TEST_TMPDIR/picture.png" <<<"$left"
  [ "$output" = 1 ]
}

@test "a page fits a phone, and its fields have names" {
  run -0 --separate-stderr browser "$PAGE" 390 dark "$BATS_TEST_TMPDIR/picture.png" <<<'[document.documentElement.scrollWidth, [...document.querySelectorAll("select, input")].every((field) => field.labels.length === 1), [...document.querySelectorAll("[role=img]")].every((picture) => picture.ariaLabel)]'
  [ "$output" = '[390, true, true]' ]
}
