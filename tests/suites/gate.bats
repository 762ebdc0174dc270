#!/usr/bin/env bats
# The gate lets through what the policy lists, says why it refuses the rest, and lies to nobody. The real image, run
# by the real composition, behind the real moat; each "refused" has a control that is let through.
# shellcheck disable=SC2030,SC2031,SC2154  # status and output are set by ask

bats_require_minimum_version 1.5.0
load ../worlds/gate/world.bash
load ../worlds/gate/hundredth.bash

setup_file() { [ -n "${STANDS:-}" ] || build_world >&2; }
teardown_file() { leave_world; }

@test "git reads refs through the gate, over verified TLS, and the log says by which rule" {
  local since
  since=$(now)
  run -0 as monitor git -c url.http://github.com/.insteadOf=https://github.com/ \
    -c "http.curloptResolve=github.com:80:$GATE_MONITOR" ls-remote https://github.com/openclaw/openclaw refs/heads/main
  [[ $output == *refs/heads/main ]]
  local record
  record=$(last_record "$since" '.url.path == "/openclaw/openclaw/info/refs"')
  is "$(jq -r '[.event.action, .event.outcome, .rule.id, .network.name, .source.ip, .destination.address, .destination.ip] | join(" ")' <<<"$record")" \
    "request-allowed success egress-0-github.com monitor 172.30.2.4 github.com 140.82.121.3"
  jq -e 'has("error") | not' <<<"$record"
}

@test "inside, a listed name is the gate's, any other does not exist, and no question leaves" {
  local unique=x$RANDOM$RANDOM.lab.test
  is "$(ld exec gate-monitor getent ahostsv4 github.com | awk 'NR == 1 { print $1 }')" "$GATE_MONITOR"
  is "$(ld exec gate-cell getent ahostsv4 docs.openclaw.ai | awk 'NR == 1 { print $1 }')" "$GATE_CELL"
  run ! ld exec gate-monitor getent hosts docs.openclaw.ai
  run ! ld exec gate-cell getent hosts "$unique"
  run ! grep -q "$unique" "$STATE/dns.log"
  run ! as cell "$BATS_TEST_DIRNAME/../worlds/lab/ask.py" -s 2 dns "$GATE_CELL" "$unique"
  # The control: the gate itself asks the resolver of the policy.
  ask monitor "http://github.com/openclaw/openclaw/HEAD"
  grep -q ' github.com A ' "$STATE/dns.log"
}

# logged_alike SINCE: the refusals in the log are those that were answered, word for word.
logged_alike() {
  records "$1" | jq -r 'select(.event.action == "request-denied") | [.error.code, .event.reason] | join("|")' | sort >"$BATS_TEST_TMPDIR/logged"
  cmp -s "$BATS_TEST_TMPDIR/answered" "$BATS_TEST_TMPDIR/logged"
}

@test "every line of the rule table holds, every refusal is in the log with the same words, and nothing is smuggled" {
  local since mark client
  since=$(now)
  mark=$(seen_mark)
  for client in monitor cell warden; do
    as "$client" "$PYTHON" "$SUITE/table.py" "$SUITE/rules.tsv" "$client" "$(gate_of "$client")"
  done | sort >"$BATS_TEST_TMPDIR/answered"
  run ! grep -q smuggled <(seen_since "$mark")
  [ "$(wc -l <"$BATS_TEST_TMPDIR/answered")" -gt 80 ]
  eventually 60 logged_alike "$since" || diff "$BATS_TEST_TMPDIR/answered" "$BATS_TEST_TMPDIR/logged"
}

@test "what is too long is refused with the reason" {
  ask monitor http://odd.lab.test/ -H "X: $(head -c 20000 /dev/zero | tr '\0' x)"
  refused 431 headers-too-large
  ask monitor "http://odd.lab.test/$(head -c 20000 /dev/zero | tr '\0' x)"
  refused 414 uri-too-long
  ask monitor http://odd.lab.test/
  is "$status" 200
}

@test "a wildcard stands for names below it, and for nothing that only ends like one" {
  local host
  ask monitor http://a.wild.lab.test/; is "$status" 200
  ask monitor http://a.b.wild.lab.test/; refused 502 certificate-refused
  as cell openssl s_client -connect "$GATE_CELL:443" -servername a.passed.lab.test </dev/null 2>/dev/null | grep -q 'BEGIN CERTIFICATE'
  for host in passed.lab.test 'example.com:443.passed.lab.test' 'example.com?.passed.lab.test' 'unix:.passed.lab.test'; do
    run ! grep -q 'BEGIN CERTIFICATE' <(as cell openssl s_client -connect "$GATE_CELL:443" -servername "$host" </dev/null 2>/dev/null)
  done
}

