#!/usr/bin/env bats
# Alerts reach a person: a real ntfy server with its own users and tokens, a webhook, mail and a command. Nothing is lost
# while the target is down, nothing comes twice, and what the prisoner wrote moves no cursor. Loopback alone.

bats_require_minimum_version 1.5.0

setup_file() {
  export PORT=$((20000 + RANDOM % 20000)) NTFY=$BATS_FILE_TMPDIR/ntfy
  local tool
  for tool in jq curl python3; do command -v "$tool" >/dev/null || { echo "$tool is missing" >&2; return 1; }; done
  ntfy_program >"$BATS_FILE_TMPDIR/program" || { echo "no ntfy is to be had" >&2; return 1; }
  mkdir "$NTFY"
  printf '%s\n' "base-url: http://127.0.0.1:$PORT" "listen-http: 127.0.0.1:$PORT" "cache-file: $NTFY/cache.db" "auth-file: $NTFY/user.db" \
    'auth-default-access: deny-all' 'web-root: disable' >"$NTFY/server.yml"
  # Its first start makes the file of its users.
  start_ntfy
  stop_ntfy
  NTFY_PASSWORD=lab-only ask_ntfy user --config "$NTFY/server.yml" add --role=admin owner 2>/dev/null
  (umask 077; ask_ntfy token --config "$NTFY/server.yml" add owner 2>&1 | grep -oE 'tk_[a-z0-9]+' >"$NTFY/token")
  start_ntfy
}

teardown_file() { stop_ntfy; }

# Debian 13 has the server; on Debian 12 its package runs as it is, and is unpacked beside what was built.
ntfy_program() {
  local cache=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/cellblock/target}/ntfy
  if command -v ntfy; then return 0; fi
  if [ ! -x "$cache/usr/bin/ntfy" ]; then
    mkdir -p "$cache"
    (cd "$BATS_FILE_TMPDIR" && { apt-get -q download ntfy/trixie || apt-get -q download ntfy; } >&2) || return 1
    dpkg-deb -x "$BATS_FILE_TMPDIR"/ntfy_*.deb "$cache"
  fi
  echo "$cache/usr/bin/ntfy"
}

ask_ntfy() { "$(cat "$BATS_FILE_TMPDIR/program")" "$@"; }

start_ntfy() {
  "$(cat "$BATS_FILE_TMPDIR/program")" serve --config "$NTFY/server.yml" >"$NTFY/log" 2>&1 3>&- &
  echo "$!" >"$NTFY/pid"
  for _ in {1..100}; do ! curl -sf "http://127.0.0.1:$PORT/v1/health" >/dev/null || return 0; sleep 0.1; done
  cat "$NTFY/log" >&2
  return 1
}

stop_ntfy() { kill "$(cat "$NTFY/pid")" 2>/dev/null || true; }

setup() {
  export TOPIC=http://127.0.0.1:$PORT/topic-$BATS_TEST_NUMBER SPOOL=$BATS_TEST_TMPDIR/spool
}

alert() { "$BATS_TEST_DIRNAME/../../scripts/alert" --spool "$SPOOL" "$@"; }
to_ntfy() { alert --ntfy "$TOPIC" --token "$NTFY/token" "$@"; }
# What came in, one message a line.
arrived() { curl -sf -H "Authorization: Bearer $(cat "$NTFY/token")" "$TOPIC/json?poll=1" | jq -c 'select(.event == "message")'; }

# `record ID SEVERITY MESSAGE`
record() {
  jq -cn --arg id "$1" --argjson severity "$2" --arg message "$3" '{"@timestamp": "2026-11-28T12:00:00Z", event: {id: $id, severity: $severity, provider: "auditdb", action: "ref-moved",
    reason: "the tag is not in moving"}, message: $message, rule: {id: "ref"}, cellblock: {mend: "ask its owner; pin the old id"}}'
}

@test "a severe record comes through ntfy with what, where, why and what to do, and a mild one does not" {
  { record one 73 'refs/tags/v1 points elsewhere'; record two 47 'a branch moved'; echo 'no record'; } | to_ntfy
  [ "$(arrived | wc -l)" = 1 ]
  [ "$(arrived | jq .priority)" = 4 ]
  [[ $(arrived | jq -r .title) == "Cellblock: 1 alert on "* ]]
  arrived | jq -r .message >"$BATS_TEST_TMPDIR/text"
  grep -qx 'refs/tags/v1 points elsewhere' "$BATS_TEST_TMPDIR/text"
  grep -q 'where: ref' "$BATS_TEST_TMPDIR/text"
  grep -q 'why:   the tag is not in moving' "$BATS_TEST_TMPDIR/text"
  grep -q 'do:    ask its owner; pin the old id' "$BATS_TEST_TMPDIR/text"
}

