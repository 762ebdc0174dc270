#!/usr/bin/env bats
# The gate lets through what the policy lists, says why it refuses the rest, and lies to nobody. The real image, run
# by the real composition, behind the real moat; each "refused" has a control that is let through.
# shellcheck disable=SC2154  # status and output are set by ask

bats_require_minimum_version 1.5.0
load gate/world.bash

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
  run ! as cell "$BATS_TEST_DIRNAME/lab/ask.py" -s 2 dns "$GATE_CELL" "$unique"
  # The control: the gate itself asks the resolver of the policy.
  ask monitor "http://github.com/openclaw/openclaw/HEAD"
  grep -q ' github.com A ' "$STATE/dns.log"
}

@test "every refusal says why, to the client and with the same words in the log" {
  local since url http error more
  since=$(now)
  while read -r http error url more; do
    # shellcheck disable=SC2086  # more is a list of options
    ask monitor "$url" $more
    refused "$http" "$error" || { echo "$url"; return 1; }
    is "$(jq -r .client <<<"$output")" monitor
    is "$(last_record "$since" "true" | jq -r '[.event.action, .event.outcome, .error.code, .event.reason] | join("|")')" \
      "request-denied|failure|$error|$(jq -r .reason <<<"$output")"
  done <<'TABLE'
403 name-not-listed http://example.com/
403 name-not-listed http://openclaw.ai/
403 path-not-listed http://github.com/other/repository
403 path-not-listed http://github.com/openclaw/openclaw
405 method-not-listed http://github.com/openclaw/openclaw/x -X DELETE
405 method-never-allowed http://github.com/openclaw/openclaw/x -X TRACE
400 path-not-plain http://github.com/openclaw/openclaw/a%2fb
503 credential-not-delivered http://api.anthropic.com/
400 bad-request http://github.com/openclaw/openclaw/x -H Content-Length:x -X POST
413 body-too-large http://small-body.lab.test/ -H Content-Length:2000 -X POST
413 body-too-large http://small-body.lab.test/ -H Transfer-Encoding:chunked -d @/etc/services
TABLE
  ask monitor http://odd.lab.test/ -H "X: $(head -c 20000 /dev/zero | tr '\0' x)"
  refused 431 headers-too-large
  ask monitor "http://odd.lab.test/$(head -c 20000 /dev/zero | tr '\0' x)"
  refused 414 uri-too-long
}

@test "another client's name is no name of mine" {
  ask monitor http://api.anthropic.com/
  refused 503 credential-not-delivered
  ask cell http://api.anthropic.com/
  is "$status" 200
  ask cell http://github.com/openclaw/openclaw/info/refs
  refused 403 name-not-listed
  ask warden http://github.com/openclaw/openclaw/info/refs
  refused 403 name-not-listed
  ask warden http://database.clamav.net/
  is "$status" 404
  grep -q cellblock-lab <<<"$output"
}

@test "one name in any spelling is one name: case, dot, port, absolute form" {
  local host
  for host in GitHub.Com github.com. github.com:80 github.com:8443 GITHUB.COM.:80; do
    ask monitor "http://$GATE_MONITOR/openclaw/openclaw/HEAD" -H "Host: $host"
    is "$host $status" "$host 200"
  done
  printf 'GET http://github.com/openclaw/openclaw/HEAD HTTP/1.1\r\nHost: github.com\r\nConnection: close\r\n\r\n' | raw monitor 80 | grep -q '^HTTP/1.1 200'
  # The target of the request line counts (RFC 9112, 3.2.2), and only that goes out.
  printf 'GET http://example.com/ HTTP/1.1\r\nHost: github.com\r\nConnection: close\r\n\r\n' | raw monitor 80 | grep -q name-not-listed
  local mark
  mark=$(seen_mark)
  printf 'GET http://github.com/openclaw/openclaw/HEAD HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n\r\n' | raw monitor 80 >/dev/null
  is "$(seen_since "$mark" | jq -r .host)" github.com
}