@test "the upstream learns nothing of the inside, and no other method or path than the one that was judged" {
  local mark header
  mark=$(seen_mark)
  ask monitor http://odd.lab.test/x -H 'X-Forwarded-For: 172.30.2.4' -H 'X-Real-IP: 172.30.2.4' -H 'Forwarded: for=172.30.2.4' -H 'Via: 1.1 inside' \
    -H 'Proxy-Authorization: Basic aW5zaWRl' -H 'X-Forwarded-Host: inside' -H 'X-HTTP-Method-Override: DELETE' -H 'X-Original-URL: /admin' \
    -H 'X-Rewrite-URL: /admin' -H 'Connection: close, X-Kept' -H 'X-Kept: yes' -H 'X_Forwarded_For: 172.30.2.4'
  is "$status" 200
  header=$(seen_since "$mark" | jq -c .headers)
  run ! grep -qiE '172\.30\.|inside|aW5zaWRl|DELETE|/admin|x.forwarded|cellblock|nginx' <<<"$header"
  is "$(jq -r '.host + " " + ."x-kept"' <<<"$header")" "odd.lab.test yes"
  ask monitor http://odd.lab.test/x -D "$BATS_TEST_TMPDIR/head"
  run ! grep -qiE '172\.30\.|x-forwarded|via:' "$BATS_TEST_TMPDIR/head"
}

@test "an upstream cannot send the gate to another path" {
  local mark
  mark=$(seen_mark)
  ask monitor http://odd.lab.test/accel
  is "$status $output" "200 the upstream's own answer"
  is "$(seen_since "$mark" | jq -r .path)" /accel
}

@test "over IPv6 the gate answers as over IPv4" {
  is "$(as cell curl -s -m 5 --connect-to '::[fd6c:6c62:1::2]:' http://odd.lab.test/six)" "GET odd.lab.test/six"
  is "$(as cell curl -s -m 5 --connect-to '::[fd6c:6c62:1::2]:' http://github.com/ | jq -r .error)" name-not-listed
}

@test "QUIC at the gate is refused, not met with silence, so that a client falls back to TCP at once" {
  local address
  for address in "$GATE_CELL" fd6c:6c62:1::2; do
    run -0 as cell "$PYTHON" "$BATS_TEST_DIRNAME/../worlds/netguard/refused.py" udp "$address" 443
    is "${output% *}" ECONNREFUSED
  done
}

@test "a WebSocket is opened and carries bytes both ways; another protocol is not switched to" {
  local mark
  {
    printf 'GET /ws HTTP/1.1\r\nHost: odd.lab.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
    sleep 0.5
    printf 'ping-of-the-cell'
    sleep 0.5
  } | raw cell 80 >"$BATS_TEST_TMPDIR/answer"
  grep -q '^HTTP/1.1 101' "$BATS_TEST_TMPDIR/answer"
  grep -q 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=' "$BATS_TEST_TMPDIR/answer"
  grep -q 'ping-of-the-cell' "$BATS_TEST_TMPDIR/answer"
  mark=$(seen_mark)
  ask cell http://odd.lab.test/ -H 'Connection: Upgrade, HTTP2-Settings' -H 'Upgrade: h2c' -H 'HTTP2-Settings: AAMAAABkAAQAAP__'
  is "$status" 200
  is "$(seen_since "$mark" | jq -r '.headers.upgrade // "none"')" none
}

@test "events are passed on as they come" {
  local first
  first=$(as cell "$PYTHON" - "$GATE_CELL" <<'PROGRAM'
import socket, sys, time
sock = socket.create_connection((sys.argv[1], 80))
sock.sendall(b"GET /events HTTP/1.1\r\nHost: odd.lab.test\r\nConnection: close\r\n\r\n")
seen, first, begun = b"", None, time.monotonic()
while data := sock.recv(4096):
    seen += data
    if first is None and b"event 0" in seen:
        first = time.monotonic()
print(int((time.monotonic() - first) * 1000), seen.count(b"data: event"))
PROGRAM
  )
  # Three events, 400 ms apart: had the first been held back, nothing would have come after it.
  [ "${first#* }" = 3 ]
  [ "${first% *}" -ge 700 ]
}

# The gate's workers that still take connections. A reload returns before the old ones no longer do.
workers() { ld top proxy -eo pid,args | awk '/nginx: worker process$/ { print $1 }'; }
none_of() { ! grep -qxF "$1" <(workers); }

@test "a WebSocket that is quiet for 300 s and events that trickle for 15 minutes stay; what is quiet for 600 s ends, and is told" {
  local since said before
  since=$(now)
  before=$(workers)
  # Every time-out of a minute or more, as rendered, at a hundredth.
  hundredth <"$ROOT/rendered/gate/nginx.conf" >"$ROOT/quick.conf"
  grep -q 'proxy_read_timeout 6000ms;' "$ROOT/quick.conf"
  cat "$ROOT/quick.conf" >"$ROOT/rendered/gate/nginx.conf"
  ld exec proxy reload
  eventually 60 none_of "$before"
  said=$(as cell "$PYTHON" "$SUITE/quiet.py" "$GATE_CELL" 80 odd.lab.test)
  render
  ld exec proxy reload
  grep -x echo <<<"$said"
  grep -x 'events 18' <<<"$said"
  # Not before: nothing else ends it. (Much later on a busy machine.)
  [ "$(sed -n 's/^ended //p' <<<"$said")" -ge 5 ]
  last_record "$since" '.url.path == "/ws" and .http.response.status_code == 101 and .event.duration >= 8000000000'
}