@test "many at once are one message, the worst first, and the rest is counted" {
  { for n in {1..30}; do record "id-$n" 73 "alert number $n"; done; record worst 99 'the cell is out'; } | to_ntfy
  [ "$(arrived | wc -l)" = 1 ]
  [ "$(arrived | jq .priority)" = 5 ]
  [ "$(arrived | jq -r .message | head -n 1)" = 'the cell is out' ]
  [[ $(arrived | jq -r .message) == *'… and 11 more'* ]]
}

@test "while the target is down nothing is lost, and when it is back nothing comes twice" {
  stop_ntfy
  run -3 --separate-stderr to_ntfy < <(record kept 73 'kept while it was down')
  [[ $stderr == *"1 alerts are still in"* ]]
  start_ntfy
  to_ntfy </dev/null
  [ "$(arrived | jq -r .message | grep -c 'kept while')" = 1 ]
  # The same record again, as a reader that starts over sends it; and a run that has nothing to say.
  record kept 73 'kept while it was down' | to_ntfy
  to_ntfy </dev/null
  [ "$(arrived | wc -l)" = 1 ]
}

@test "a run that is killed in the middle loses nothing" {
  mkfifo "$BATS_TEST_TMPDIR/pipe"
  alert --every 600 --ntfy "$TOPIC" --token "$NTFY/token" <"$BATS_TEST_TMPDIR/pipe" 3>&- &
  local pid=$!
  exec 7>"$BATS_TEST_TMPDIR/pipe"
  record first 73 'sent at once' >&7
  for _ in {1..50}; do [ "$(arrived | wc -l)" = 0 ] || break; sleep 0.1; done
  record second 73 'waits for the digest' >&7
  for _ in {1..50}; do [ -z "$(ls "$SPOOL/waiting")" ] || break; sleep 0.1; done
  grep -q 'waits for the digest' "$SPOOL"/waiting/*
  kill -KILL "$pid"
  exec 7>&-
  for _ in {1..50}; do flock -n "$SPOOL/lock" true && break; sleep 0.1; done
  to_ntfy </dev/null
  [ "$(arrived | wc -l)" = 2 ]
  [ "$(arrived | jq -r .message | grep -c 'waits for the digest')" = 1 ]
}

@test "no more messages an hour than asked for: what is over waits" {
  record a 73 one | to_ntfy --most 1
  run -3 to_ntfy --most 1 < <(record b 73 two)
  [ "$(arrived | wc -l)" = 1 ]
  to_ntfy --most 2 </dev/null
  [ "$(arrived | wc -l)" = 2 ]
}

@test "what the prisoner wrote is bounded, and moves no cursor" {
  local evil
  evil=$(printf 'x\033]0;owned\007\u202e\u009b2J\r\n\nwhere: nowhere')
  { record evil 73 "$evil"; record '../../etc/passwd' 73 'a name that climbs'; record long 73 "$(printf 'A%.0s' {1..5000})"; } | to_ntfy
  run ! grep -qP '[\x00-\x08\x0b-\x1f\x7f]|\x{202e}|\x{9b}' <(arrived | jq -r .message)
  [ "$(arrived | jq -r .message | awk '{ if (length > most) most = length } END { print most }')" -lt 320 ]
  [ "$(arrived | jq -r .message | grep -c '^where')" = 0 ]
  [ ! -e "$BATS_TEST_TMPDIR/etc" ]
}

@test "the token is no argument and no variable, and a file that others can read is refused" {
  chmod 0644 "$NTFY/token"
  run -2 to_ntfy </dev/null
  chmod 0600 "$NTFY/token"
  [[ $output == *"must be yours alone"* ]]
  mkdir "$BATS_TEST_TMPDIR/bin"
  printf '#!/bin/bash\ntr "\\0" "\\n" </proc/self/environ >>%q\nprintf "%%s\\n" "$@" >>%q\nexec %q "$@"\n' "$BATS_TEST_TMPDIR/seen" "$BATS_TEST_TMPDIR/seen" "$(command -v curl)" >"$BATS_TEST_TMPDIR/bin/curl"
  chmod +x "$BATS_TEST_TMPDIR/bin/curl"
  record one 73 x | PATH="$BATS_TEST_TMPDIR/bin:$PATH" to_ntfy
  [ -s "$BATS_TEST_TMPDIR/seen" ]
  run ! grep -q tk_ "$BATS_TEST_TMPDIR/seen"
  [ "$(arrived | wc -l)" = 1 ]
}

@test "a webhook gets JSON, a command gets the text and an empty environment, mail gets a whole message" {
  cat >"$BATS_TEST_TMPDIR/hook.py" <<'PY'
import http.server, sys
class Hook(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        open(sys.argv[1], "wb").write(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204); self.end_headers()
    def log_message(self, *_): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Hook)
open(sys.argv[2], "w").write(str(server.server_port))
server.handle_request()
PY
  python3 "$BATS_TEST_TMPDIR/hook.py" "$BATS_TEST_TMPDIR/posted" "$BATS_TEST_TMPDIR/port" 3>&- &
  for _ in {1..50}; do [ ! -s "$BATS_TEST_TMPDIR/port" ] || break; sleep 0.1; done
  record one 73 'by webhook' | alert --webhook "http://127.0.0.1:$(cat "$BATS_TEST_TMPDIR/port")/"
  [ "$(jq -r '.alerts[0].what' "$BATS_TEST_TMPDIR/posted")" = 'by webhook' ]

  printf '#!/bin/sh\nenv >%q; cat >%q\n' "$BATS_TEST_TMPDIR/env" "$BATS_TEST_TMPDIR/text" >"$BATS_TEST_TMPDIR/told"
  chmod +x "$BATS_TEST_TMPDIR/told"
  record two 73 'by command' | SECRET=1 alert --command "$BATS_TEST_TMPDIR/told"
  grep -qx 'by command' "$BATS_TEST_TMPDIR/text"
  run ! grep -q SECRET "$BATS_TEST_TMPDIR/env"

  mkdir "$BATS_TEST_TMPDIR/bin"
  printf '#!/bin/sh\ncat >%q\n' "$BATS_TEST_TMPDIR/mail" >"$BATS_TEST_TMPDIR/bin/sendmail"
  chmod +x "$BATS_TEST_TMPDIR/bin/sendmail"
  record three 73 'by mail' | PATH="$BATS_TEST_TMPDIR/bin:$PATH" alert --mail root@localhost
  grep -qx 'To: root@localhost' "$BATS_TEST_TMPDIR/mail"
  grep -qx 'by mail' "$BATS_TEST_TMPDIR/mail"
  run -2 alert --mail 'a@b -oQ/tmp' </dev/null
}

@test "what is too long for the server is told in fewer words, and blocks nobody" {
  local long
  long=$(printf 'ä%.0s' {1..300})
  { for n in {1..25}; do record "id-$n" 73 "$n $long" | jq -c --arg long "$long" '.event.reason = $long | .cellblock.mend = $long | .file = {path: $long}'; done; } | to_ntfy
  [ "$(arrived | wc -l)" = 1 ]
  [ "$(arrived | jq -r .message | wc -c)" -lt 4096 ]
  [[ $(arrived | jq -r .message) == *"more: auditdb events"* ]]
  record after 73 'the next one' | to_ntfy
  [ "$(arrived | jq -r .message | grep -cx 'the next one')" = 1 ]
}

@test "what could not be read from the spool is not sent as nothing, and stays" {
  run -3 to_ntfy --most 0 < <(record kept 73 'still here')
  mkdir "$BATS_TEST_TMPDIR/bin"
  printf '#!/bin/sh\nexit 1\n' >"$BATS_TEST_TMPDIR/bin/cat"
  chmod +x "$BATS_TEST_TMPDIR/bin/cat"
  PATH="$BATS_TEST_TMPDIR/bin:$PATH" run -3 to_ntfy </dev/null
  to_ntfy </dev/null
  [ "$(arrived | jq -r .message | grep -cx 'still here')" = 1 ]
  [ "$(arrived | wc -l)" = 1 ]
}

@test "an alert that takes the id of another is told all the same" {
  { record same 73 'the first'; record same 73 'in its name'; record same 73 'the first'; } | to_ntfy
  [ "$(arrived | jq -r .message | grep -c '^the first$')" = 1 ]
  [ "$(arrived | jq -r .message | grep -c '^in its name$')" = 1 ]
}

@test "a command that fails keeps the alert, and usage is told" {
  run -3 alert --command false < <(record one 73 x)
  [ "$(find "$SPOOL/waiting" -type f | wc -l)" = 1 ]
  run -2 alert </dev/null
  [[ $output == *"to whom?"* ]]
  run -2 "$BATS_TEST_DIRNAME/../../scripts/alert" --ntfy "$TOPIC" </dev/null
  [[ $output == *"--spool DIR is needed"* ]]
  run -2 alert --ntfy file:///etc/passwd </dev/null
}