@test "an address in no notation, and no odd host, is a name" {
  local host
  for host in 140.82.121.3 2354215171 0x8c527903 0214.0122.0171.03 140.5405955 '[2606:50c0:8000::3]' '[::ffff:140.82.121.3]' localhost \
    github.com@example.com 'github.com#.example.com' '*.wild.lab.test' xn--gthub-n4a.com github.com.example.com "$GATE_MONITOR" _ ''; do
    status=$(printf 'GET /openclaw/openclaw/HEAD HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$host" | raw monitor 80 | awk 'NR == 1 { print $2 }')
    [[ $status == 40[03] ]] || { echo "$host: $status"; return 1; }
  done
}

@test "a path that two readers may read differently passes no path rule" {
  local path
  ask monitor http://github.com/openclaw/openclaw/HEAD
  is "$status" 200
  # The control: a name without path rules takes any path, as it was sent.
  ask monitor http://odd.lab.test//a%2fb/./c
  is "$status $output" "200 GET odd.lab.test//a%2fb/./c"
  for path in /openclaw/openclaw/../../other /openclaw/openclaw/%2e%2e/%2e%2e/other /openclaw/openclaw/..%2f..%2fother /openclaw/./openclaw/HEAD \
    //openclaw/openclaw/HEAD /openclaw//openclaw/HEAD '/openclaw/openclaw/..;/..;/other' '/openclaw/openclaw/..%3b/other' \
    '/openclaw/openclaw/..\..\other' /openclaw/openclaw/%5c..%5cother /openclaw/openclaw/%252e%252e/other /openclaw/openclaw/%00 \
    /openclaw/openclaw/x%0d%0aHost:%20evil /openclaw%2fopenclaw/HEAD; do
    ask monitor "http://github.com$path"
    [[ $status == 40[03] ]] || { echo "$path: $status $output"; return 1; }
  done
}

@test "requests that can be read in two ways are refused, or read in one" {
  local mark name before
  before=$(now)
  mark=$(seen_mark)
  while IFS='|' read -r name shape; do
    # shellcheck disable=SC2059  # the shapes hold escapes
    printf "$shape" | raw monitor 80 >"$BATS_TEST_TMPDIR/answer"
    # Nothing that was smuggled in is ever a request of its own, inside or outside.
    run ! grep -q smuggled <(seen_since "$mark" | jq -r .path)
    echo "$name: $(head -n 1 "$BATS_TEST_TMPDIR/answer")"
    case "$name" in
      *-refused) grep -q '^HTTP/1.1 400' "$BATS_TEST_TMPDIR/answer" ;;
      *-once) is "$(grep -c '^HTTP/1.1' "$BATS_TEST_TMPDIR/answer")" 1 ;;
    esac
  done <<'SHAPES'
cl.te-refused|POST / HTTP/1.1\r\nHost: www.openclaw.ai\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: www.openclaw.ai\r\n\r\n
te.cl-refused|POST / HTTP/1.1\r\nHost: www.openclaw.ai\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\nGET /smuggled HTTP/1.1\r\nHost: www.openclaw.ai\r\n\r\n0\r\n\r\n
two-lengths-refused|POST / HTTP/1.1\r\nHost: www.openclaw.ai\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: www.openclaw.ai\r\n\r\n
obs-fold-once|GET / HTTP/1.1\r\nHost: www.openclaw.ai\r\nX: a\r\n Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n
bare-lf-once|GET / HTTP/1.1\nHost: www.openclaw.ai\nConnection: close\n\n
space-in-name-once|GET / HTTP/1.1\r\nHost: www.openclaw.ai\r\nContent-Length : 44\r\nConnection: close\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: www.openclaw.ai\r\n\r\n
proxy-line-refused|PROXY TCP4 172.30.2.9 172.30.2.2 5 80\r\nGET / HTTP/1.1\r\nHost: www.openclaw.ai\r\n\r\n
two-encodings-refused|POST / HTTP/1.1\r\nHost: odd.lab.test\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n
signed-length-refused|POST / HTTP/1.1\r\nHost: odd.lab.test\r\nContent-Length: +5\r\n\r\nhello
huge-chunk-refused|POST / HTTP/1.1\r\nHost: odd.lab.test\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\nx\r\n0\r\n\r\n
bare-cr-refused|GET / HTTP/1.1\r\nHost: odd.lab.test\r\nX: a\rY: b\r\n\r\n
no-host-refused|GET / HTTP/1.1\r\n\r\n
two-hosts-refused|GET / HTTP/1.1\r\nHost: www.openclaw.ai\r\nHost: example.com\r\n\r\n
nul-refused|GET / HTTP/1.1\r\nHost: www.openclaw.ai\r\nX: a\0b\r\n\r\n
SHAPES
  printf 'GET / HTTP/1.1\r\nHost: odd.lab.test\r\nTransfer-Encoding: xchunked\r\n\r\n' | raw monitor 80 | grep -q '^HTTP/1.1 501'
  printf 'CONNECT github.com:443 HTTP/1.1\r\nHost: github.com\r\n\r\n' | raw monitor 80 | grep -qE '^HTTP/1.1 40[05]'
  printf 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n' | raw monitor 80 | grep -qE '^HTTP/1.1 (400|505)'
  records "$before" >/dev/null
}