@test "a name that leads to the LAN, to metadata, to the tailnet, to the gate or to a peer is refused, and says so" {
  local name mark since
  since=$(now)
  mark=$(seen_mark)
  for name in lan metadata tailnet router loopback gate gate-outside peer; do
    ask monitor "http://$name.lab.test/"
    refused 502 address-not-public || { echo "$name: $status $output"; return 1; }
    is "$(last_record "$since" ".url.domain == \"$name.lab.test\"" | jq -r '[.event.action, .error.code, .destination.address, .destination.ip // "nowhere"] | join(" ")')" \
      "request-denied address-not-public $name.lab.test nowhere"
  done
  ask monitor http://lan.wild.lab.test/
  refused 502 address-not-public
  is "$(last_record "$since" '.url.domain == "lan.wild.lab.test"' | jq -r '[.event.action, .destination.ip // "nowhere"] | join(" ")')" "request-denied nowhere"
  is "$(seen_since "$mark" | wc -l)" 0
}

@test "the moat has the last word on where the gate goes, and without it those names would have led there" {
  local address name
  for address in 192.168.77.10 192.168.77.1 169.254.169.254 100.101.102.9; do
    run ! inside proxy curl -s -m 2 -o /dev/null --interface "$GATE_EGRESS" "http://$address/"
  done
  in_lab nft delete table inet netguard
  for address in 192.168.77.10 192.168.77.1 169.254.169.254 100.101.102.9; do
    run -0 inside proxy curl -s -m 20 -o /dev/null --interface "$GATE_EGRESS" "http://$address/"
  done
  # And the gate by itself, with no moat behind it, still refuses.
  for name in lan.lab.test lan.wild.lab.test; do
    ask monitor "http://$name/"
    refused 502 address-not-public
  done
  ask cell https://lan.passed.lab.test/
  is "$status" 000
  in_lab "$NETGUARD" --policy "$POLICY" --root "$ROOT" apply >/dev/null
}

@test "a name that answers with a public address first and a private one next is followed to the public one only" {
  local mark seen='' end=$((SECONDS + 90))
  mark=$(seen_mark)
  # A kept connection leads where it led: the name is asked for again when there is none.
  until [[ $seen == *200* && $seen == *502* ]]; do
    [ "$SECONDS" -lt "$end" ] || { echo "seen:$seen"; return 1; }
    ask monitor http://rebind.lab.test/
    seen+=" $status"
    [ "$status" != 502 ] || refused 502 address-not-public
    sleep 0.3
  done
  is "$(seen_since "$mark" | jq -r .asked | sort -u)" 45.33.7.30
}

# What one client asks on one connection of its own goes out on one connection.
kept() {
  local mark
  mark=$(seen_mark)
  ask monitor 'http://www.openclaw.ai/[1-4]'
  [ "$(seen_since "$mark" | jq -r .connection | wc -l)" = 4 ] && [ "$(seen_since "$mark" | jq -r .connection | sort -u | wc -l)" = 1 ]
}

@test "connections and TLS sessions to an upstream are kept" {
  local mark
  # A machine that stood still for four seconds in between would have let the connection go.
  eventually 60 kept
  # This upstream hangs up after each answer. Two workers have sessions of their own; from the third request on,
  # one of them has met it before.
  mark=$(seen_mark)
  ask monitor 'http://odd.lab.test/[1-3]'
  ask monitor 'http://odd.lab.test/[4-6]'
  is "$(seen_since "$mark" | jq -r .connection | sort -u | wc -l)" 6
  [ "$(seen_since "$mark" | jq -r 'select(.resumed) | .path' | wc -l)" -ge 4 ]
}

# asked_of NAME…: each in turn, four times over, as the monitor; every answer is a 200.
asked_of() {
  local turn name
  for turn in 1 2 3 4; do
    for name in "$@"; do
      ask monitor "http://$name/$turn"
      is "$name $status" "$name 200" || return 1
    done
  done
}

# shared_connections MARK: connections to upstreams that served more than one name since then.
shared_connections() { seen_since "$1" | jq -r '[.connection, .host] | join(" ")' | sort -u | cut -d' ' -f1 | uniq -d; }

# resumed_with FROM TO: whether the upstream takes up the TLS session of one name for another, if a client tries.
resumed_with() {
  local session=$BATS_TEST_TMPDIR/session
  printf 'GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$1" |
    in_lab openssl s_client -connect 45.33.7.46:443 -servername "$1" -sess_out "$session" -ign_eof >/dev/null 2>&1
  in_lab openssl s_client -connect 45.33.7.46:443 -servername "$2" -sess_in "$session" </dev/null 2>/dev/null | grep -q '^Reused'
}

