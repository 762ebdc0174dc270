#!/usr/bin/env bats
# The warden across tools, and with no more rights than its container gives it: uid 0, no capability but
# DAC_OVERRIDE, no new privileges. Needs root, clamd and python3; no lab, no Docker, no packet.

bats_require_minimum_version 1.5.0

setup_file() {
  [ "$(id -u)" = 0 ] || { echo "needs root: it takes capabilities away" >&2; return 1; }
  house=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
  export house
  export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/cellblock/target}
  export PATH="$CARGO_TARGET_DIR/release:$PATH"
  local tool
  for tool in scanwatch auditdb clamd setpriv python3 jq; do
    command -v "$tool" >/dev/null || { echo "$tool is missing" >&2; return 1; }
  done
  export engine="$BATS_FILE_TMPDIR/engine"
  mkdir "$engine"
  cp -r "$house/compose/images/clamd/signatures" "$engine/db"
  printf '%s\n' 'Foreground yes' "LocalSocket $engine/clamd.sock" "DatabaseDirectory $engine/db" "TemporaryDirectory $engine" \
    'AlertExceedsMax yes' 'AlertEncrypted yes' 'MaxFileSize 512M' 'MaxScanSize 1024M' 'DisableCache yes' 'User root' >"$engine/clamd.conf"
  clamd -c "$engine/clamd.conf" >"$engine/log" 2>&1 3>&- &
  echo "$!" >"$engine/pid"
  soon test -S "$engine/clamd.sock"
}

teardown_file() { kill "$(cat "$engine/pid")"; }

setup() {
  export world="$BATS_TEST_TMPDIR" share="$BATS_TEST_TMPDIR/share"
  mkdir "$share"
  mkdir -m 0700 "$world/jail"
  cp "$house/compose/policy.toml" "$world"
}

teardown() {
  if [ -e "$world/warden" ]; then kill "$(cat "$world/warden")" 2>/dev/null || true; fi
}

soon() { # command…: true within 20 s
  local end=$((SECONDS + 20))
  until "$@"; do [ "$SECONDS" -lt "$end" ] || { echo "never came true: $*" >&2; return 1; }; sleep 0.1; done
}

# Put together here, so that no file of the repository holds it whole.
# shellcheck disable=SC2016  # it is no expression, it is EICAR's own text
eicar() { printf '%s%s%s%s' 'X5O!P%@AP[4\PZX54(P^)7CC)7}$' 'EICAR-STANDARD-' 'ANTIVIRUS-TEST-FILE!' '$H+H*'; }

ours() { scanwatch "$@" --policy "$world/policy.toml" --root "$world" --clamd "$engine/clamd.sock"; }

confined_warden() { # starts it as its container does
  setpriv --bounding-set -all,+dac_override --inh-caps -all --ambient-caps -all --no-new-privs \
    "$(command -v scanwatch)" watch --policy "$world/policy.toml" --root "$world" --clamd "$engine/clamd.sock" \
    --share "$share" --jail "$world/jail" >"$world/records" 2>"$world/errors" 3>&- &
  echo "$!" >"$world/warden"
  soon grep -q '"rescan-finished"' "$world/records"
}

told() { # action file; a line that is only half there is no answer yet
  jq -se --arg action "$1" --arg path "$share/$2" 'any(.[]; .event.action == $action and .file.path == $path)' "$world/records" >/dev/null 2>&1
}

@test "with DAC_OVERRIDE alone it jails what is found, whatever its mode, and takes set-id bits off" {
  confined_warden
  grep -q '^CapEff:[[:space:]]*0000000000000002$' "/proc/$(cat "$world/warden")/status"
  mkdir -m 0000 "$share/closed"
  eicar >"$share/closed/bad"
  eicar >"$share/draft.tmp"
  chmod 0000 "$share/draft.tmp"
  mv "$share/draft.tmp" "$share/unreadable"
  install -m 6755 /bin/true "$share/tool"
  soon told file-quarantined closed/bad
  soon told file-quarantined unreadable
  soon told set-id-stripped tool
  [ "$(stat -c %a "$share/tool")" = 755 ]
  grep -q 'taken away by the warden' "$share/unreadable"
}

@test "control: without a warden the same files stay as they were written" {
  eicar >"$share/bad"
  install -m 6755 /bin/true "$share/tool"
  sleep 1
  [ "$(eicar | sha256sum)" = "$(sha256sum <"$share/bad")" ]
  [ "$(stat -c %a "$share/tool")" = 6755 ]
}

@test "the records of the warden go into auditdb through a pipe, and what matters comes out at its end" {
  eicar >"$share/bad"
  echo fine >"$share/good"
  mkfifo "$world/pipe"
  scanwatch watch --policy "$world/policy.toml" --root "$world" --clamd "$engine/clamd.sock" \
    --share "$share" --jail "$world/jail" >"$world/pipe" 3>&- &
  echo "$!" >"$world/warden"
  <"$world/pipe" auditdb ingest --tee --policy "$world/policy.toml" --root "$world" 2>"$world/errors" |
    jq -c --unbuffered 'select(.event.severity >= 73)' >"$world/high" 3>&- &
  soon grep -q file-quarantined "$world/high"
  kill "$(cat "$world/warden")"
  run ! grep -q '"file-scanned"' "$world/high"
  found() { auditdb events --policy "$world/policy.toml" --root "$world" --action file-quarantined --format jsonl | grep -q "$share/bad"; }
  soon found
}

@test "find hands over any name, by NUL" {
  eicar >"$share/$(printf 'odd\nname \xff')"
  echo fine >"$share/good"
  run -1 bash -c "find '$share' -type f -print0 | scanwatch scan -0 - --policy '$world/policy.toml' --root '$world' --clamd '$engine/clamd.sock'"
  [ "$(grep -c '"file-infected"' <<<"$output")" = 1 ]
  [ "$(grep -c '"file-scanned"' <<<"$output")" = 1 ]
  [[ $output == *path_base64* ]]
}

@test "the shipped policy keeps the name of every record in cellblock-record(5)" {
  eicar >"$share/bad"
  run -1 ours scan "$share"
  local action
  for action in $(jq -r .event.action <<<"$output" | sort -u); do grep -q "^.It Cm $action$" "$house/man/cellblock-record.5"; done
}