@test "rules for one name add up, and the longest path decides" {
  ask monitor http://api.openclaw.ai/v1/models;             is "$status" 200
  ask monitor http://api.openclaw.ai/v1/models -X PUT;      refused 405 method-not-listed
  ask monitor http://api.openclaw.ai/v1/upload/a -X PUT;    is "$status" 200
  ask monitor http://api.openclaw.ai/v1/upload/a;           is "$status" 200
  ask monitor http://api.openclaw.ai/v1/upload/a -X DELETE; refused 405 method-not-listed
  ask monitor http://api.openclaw.ai/docs;                  is "$status" 200
  ask monitor http://api.openclaw.ai/;                      refused 403 path-not-listed
  ask monitor http://www.openclaw.ai/any -X DELETE;         is "$status" 200
  # A method is what is listed: GET is not HEAD (policy: Egress::allows, which the inspector goes by).
  ask monitor http://www.openclaw.ai/any --head;            is "$status" 405
  ask monitor http://www.openclaw.ai/any -X POST;           refused 405 method-not-listed
}

@test "a wildcard stands for names below it, and for nothing that only ends like one" {
  local host
  ask monitor http://a.wild.lab.test/; is "$status" 200
  ask monitor http://a.b.wild.lab.test/; refused 502 certificate-refused
  for host in wild.lab.test 'example.com?.wild.lab.test' 'example.com#.wild.lab.test' 'example.com:443.wild.lab.test' 'a@b.wild.lab.test' \
    '[::1].wild.lab.test' 'example.com%2f.wild.lab.test' '.wild.lab.test' awild.lab.test a..wild.lab.test; do
    ask monitor "http://$GATE_MONITOR/" -H "Host: $host"
    [[ $status == 40[03] ]] || { echo "$host: $status $output"; return 1; }
  done
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
  [ "${first#* }" = 3 ] && [ "${first% *}" -ge 700 ]
}

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
    is "$(last_record "$since" true | jq -r '[.event.action, .error.code] | join(" ")')" "request-failed $code"
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

@test "a name that leads to the LAN, to metadata, to the tailnet, to the gate or to a peer leads nowhere" {
  local name mark pids=()
  mark=$(seen_mark)
  for name in lan metadata tailnet router loopback gate gate-outside peer; do
    (ask monitor "http://$name.lab.test/"; printf '%s %s\n' "$status" "$(jq -r .error <<<"$output")" >"$BATS_TEST_TMPDIR/$name") &
    pids+=($!)
  done
  wait "${pids[@]}"
  for name in lan metadata tailnet router loopback gate gate-outside peer; do
    is "$name $(cat "$BATS_TEST_TMPDIR/$name")" "$name 502 address-not-public"
  done
  is "$(seen_since "$mark" | wc -l)" 0
}

@test "without the moat those names would have led there: the control" {
  local name
  in_lab nft delete table inet netguard
  for name in lan metadata tailnet router; do
    ask monitor "http://$name.lab.test/"
    is "$name $status" "$name 200"
  done
  in_lab "$NETGUARD" --policy "$POLICY" --root "$ROOT" apply >/dev/null
}