@test "below a wildcard connections and TLS sessions are kept, and one name's are never another's" {
  local mark names=() number
  kept_below() {
    local mark
    mark=$(seen_mark)
    ask monitor 'http://a.wild.lab.test/[1-4]'
    is "$(seen_since "$mark" | wc -l)" 4
    [ "$(seen_since "$mark" | jq -r .connection | sort -u | wc -l)" = 1 ]
  }
  eventually 60 kept_below
  # These two hang up after each answer. The control: the upstream itself would not mind.
  resumed_with one.wild.lab.test other.wild.lab.test
  mark=$(seen_mark)
  asked_of one.wild.lab.test
  asked_of one.wild.lab.test other.wild.lab.test
  is "$(shared_connections "$mark")" ""
  [ "$(seen_since "$mark" | jq -r 'select(.host == "one.wild.lab.test" and .resumed) | .path' | wc -l)" -ge 4 ]
  is "$(seen_since "$mark" | jq -c 'select(.host == "other.wild.lab.test") | .resumed' | head -n 1)" false
  # More names than are kept: all are served, none with another's connection.
  for number in {1..40}; do names+=("n$number.wild.lab.test"); done
  mark=$(seen_mark)
  asked_of "${names[@]}"
  is "$(seen_since "$mark" | jq -r .host | sort -u | wc -l)" 40
  is "$(shared_connections "$mark")" ""
  # shellcheck disable=SC2016  # for the shell in the container
  number=$(ld exec proxy bash -c 'set -- /run/nginx/slot-*; echo "$#"; sort "$@" | uniq -d >&2' 2>"$BATS_TEST_TMPDIR/twice")
  [ "$number" -gt 16 ]
  [ "$number" -le 32 ]
  is "$(cat "$BATS_TEST_TMPDIR/twice")" ""
}

@test "an address that failed is passed over while the name has another" {
  local since relay turn
  since=$(now)
  # Led to the one that refuses, as if that had answered until now.
  relay=$(grep -A 2 '# half.lab.test, for monitor' "$ROOT/rendered/gate/nginx.conf" | grep -oE 'out-[0-9a-f]{16}')
  # shellcheck disable=SC2016
  printf 45.33.7.41 | ld exec -i proxy bash -c 'cat >"$1"' - "/run/nginx/address-${relay#out-}"
  ask monitor http://half.lab.test/
  refused 502 upstream-unreachable
  for turn in 1 2 3; do
    ask monitor "http://half.lab.test/$turn"
    is "$turn $status" "$turn 200"
  done
  is "$(last_record "$since" '.url.path == "/3"' | jq -r .destination.ip)" 45.33.7.47
}

@test "TLS of the client's own passes by its name, and who is refused hears it from TLS" {
  local since
  since=$(now)
  ask cell https://docs.openclaw.ai/
  is "$status" 200
  run as cell curl -sS -m 10 --cacert "$STATE/ca.pem" --connect-to "::$GATE_CELL:" https://example.com/
  [[ $output == *"unrecognized name"* ]]
  ask cell https://api.anthropic.com/
  is "$status" 000
  ask monitor https://docs.openclaw.ai/
  is "$status" 000
  as cell openssl s_client -connect "$GATE_CELL:443" -noservername </dev/null >"$BATS_TEST_TMPDIR/no-sni" 2>&1 || true
  run ! grep -q 'BEGIN CERTIFICATE' "$BATS_TEST_TMPDIR/no-sni"
  printf 'GET / HTTP/1.1\r\nHost: docs.openclaw.ai\r\n\r\n' | raw cell 443 >/dev/null
  told() {
    records "$since" | jq -r 'select(.network.protocol == "tls") | [.event.action, .error.code // "-", .tls.client.server_name // "-", .rule.id // "-"] | join(" ")' >"$BATS_TEST_TMPDIR/told"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/told")" -ge 6 ]
  }
  eventually 60 told
  diff - <(LC_ALL=C sort "$BATS_TEST_TMPDIR/told") <<'TOLD'
connection-allowed - docs.openclaw.ai egress-28-docs.openclaw.ai
connection-denied name-not-listed api.anthropic.com -
connection-denied name-not-listed docs.openclaw.ai -
connection-denied name-not-listed example.com -
connection-denied no-name - -
connection-denied no-name - -
TOLD
}

@test "a passed name leads out, and neither into the LAN nor back into the gate" {
  local mark since name
  since=$(now)
  mark=$(seen_mark)
  ask cell https://lan.lab.test/ -m 12
  is "$status" 000
  ask cell https://gate.lab.test/ -m 12
  is "$status" 000
  is "$(seen_since "$mark" | wc -l)" 0
  for name in lan gate; do
    is "$(last_record "$since" ".tls.client.server_name == \"$name.lab.test\"" | jq -r '[.event.action, .error.code, .destination.ip // "nowhere"] | join(" ")')" \
      "connection-denied address-not-public nowhere"
  done
}

