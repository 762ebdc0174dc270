#!/usr/bin/env bats
# The gate under load, and when something goes wrong: floods, slow clients, broken upstreams, a new policy, a full disk
# and nginx killed. The world is that of gate.bats.
# shellcheck disable=SC2030,SC2031,SC2154  # status and output are set by ask

bats_require_minimum_version 1.5.0
load ../worlds/gate/world.bash

setup_file() { [ -n "${STANDS:-}" ] || build_world >&2; }
teardown_file() { leave_world; }

# upload BYTES CURL…: zeros from stdin, chunked unless told otherwise; prints what the upstream says it took.
upload() {
  head -c "$1" /dev/zero | as cell curl -sS -m 120 --connect-to "::$GATE_CELL:" -H 'Expect:' "${@:2}" -T - http://odd.lab.test/sink
}

@test "an upload of a gibibyte streams, of known length and chunked, in the gate's 256 MiB" {
  run -0 upload 1073741824 -X POST -H 'Content-Length: 1073741824' -H 'Transfer-Encoding:'
  is "$output" "took 1073741824"
  run -0 upload 30000000
  is "$output" "took 30000000"
  is "$(ld inspect --format '{{.State.OOMKilled}} {{.RestartCount}}' proxy)" "false 0"
}

@test "rate and burst are a client's own, for one name" {
  local count
  for count in 1 2 3; do ask monitor http://slow-rate.lab.test/; is "$count $status" "$count 200"; done
  ask monitor http://slow-rate.lab.test/
  refused 429 too-many-requests
  ask monitor http://slow-rate.lab.test/ -D "$BATS_TEST_TMPDIR/head"
  grep -qix $'retry-after: 60\r' "$BATS_TEST_TMPDIR/head"
  ask cell http://slow-rate.lab.test/
  is "$status" 200
  ask monitor http://odd.lab.test/
  is "$status" 200
}

@test "an upstream that is not what it should be is a 502 with the reason, and gets no request" {
  local since mark name code words
  since=$(now)
  mark=$(seen_mark)
  while read -r name code words; do
    ask monitor "http://$name"
    refused 502 "$code" || { echo "$name: $status $output"; return 1; }
    grep -q "$words" <<<"$output" || { echo "$name: $output"; return 1; }
    is "$(last_record "$since" ".url.domain == \"${name%%/*}\"" | jq -r '[.event.action, .error.code] | join(" ")')" "request-failed $code"
  done <<'TABLE'
expired.lab.test certificate-refused certificate has expired
self-signed.lab.test certificate-refused self-signed certificate
wrong-name.lab.test certificate-refused another name
nowhere.example.com name-unresolved Host not found
refusing.lab.test upstream-unreachable Connection refused
plain.lab.test tls-failed TLS 1.2
odd.lab.test/broken upstream-broke-off broke the connection off
TABLE
  is "$(seen_since "$mark" | jq -r .host | sort -u)" odd.lab.test
  ask monitor http://odd.lab.test/slow
  is "$status" 200
}