@test "a name that answers with a public address first and a private one next is followed to the public one only" {
  local count seen=() mark
  mark=$(seen_mark)
  for count in 1 2 3 4 5 6; do
    ask monitor http://rebind.lab.test/ -m 12
    seen+=("$status")
  done
  [[ " ${seen[*]} " == *" 200 "* && " ${seen[*]} " == *" 502 "* ]]
  is "$(seen_since "$mark" | jq -r .asked | sort -u)" 45.33.7.30
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
  records "$since" | jq -r 'select(.network.protocol == "tls") | [.event.action, .error.code // "-", .tls.client.server_name // "-", .rule.id // "-"] | join(" ")' >"$BATS_TEST_TMPDIR/told"
  diff - "$BATS_TEST_TMPDIR/told" <<'TOLD'
connection-allowed - docs.openclaw.ai egress-26-docs.openclaw.ai
connection-denied name-not-listed example.com -
connection-denied name-not-listed api.anthropic.com -
connection-denied name-not-listed docs.openclaw.ai -
connection-denied no-name - -
connection-denied no-name - -
TOLD
}

@test "a passed name leads out, and neither into the LAN nor back into the gate" {
  local mark
  mark=$(seen_mark)
  ask cell https://lan.lab.test/ -m 12
  is "$status" 000
  ask cell https://gate.lab.test/ -m 12
  is "$status" 000
  is "$(seen_since "$mark" | wc -l)" 0
}

@test "no client gets at the gate by another's door, and nobody from outside does" {
  local address since
  since=$(now)
  for address in "$GATE_MONITOR" "$GATE_WARDEN" "$GATE_EGRESS"; do
    run ! as cell curl -s -m 2 -o /dev/null -H 'Host: github.com' "http://$address/openclaw/openclaw/HEAD"
  done
  # The host itself is no client: whoever comes through it would bear its address.
  run ! in_lab curl -s -f -m 2 -o /dev/null -H 'Host: github.com' "http://$GATE_MONITOR/openclaw/openclaw/HEAD"
  is "$(last_record "$since" true | jq -r '[.event.action, .error.code, .source.ip] | join(" ")')" "connection-denied not-a-client 172.30.2.1"
  "$LAB" exec lan ip route replace 172.30.2.0/24 via 192.168.77.2
  run ! "$LAB" exec lan curl -s -m 2 -o /dev/null -H 'Host: github.com' "http://$GATE_MONITOR/openclaw/openclaw/HEAD"
  ask cell http://odd.lab.test/
  is "$status" 200
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
  records "$since" >"$BATS_TEST_TMPDIR/lines"
  [ "$(wc -l <"$BATS_TEST_TMPDIR/lines")" -ge 7 ]
  is "$(jq -r .event.provider "$BATS_TEST_TMPDIR/lines" | sort -u)" egress-proxy
  is "$(jq -r .event.id "$BATS_TEST_TMPDIR/lines" | sort | uniq -d | wc -l)" 0
  run ! grep -q not-for-the-log "$BATS_TEST_TMPDIR/lines"
}

@test "200 clients at once all get their answer, also while another client holds a crowd of half requests" {
  local found loris
  found=$(as monitor "$PYTHON" "$SUITE/crowd.py" "$GATE_MONITOR" ask 200)
  is "${found% *}" 200
  as cell "$PYTHON" "$SUITE/crowd.py" "$GATE_CELL" loris 5000 >"$BATS_TEST_TMPDIR/held" 3>&- &
  loris=$!
  sleep 4
  found=$(as monitor "$PYTHON" "$SUITE/crowd.py" "$GATE_MONITOR" ask 50)
  kill "$loris"
  echo "held $(cat "$BATS_TEST_TMPDIR/held"), answered $found"
  is "${found% *}" 50
}

@test "a reload drops no request, and takes a rule away; a broken configuration changes nothing" {
  local asked count
  as monitor "$PYTHON" "$SUITE/crowd.py" "$GATE_MONITOR" ask-for 4 >"$BATS_TEST_TMPDIR/asked" 3>&- &
  asked=$!
  for count in 1 2 3; do sleep 0.8; ld exec proxy reload; done
  wait "$asked"
  read -r got lost <"$BATS_TEST_TMPDIR/asked"
  is "$lost" 0
  [ "$got" -gt 20 ]
  echo 'broken {' >>"$ROOT/rendered/gate/nginx.conf"
  run -78 ld exec proxy reload
  ask monitor http://odd.lab.test/
  is "$status" 200
  sed -i '/^\[\[egress\]\] # streams/,/^$/d' "$POLICY"
  render
  ld exec proxy reload
  sleep 1
  ask monitor http://odd.lab.test/
  refused 403 name-not-listed
  cp "$SUITE/policy.toml" "$POLICY"
  render
  ld exec proxy reload
}