@test "a name below a passed wildcard leads outside, and never inside" {
  local since mark
  since=$(now)
  mark=$(seen_mark)
  ask cell https://lan.passed.lab.test/
  is "$status" 000
  is "$(last_record "$since" '.tls.client.server_name == "lan.passed.lab.test"' | jq -r '[.event.action, .error.code, .destination.ip // "nowhere"] | join(" ")')" \
    "connection-denied address-not-public nowhere"
  is "$(seen_since "$mark" | wc -l)" 0
  ask cell https://a.passed.lab.test/
  is "$status" 200
  is "$(last_record "$since" '.tls.client.server_name == "a.passed.lab.test"' | jq -r '[.event.action, .destination.ip] | join(" ")')" \
    "connection-allowed 45.33.7.44"
}

# Addresses that the gate itself turned away since a moment. Who stops at the moat is not among them.
turned_away() {
  local mark=/mark-$RANDOM$RANDOM
  ask cell "http://odd.lab.test$mark"
  last_record "$1" ".url.path == \"$mark\"" >/dev/null
  records "$1" | jq -r 'select(.error.code == "not-a-client") | .source.ip' | sort -u | paste -sd' ' -
}
from_the_lan() { "$LAB" exec lan curl -s -f -m 2 -o /dev/null -H 'Host: github.com' "http://$GATE_MONITOR/openclaw/openclaw/HEAD"; }
from_the_cell() { as cell curl -s -f -m 2 -o /dev/null -H 'Host: github.com' "http://$1/openclaw/openclaw/HEAD"; }

@test "no client gets at the gate by another's door, and nobody from outside does" {
  local address since before
  since=$(now)
  # What else would stop them is out of the way, so that it is the moat: Docker's own walls, and routes that nobody has.
  in_lab iptables -I DOCKER-USER -j ACCEPT
  as cell ip route replace default via 172.30.1.1
  "$LAB" exec lan ip route replace 172.30.2.0/24 via 192.168.77.2
  for address in "$GATE_MONITOR" "$GATE_WARDEN" "$GATE_EGRESS"; do
    before=$(moat_count gate-cell "$address" 80)
    run ! from_the_cell "$address"
    [ "$(moat_count gate-cell "$address" 80)" -gt "$before" ]
  done
  run ! from_the_lan
  is "$(turned_away "$since")" ""
  # The host itself is no client: whoever comes through it would bear its address.
  run ! in_lab curl -s -f -m 2 -o /dev/null -H 'Host: github.com' "http://$GATE_MONITOR/openclaw/openclaw/HEAD"
  is "$(turned_away "$since")" 172.30.2.1
  # The control: with no moat both come as far as the gate, which has the last word.
  in_lab nft delete table inet netguard
  run ! from_the_lan
  run ! from_the_cell "$GATE_MONITOR"
  is "$(turned_away "$since")" "172.30.1.3 172.30.2.1 192.168.77.1"
  in_lab "$NETGUARD" --policy "$POLICY" --root "$ROOT" apply >/dev/null
  as cell ip route del default
  in_lab iptables -D DOCKER-USER -j ACCEPT
}

@test "a key is sent to its own name, for its own client, and is seen nowhere else" {
  local since mark secret=sk-lab-$RANDOM$RANDOM$RANDOM
  since=$(now)
  printf '%s\n' "$secret" | ctl secret put model-key >/dev/null
  printf 'Bearer %s\n' "$secret" | ctl secret put other_key >/dev/null
  mark=$(seen_mark)
  ask monitor http://api.anthropic.com/v1 -H 'x-api-key: mine' -H 'X-Api-Key: mine-too'
  is "$status" 200
  is "$(seen_since "$mark" | jq -r '.headers."x-api-key"')" "$secret"
  ask monitor http://api.openai.com/v1
  is "$(seen_since "$mark" | tail -n 1 | jq -r .headers.authorization)" "Bearer $secret"
  ask monitor http://api.openai.com/v1 -H 'Authorization: mine'
  refused 403 credential-of-your-own
  # Not for the prisoner, who lists the same name without the key, and not for another name.
  mark=$(seen_mark)
  ask cell http://api.anthropic.com/v1
  ask monitor http://odd.lab.test/
  run ! grep -q "$secret" <(seen_since "$mark")
  run ! grep -rq "$secret" <(ld logs proxy 2>&1) <(ld inspect proxy) "$ROOT/rendered"
  run ! ld exec proxy grep -rqs "$secret" /run/nginx /etc/nginx /tmp
  run -0 ld exec proxy grep -rqs "$secret" /run/secrets
  ld restart proxy >/dev/null
  start_gate >/dev/null
  ask monitor http://api.anthropic.com/v1
  refused 503 credential-not-delivered
}