# alive: the gate answers, within a minute.
alive() {
  answers() { ask monitor http://odd.lab.test/ && [ "$status" = 200 ]; }
  eventually 60 answers || { ld logs --tail 20 proxy 2>&1; return 1; }
}

@test "nginx that is killed, or one of its workers, comes back by itself, and the keys stay with the container" {
  local secret=sk-lab-$RANDOM$RANDOM$RANDOM started master
  printf '%s\n' "$secret" | ctl secret put model-key >/dev/null
  started=$(ld inspect --format '{{.State.StartedAt}}' proxy)
  # shellcheck disable=SC2016  # for the shell in the container
  ld exec proxy bash -c 'kill -KILL $(cat /run/nginx/nginx.pid)'
  alive
  ld logs proxy 2>&1 | grep -q 'nginx ended with status 137; starting it again'
  master=$(ld exec proxy cat /run/nginx/nginx.pid)
  # shellcheck disable=SC2016
  ld exec proxy bash -c 'for process in /proc/[0-9]*; do
    if [ "$(cat "$process/comm" 2>/dev/null)" = nginx ] && [ "${process#/proc/}" != "$(cat /run/nginx/nginx.pid)" ]; then kill -KILL "${process#/proc/}"; fi; done'
  alive
  is "$(ld exec proxy cat /run/nginx/nginx.pid)" "$master"
  is "$(ld inspect --format '{{.State.StartedAt}}' proxy)" "$started"
  ld exec proxy healthy
  ask monitor http://api.anthropic.com/v1
  is "$status" 200
  # Told to end, it ends, and is not started again.
  ld stop -t 30 proxy >/dev/null
  is "$(ld inspect --format '{{.State.ExitCode}} {{.State.Running}}' proxy)" "0 false"
  start_gate >/dev/null
  ask monitor http://api.anthropic.com/v1
  refused 503 credential-not-delivered
}

@test "a client that asks over and over for what it may not is refused each time, and does not fill the log" {
  local since begun=$SECONDS windows asked refusals insisting=$BATS_TEST_TMPDIR/insisting
  since=$(now)
  touch "$insisting"
  as warden "$PYTHON" "$SUITE/crowd.py" "$GATE_WARDEN" insist 3000 example.com "$insisting" >"$BATS_TEST_TMPDIR/insisted" &
  local flood=$!
  # In the middle of it another client is refused: it costs that one no line.
  begun_to_flood() { [ "$(records "$since" | wc -l)" -gt 50 ]; }
  eventually 30 begun_to_flood
  ask monitor http://example.com/beside-the-flood
  refused 403 name-not-listed
  # The flood goes on until here, however fast the machine is.
  kill -0 "$flood"
  rm "$insisting"
  wait "$flood"
  read -r asked refusals <"$BATS_TEST_TMPDIR/insisted"
  [ "$asked" -ge 3000 ]
  is "$refusals" "$asked"
  records "$since" | grep -q beside-the-flood
  windows=$(((SECONDS - begun) / 10 + 2))
  # 200 in 10 s, and up to twice that when two workers count at the same moment.
  [ "$(records "$since" | wc -l)" -le $((windows * 400)) ]
  [ "$(records "$since" | jq -r .error.code | sort -u)" = name-not-listed ]
  counted() { ask warden http://example.com/ && records "$since" | grep -q 'refusals of this client before it were not told'; }
  eventually 60 counted
}

# with_log FILE: the gate, its log going there and no longer to Docker.
with_log() {
  printf 'services: { proxy: { entrypoint: [bash, -c, "exec enter >%s"] } }\n' "$1" >"$BATS_TEST_TMPDIR/log.yaml"
  compose -f "$BATS_TEST_TMPDIR/log.yaml" up -d --no-build --no-deps --wait proxy >/dev/null
}

@test "a log whose disk is full: the gate goes on answering and refusing, and says so" {
  with_log /dev/full
  ask monitor http://odd.lab.test/
  is "$status" 200
  ask monitor http://example.com/
  refused 403 name-not-listed
  ld logs proxy 2>&1 | grep -q 'write() to "/dev/stdout".* (28: No space left on device)'
  start_gate >/dev/null
  alive
}

# paths: the paths of the test below in the records on stdin, in their order.
paths() { jq -r '.url.path | select(startswith("/turn-"))'; }

@test "Docker rotates the gate's log: its files miss no line in between, and who follows it misses none at all" {
  local turn follower log
  # The driver and the files that compose.yaml asks for, but smaller ones.
  is "$(compose config --format json | jq -r '.services.proxy.logging | [.driver, .options."max-file"] | join(" ")')" "json-file 3"
  printf 'services: { proxy: { logging: { options: { max-size: 128k } } } }\n' >"$BATS_TEST_TMPDIR/log.yaml"
  compose -f "$BATS_TEST_TMPDIR/log.yaml" up -d --no-build --no-deps --wait proxy >/dev/null
  # As scripts/collect follows it. Not through in_lab: a function in the background is a shell, and killing that is not enough.
  nsenter --net="/run/netns/$LAB_NAME-host" -- env DOCKER_HOST="unix://$STATE/docker.sock" docker logs -f proxy >"$BATS_TEST_TMPDIR/followed" 2>/dev/null 3>&- &
  follower=$!
  for turn in {1..8}; do
    as monitor curl -s -o /dev/null --connect-to "::$GATE_MONITOR:" "http://www.openclaw.ai/turn-$turn-[1-80]"
    printf "/turn-$turn-%s\n" {1..80} >>"$BATS_TEST_TMPDIR/asked"
    caught_up() { [ "$(grep -c '"path":"/turn-' "$BATS_TEST_TMPDIR/followed")" -ge $((turn * 80)) ]; }
    eventually 60 caught_up || break
  done
  kill "$follower"
  diff <(paths <"$BATS_TEST_TMPDIR/followed") "$BATS_TEST_TMPDIR/asked"
  log=$(ld inspect --format '{{.LogPath}}' proxy)
  is "$(basename -a "$log"* | wc -l)" 3
  cat "$log.2" "$log.1" "$log" | jq -r .log | grep . | paths >"$BATS_TEST_TMPDIR/held"
  ld logs proxy 2>/dev/null | paths | diff - "$BATS_TEST_TMPDIR/held"
  # The oldest are gone, as they should; what is held has no gap.
  [ "$(wc -l <"$BATS_TEST_TMPDIR/held")" -gt 160 ]
  [ "$(wc -l <"$BATS_TEST_TMPDIR/held")" -lt 640 ]
  tail -n "$(wc -l <"$BATS_TEST_TMPDIR/held")" "$BATS_TEST_TMPDIR/asked" | diff - "$BATS_TEST_TMPDIR/held"
  start_gate >/dev/null
  alive
}

@test "200 clients at once all get their answer, also while another client holds a crowd of half requests" {
  local found loris since
  since=$(now)
  found=$(as monitor "$PYTHON" "$SUITE/crowd.py" "$GATE_MONITOR" ask 200)
  is "${found% *}" 200
  as cell "$PYTHON" "$SUITE/crowd.py" "$GATE_CELL" loris 5000 >"$BATS_TEST_TMPDIR/held" 3>&- &
  loris=$!
  sleep 4
  found=$(as monitor "$PYTHON" "$SUITE/crowd.py" "$GATE_MONITOR" ask 50)
  kill "$loris"
  echo "held $(cat "$BATS_TEST_TMPDIR/held"), answered $found"
  is "${found% *}" 50
  # What the half requests left in the log is a record like any other.
  sleep 2
  run -0 records "$since"
  [[ $output != *"does not fit"* ]]
}

@test "a reload drops no request, and takes a rule away; a broken configuration changes nothing" {
  local asked count since
  since=$(now)
  as monitor "$PYTHON" "$SUITE/crowd.py" "$GATE_MONITOR" ask-for 4 >"$BATS_TEST_TMPDIR/asked" 3>&- &
  asked=$!
  for count in 1 2 3; do sleep 0.8; ld exec proxy reload; done
  wait "$asked"
  read -r got lost <"$BATS_TEST_TMPDIR/asked"
  is "$lost" 0
  [ "$got" -gt 20 ]
  # Nor does it cost a line of the log.
  allowed() { [ "$(records "$since" | grep -c '"action":"request-allowed"')" = "$got" ]; }
  eventually 60 allowed
  echo 'broken {' >>"$ROOT/rendered/gate/nginx.conf"
  run -78 ld exec proxy reload
  ask monitor http://odd.lab.test/
  is "$status" 200
  sed -i '/^\[\[egress\]\] # streams/,/^$/d' "$POLICY"
  render
  ld exec proxy reload
  taken_away() { ask monitor http://odd.lab.test/ && [ "$status" = 403 ]; }
  eventually 60 taken_away
  refused 403 name-not-listed
  cp "$SUITE/policy.toml" "$POLICY"
  render
  ld exec proxy reload
  alive
}

@test "a resolver that says nothing costs time, and no answer" {
  local turn
  nsenter --net="/run/netns/$LAB_NAME-inet" -- nft -f - <<'RULES'
table ip gatesilent
delete table ip gatesilent
table ip gatesilent {
  chain silent { type filter hook prerouting priority -250; ip daddr 149.112.112.112 drop; }
}
RULES
  run ! inside proxy "$BATS_TEST_DIRNAME/../worlds/lab/ask.py" -s 2 dns 149.112.112.112 github.com
  run -0 inside proxy "$BATS_TEST_DIRNAME/../worlds/lab/ask.py" -s 20 dns 9.9.9.9 github.com
  sed -i 's/^resolvers = .*/resolvers = ["9.9.9.9", "149.112.112.112"]/' "$POLICY"
  render
  ld exec proxy reload
  alive
  # Nobody has asked for these yet. Each of two workers asks its resolvers in turn, so one of them meets the silent one.
  for turn in 1 2 3 4; do
    ask monitor "http://silent-$turn.wild.lab.test/"
    is "$turn $status" "$turn 200"
  done
  cp "$SUITE/policy.toml" "$POLICY"
  render
  ld exec proxy reload
  alive
}

@test "a transfer that is under way when the policy changes ends well" {
  alive
  mkfifo "$BATS_TEST_TMPDIR/body"
  as monitor curl -sS -m 120 --connect-to "::$GATE_MONITOR:" -H 'Expect:' -T - http://odd.lab.test/sink \
    <"$BATS_TEST_TMPDIR/body" >"$BATS_TEST_TMPDIR/took" 3>&- &
  exec 8>"$BATS_TEST_TMPDIR/body"
  head -c 1000000 /dev/zero >&8
  connected() { inside proxy ss -Htn state established dst 45.33.7.40 | grep -q .; }
  eventually 60 connected
  ld exec proxy reload
  leaving() { ld exec proxy bash -c 'cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\0" "\n"' | grep -q 'worker process is shutting down'; }
  eventually 60 leaving
  ask monitor http://odd.lab.test/
  is "$status" 200
  head -c 1000000 /dev/zero >&8
  exec 8>&-
  wait "$!"
  is "$(cat "$BATS_TEST_TMPDIR/took")" "took 2000000"
}