@test "a door is its host by another name: the same rules and key, and the host's own name outside and in the record" {
  local since mark name secret=sk-lab-$RANDOM$RANDOM$RANDOM door=api.openai.com.gate.internal
  since=$(now)
  is "$(ld exec gate-cell getent ahostsv4 "$door" | awk 'NR == 1 { print $1 }')" "$GATE_CELL"
  for name in docs.openclaw.ai database.clamav.net github.com; do run ! ld exec gate-cell getent hosts "$name.gate.internal"; done
  run ! ld exec gate-monitor getent hosts "$door"
  ask cell "http://$door/v1/models"; refused 503 credential-not-delivered
  printf 'Bearer %s\n' "$secret" | ctl secret put door-key >/dev/null
  mark=$(seen_mark)
  ask cell "http://$door/v1/models" -H 'Authorization: Bearer mine'
  is "$status" 200
  ask cell "http://$door/v1/models" -X PUT; refused 405 method-not-listed
  ask cell "http://$door/v2"; refused 403 path-not-listed
  ask cell "http://$door/v1/a//b"; refused 400 path-not-plain
  is "$(seen_since "$mark" | jq -r '[.scheme, .host, .path, .headers.host, .headers.authorization] | join(" ")')" \
    "https api.openai.com /v1/models api.openai.com Bearer $secret"
  last_record "$since" '.url.path == "/v1/a//b"' >/dev/null
  is "$(records "$since" | jq -r 'select(.network.name == "cell") | "\(.url.domain) \(.http.response.status_code)"' | sort -u)" \
    "$(printf 'api.openai.com %s\n' 200 400 403 405 503)"
  # A redirect to the host itself leads back to the door, and TLS of the client's own finds no door.
  ask cell http://odd.lab.test.gate.internal/home -L -w '%{stderr}%{url_effective}' 2>"$BATS_TEST_TMPDIR/landed"
  is "$output $(cat "$BATS_TEST_TMPDIR/landed")" "GET odd.lab.test/landed http://odd.lab.test.gate.internal/landed"
  run ! grep -q 'BEGIN CERTIFICATE' <(as cell openssl s_client -connect "$GATE_CELL:443" -servername "$door" </dev/null 2>/dev/null)
}

readonly AUTHORITY=$ROOT/rendered/inspect/ca.pem

# The certificate that the cell is shown for a name: issuer and names.
shown_to_cell() {
  as cell openssl s_client -connect "$GATE_CELL:443" -servername "$1" </dev/null 2>/dev/null | openssl x509 -noout -issuer -ext subjectAltName
}

@test "the gate opens the cell's TLS to a name that says inspect: its rules hold inside, the key is added, and the record has it" {
  local since mark secret=sk-lab-$RANDOM$RANDOM$RANDOM
  ctl cert inspect >"$BATS_TEST_TMPDIR/made"
  is "$(jq -r 'select(.event.action == "certificate-created") | [.event.severity, .cellblock.cell.certificate, .message] | join(" ")' "$BATS_TEST_TMPDIR/made")" \
    "47 authority The gate opens the cell's TLS to inspected.lab.test, inspected.passed.lab.test; the authority's key is destroyed."
  printf '%s\n' "$secret" | ctl secret put model-key >/dev/null
  since=$(now)
  mark=$(seen_mark)
  ask cell "https://inspected.lab.test/v1/x?token=not-for-the-log" --cacert "$AUTHORITY" -H 'x-api-key: of-the-agent'
  is "$status" 200
  is "$(seen_since "$mark" | jq -r '[.host, .path, .headers."x-api-key"] | join(" ")')" "inspected.lab.test /v1/x $secret"
  shown_to_cell inspected.lab.test | grep -q 'DNS:inspected.lab.test$'
  ask cell https://inspected.lab.test/v2 --cacert "$AUTHORITY"; refused 403 path-not-listed
  ask cell https://inspected.lab.test/v1/ --cacert "$AUTHORITY" -X DELETE; refused 405 method-not-listed
  ask cell https://inspected.lab.test/v1/a//b --cacert "$AUTHORITY"; refused 400 path-not-plain
  ask cell http://inspected.lab.test/v1/; refused 403 name-not-listed
  is "$(seen_since "$mark" | wc -l)" 1
  is "$(last_record "$since" '.url.path == "/v1/x"' | jq -r '[.event.action, .rule.id, .network.name, .source.ip, .http.request.method, .url.scheme, .tls.client.server_name, .tls.version, .destination.ip] | join(" ")')" \
    "request-allowed egress-36-inspected.lab.test cell 172.30.1.3 GET https inspected.lab.test 1.3 45.33.7.16"
  last_record "$since" '.event.action == "connection-allowed" and .message == "TLS to inspected.lab.test, led to the gate\u0027s own TLS: allowed"' >/dev/null
  run ! grep -qE "$secret|not-for-the-log" <(ld logs proxy 2>&1)
}

@test "who does not trust the gate's authority, or trusts it for more, is refused; every other name is shown the upstream's own certificate" {
  local mark
  ctl cert inspect >/dev/null
  mark=$(seen_mark)
  # As a client that pins, or that is not Node: it trusts whom it did before.
  run -60 as cell curl -sS -m 10 --cacert "$STATE/ca.pem" --connect-to "::$GATE_CELL:" https://inspected.lab.test/v1/
  is "$(seen_since "$mark" | wc -l)" 0
  # The controls: what is passed through has the certificate of the lab's own authority, above and below the same wildcard.
  ask cell https://docs.openclaw.ai/; is "$status" 200
  ask cell https://a.passed.lab.test/; is "$status" 200
  run -60 as cell curl -sS -m 10 --cacert "$AUTHORITY" --connect-to "::$GATE_CELL:" https://docs.openclaw.ai/
  ask cell https://inspected.passed.lab.test/ --cacert "$AUTHORITY"; is "$status" 200
  # One name in the handshake, another one in the request: also listed, listed otherwise, and not at all.
  mark=$(seen_mark)
  for name in inspected.passed.lab.test docs.openclaw.ai odd.lab.test example.com 'inspected.lab.test.example.com'; do
    ask cell https://inspected.lab.test/v1/ --cacert "$AUTHORITY" -H "Host: $name"
    refused 421 name-misdirected || { echo "$name: $status $output"; return 1; }
  done
  is "$(seen_since "$mark" | wc -l)" 0
  ask monitor https://inspected.lab.test/v1/ --cacert "$AUTHORITY"; is "$status" 000
}

# Public keys, in one line each: of every private key in the gate's memory, and of the authority.
keys_at_the_gate() {
  # shellcheck disable=SC2016  # for the shell in the container
  ld exec proxy bash -c 'cat /run/secrets/inspect/*' | awk '/BEGIN PRIVATE/{ n++ } /BEGIN PRIVATE/,/END PRIVATE/{ print > ("'"$BATS_TEST_TMPDIR"'/key." n) }'
  local file
  for file in "$BATS_TEST_TMPDIR"/key.*; do openssl pkey -in "$file" -pubout | tr -d '\n'; echo; done
}

@test "the authority's key is nowhere once its certificates are made, and each run makes another; without certificates there is no handshake" {
  local before layers docker
  ctl cert inspect >/dev/null
  before=$(openssl x509 -in "$AUTHORITY" -noout -fingerprint -sha256)
  ctl cert inspect >/dev/null
  run ! is "$(openssl x509 -in "$AUTHORITY" -noout -fingerprint -sha256)" "$before"
  is "$(keys_at_the_gate | sort -u | wc -l)" 2
  run ! grep -qxF "$(openssl x509 -in "$AUTHORITY" -noout -pubkey | tr -d '\n')" <(keys_at_the_gate)
  docker=$(ld info --format '{{.DockerRootDir}}')
  mapfile -t layers < <(ld ps -aq | xargs -n 1 "$LAB" docker inspect --format '{{.GraphDriver.Data.UpperDir}}')
  run ! grep -rqaE 'BEGIN (EC )?PRIVATE KEY' "$ROOT/rendered" "$docker/containers" "$docker/volumes" "${layers[@]}" /run/secrets
  run ! grep -q 'PRIVATE KEY' <(ld logs proxy 2>&1; ld inspect proxy)
  # The control: where they are, this finds them.
  ld exec proxy grep -rqaE 'BEGIN PRIVATE KEY' /run/secrets/inspect
  is "$(ctl secret list | jq -r 'select(.cellblock.cell.secret == "inspect/inspected.lab.test").event.outcome')" success
  # What was delivered is gone with the container's memory: then nobody is served, and nothing is passed through instead.
  ld restart proxy >/dev/null
  start_gate >/dev/null
  ask cell https://inspected.lab.test/v1/ --cacert "$AUTHORITY"; is "$status" 000
  run -60 as cell curl -sS -m 10 --cacert "$AUTHORITY" --connect-to "::$GATE_CELL:" https://docs.openclaw.ai/
  run -1 ctl secret list
  is "$(jq -r 'select(.cellblock.cell.secret == "inspect/inspected.lab.test") | [.event.outcome, .cellblock.mend] | join(" ")' <<<"$output")" "failure scripts/up"
}

@test "a redirect is followed by the client, and the key stays with its own name" {
  local mark secret=sk-lab-$RANDOM$RANDOM$RANDOM
  printf '%s\n' "$secret" | ctl secret put model-key >/dev/null
  mark=$(seen_mark)
  # To itself: plain inside, so that the client comes back to the gate.
  ask monitor http://keyed.lab.test/home -L
  is "$status $output" "200 GET keyed.lab.test/landed"
  is "$(seen_since "$mark" | jq -r '[.path, .headers.authorization] | join(" ")' | paste -sd, -)" "/home $secret,/landed $secret"
  ask monitor http://keyed.lab.test/away -D "$BATS_TEST_TMPDIR/head"
  is "$status" 302
  grep -qi '^location: https://www.openclaw.ai/landed' "$BATS_TEST_TMPDIR/head"
  run ! grep -q "$secret" "$BATS_TEST_TMPDIR/head"
  mark=$(seen_mark)
  ask monitor http://www.openclaw.ai/landed
  is "$(seen_since "$mark" | jq -r '.headers.authorization // "none"')" none
}

@test "whatever bytes a client sends, the line is JSON and says what came" {
  local since
  since=$(now)
  printf 'GET /\xff\xfe"\\%%22\x01 HTTP/1.1\r\nHost: odd.lab.test\r\n\r\n' | raw monitor 80 >/dev/null
  printf 'GET /\xc3\x28\xe2\x82 HTTP/1.1\r\nHost: odd\xff.lab.test\r\n\r\n' | raw monitor 80 >/dev/null
  printf '\x16\x03\x01\x00\x05hello\r\n\r\n' | raw monitor 80 >/dev/null
  printf 'GET /"},"event":{"provider":"netguard" HTTP/1.1\r\nHost: odd.lab.test\r\n\r\n' | raw monitor 80 >/dev/null
  head -c 20000 /dev/urandom | raw monitor 80 >/dev/null
  head -c 20000 /dev/urandom | raw monitor 443 >/dev/null
  ask monitor "http://odd.lab.test/plain?token=not-for-the-log"
  all_told() { records "$since" >"$BATS_TEST_TMPDIR/lines" && [ "$(wc -l <"$BATS_TEST_TMPDIR/lines")" -ge 7 ]; }
  eventually 60 all_told
  is "$(jq -r .event.provider "$BATS_TEST_TMPDIR/lines" | sort -u)" egress-proxy
  is "$(jq -r .event.id "$BATS_TEST_TMPDIR/lines" | sort | uniq -d | wc -l)" 0
  run ! grep -q not-for-the-log "$BATS_TEST_TMPDIR/lines"
}

# leaves: every field of a record with the type of its value; and those that do not differ from one request to another.
leaves() { jq -S '[paths(scalars) as $path | {($path | join(".")): (getpath($path) | type)}] | add' <<<"$1"; }
lasting() { jq -S 'del(.["@timestamp"], .cellblock.line, .message, .event.id, .event.duration, .source.port, .http.request.id, .http.request.bytes, .url.path)' <<<"$1"; }

@test "nginx writes of a plain request what the script writes of any other" {
  local since plain other
  since=$(now)
  ask monitor http://www.openclaw.ai/plain
  is "$status" 200
  # A letter of two bytes is not plain.
  printf 'GET /\xc3\xa9 HTTP/1.1\r\nHost: www.openclaw.ai\r\nConnection: close\r\n\r\n' | raw monitor 80 | grep -aq '^HTTP/1.1 200'
  plain=$(last_record "$since" '.url.path == "/plain"')
  other=$(last_record "$since" '.url.path == "/é"')
  diff <(leaves "$plain") <(leaves "$other")
  [ "$(leaves "$plain" | jq length)" -gt 25 ]
  diff <(lasting "$plain" | jq 'del(.http.response.bytes, .http.response.body)') <(lasting "$other" | jq 'del(.http.response.bytes, .http.response.body)')
  is "$(jq -r .message <<<"$plain")" "GET www.openclaw.ai/plain: 200"
  # Both count in the same run, or in that of the other worker.
  is "$(jq -r '.cellblock.line | test("^[0-9a-f]{12}-[1-9][0-9]*$")' <<<"$plain$other" | sort -u)" true
  # Which of the two wrote it shows in the order of the fields, and in nothing else.
  is "$(jq -r 'keys_unsorted[0]' <<<"$plain")" @timestamp
  run ! is "$(jq -r 'keys_unsorted[0]' <<<"$other")" @timestamp
  # The id is a UUIDv7 of the time that the record tells.
  local id hex
  id=$(jq -r .event.id <<<"$plain")
  [[ $id =~ ^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$ ]]
  hex=${id:0:8}${id:9:4}
  is "$((16#$hex / 1000))" "$(jq -r '.["@timestamp"] | sub("[.][0-9]+Z$"; "Z") | fromdate' <<<"$plain")"
}

@test "what nginx itself writes is JSON whatever stands in the path" {
  local since
  # shellcheck disable=SC2016  # a dollar sign, and no variable
  local dollar='<%22>&$gate_key'
  since=$(now)
  ask monitor 'http://odd.lab.test/"},"event":{"provider":"netguard"' -g
  is "$status" 200
  ask monitor 'http://odd.lab.test/a\b'
  is "$status" 200
  ask monitor "http://odd.lab.test/$dollar"
  is "$status" 200
  last_record "$since" ".url.path == \"/$dollar\"" >/dev/null
  is "$(records "$since" | jq -r '[.event.provider, .url.path] | join(" ")' | LC_ALL=C sort)" \
    "$(printf 'egress-proxy /%s\n' '"},"event":{"provider":"netguard"' "$dollar" 'a\b')"
}
