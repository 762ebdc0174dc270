#!/usr/bin/env bats
# The agent's day in the cell: the real OpenClaw behind the vault. First in `proxied` shape, where it has the hardest
# time, then in `open`, with the same steps (agent/day.bash). What its start script makes of a configuration is tried on
# the image alone. No packet leaves the lab.

bats_require_minimum_version 1.5.0
load ../worlds/world
load ../worlds/agent/world
load ../worlds/agent/day
load ../worlds/agent/packages
load ../worlds/agent/idle
load ../worlds/agent/guide

setup_file() {
  cat >"$BATS_FILE_TMPDIR/registry" <<'TOML'

[[egress]]
host    = "registry.lab.test"
clients = ["cell"]
methods = ["GET", "HEAD"]
tls     = "verify"
TOML
  stand_up proxied "\$r $BATS_FILE_TMPDIR/registry" "${KEY_AT_THE_GATE[@]}" 's|^timezone *=.*|timezone = "Asia/Kathmandu"|' 's|^rescan *=.*|rescan = "5s"|'
  token=$(config_of gateway.auth.token)
  export token
  give_key of-yesterday   # without any, each audit says that it is missing
  given=$(date -u +%FT%T.%6NZ)
  export given
}

teardown_file() { "$house/scripts/down" --lab 3>&-; }

# First, while nobody has asked anything yet. IDLE_SECONDS: scripts/test --long waits ten minutes.
@test "an idle cellblock leaves no failure in the record, with every timer and re-read fired once, but for what the inspector tried" {
  local timer began
  # shellcheck disable=SC2034  # for `recorded`
  began=$(date -u +%FT%T.%6NZ)
  sleep "${IDLE_SECONDS:-0}"
  for timer in $(timers | grep -vx cellblock-proof); do fire "$timer"; done
  in_host docker kill -s HUP monitor
  in_host docker exec proxy reload
  ask_for_signatures
  eventually 60 recorded rescan-finished '.cellblock.scan.walk == "interval"'
  eventually 60 recorded request-allowed '.message == "GET database.clamav.net/daily.cvd: 404"'
  eventually 60 recorded refs-read true
  eventually 60 recorded record-verified true
  [ "$(failures)" = "" ]
  # The proof of each day asks for what is not listed, and the gate says so.
  fire cellblock-proof
  eventually 60 recorded probe-evaluated true
  run -1 grep -vE '^egress-proxy (request|connection)-denied: ' <(failures)
  [ "$output" = "" ]
}

@test "as soon as one name is struck off, what asks for it is a failure in the record" {
  strike_off_the_mirror
  eventually 60 refused_the_mirror
  put_the_mirror_back
}

@test "a page of the vault's own two Origins reaches the gateway, and so does a program that sends none" {
  local origin
  for origin in https://127.0.0.1:8443 https://localhost:8443; do
    run -0 knock "$origin"
    [[ $output == 101\ * && $output != *ORIGIN* ]]
  done
  run -0 knock -
  [[ $output == 101\ * ]]
}

@test "a page of any other Origin ends at the vault, before the gateway has seen it" {
  local origin
  for origin in https://evil.example http://127.0.0.1:8443 https://127.0.0.1:8444 https://127.0.0.1:8443.evil.example null; do
    run -0 knock "$origin"
    [ "$output" = 403 ]
  done
  run -0 in_host curl -sk -H 'Origin: https://evil.example' https://127.0.0.1:8443/
  [ "$(jq -r .error <<<"$output")" = foreign-origin ]
}

@test "in a browser too: a page of another site ends at the vault, and the same socket of the vault's own page opens" {
  run -0 in_host timeout 120 "$house/tests/worlds/agent/page.py" knock 8443 "$(key_of_the_vault)"
  [ "${lines[0]}" = "https://evil.example refused Error during WebSocket handshake: Unexpected response code: 403" ]
  [ "${lines[1]}" = "https://127.0.0.1:8443 open 101" ]
}

@test "the Control UI's page connects in a browser that trusts the vault's key alone, once it was approved by the guide's lines" {
  pairs_a_browser
}

@test "a prisoner that lets every page in by its own configuration opens nothing, and at the next start has ours again" {
  in_cell node -e '
    const fs = require("fs"), file = process.env.HOME + "/.openclaw/openclaw.json", config = JSON.parse(fs.readFileSync(file));
    config.gateway.controlUi.allowedOrigins = ["*"];
    fs.writeFileSync(file, JSON.stringify(config));'
  eventually 60 let_in_by_the_gateway https://evil.example     # the control: it would be let in
  run -0 knock https://evil.example
  [ "$output" = 403 ]
  in_cell node /opt/agent/settle.mjs /sandbox/home/.openclaw/openclaw.json
  [ "$(config_of 'gateway.controlUi.allowedOrigins | join(" ")')" = "https://127.0.0.1:8443 https://localhost:8443" ]
}

@test "proxied: a new key is in force at once, and streams" {
  has_a_new_key_in_force_at_once
}

@test "proxied: a turn calls tools and streams, with the key that the gate holds; a name that is not listed is refused to the agent" {
  has_a_turn_that_calls_tools_and_streams https://asked-by-the-agent.example.com/ 'Could not resolve host'
  run ! grep -qF asked-by-the-agent "$state/dns.log"
  run ! gate_let_through asked-by-the-agent
}

@test "a turn with a key of the agent's own reaches that model's API through the gate, OpenAI's too; web fetch and the skills' list reach the gate" {
  in_cell node -e '
    const fs = require("fs"), file = process.env.HOME + "/.openclaw/openclaw.json", config = JSON.parse(fs.readFileSync(file));
    for (const id of ["openrouter", "openai"]) config.models.providers[id].apiKey = "dummy-key";
    fs.writeFileSync(file, JSON.stringify(config));'
  in_cell timeout 150 openclaw agent --agent main --model openrouter/anthropic/claude-opus-5 --message hi >"$BATS_TEST_TMPDIR/turn" 2>&1 3>&- &
  in_host curl -sk -m 60 -o /dev/null -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
    -d '{"tool":"web_fetch","args":{"url":"https://docs.openclaw.ai/"}}' https://127.0.0.1:8443/tools/invoke   # the lab's own authority is none that the agent trusts
  in_cell timeout 120 openclaw skills search x >"$BATS_TEST_TMPDIR/skills" 2>&1 3>&- &
  eventually 150 was_asked openrouter.ai /api/v1/chat/completions 401 'Bearer dummy-key'
  in_cell timeout 150 openclaw agent --agent main --model openai/gpt-5.5 --message hi >"$BATS_TEST_TMPDIR/other" 2>&1 3>&- &
  eventually 150 was_asked api.openai.com /v1/responses 401 'Bearer dummy-key'
  gate_let_through docs.openclaw.ai
  eventually 60 gate_let_through clawhub.ai
  # Of what the guard refused, all is the catalogue's: the copy that came with OpenClaw serves.
  run ! grep -v official-external-plugin-catalog-feed <(in_host docker logs cell 2>&1 | grep -i 'private/internal/special-use')
}

@test "proxied: what the agent writes and the engine knows is in the jail" {
  has_what_it_writes_jailed found-in-proxied
}

@test "the guide's lines do what they say: token and pin, probe, pairing; with one digit of the pin changed nothing connects" {
  client_on_the_host
  follow 'Token and pin' 'The command line'
  [[ $output == *"Connect: ok"* && $output == *connect-only* ]]
  local wrong=${pin%?}0
  [ "$wrong" != "$pin" ] || wrong=${pin%?}1
  docker exec client sed -i "s/$pin/$wrong/" /sandbox/home/.openclaw/openclaw.json
  run -1 openclaw gateway probe --timeout 30000
  [[ $output == *"gateway tls fingerprint mismatch"* ]]
  docker exec client sed -i "s/$wrong/$pin/" /sandbox/home/.openclaw/openclaw.json
  in_host timeout 300 script -qec 'docker exec -it client openclaw tui' "$BATS_TEST_TMPDIR/screen" >/dev/null </dev/null 3>&- &
  eventually 150 grep -qi 'pairing required' "$BATS_TEST_TMPDIR/screen"
  run in_cell openclaw devices approve --latest
  [[ $output != *Approved* ]]
  follow Pairing
  [[ $output == *Approved* ]]
  # The client that waits asks again by itself, ever more seldom; what it is then given, the probe needs.
  eventually 90 probe_reads
  run -0 openclaw status
  echo "$output"
  [[ $output == *"wss://127.0.0.1:8443 (config gateway.remote.url)"*reachable* && $output != *unreachable* ]]
  run openclaw gateway status
  echo "$output"
  [[ $output == *"Connectivity probe: failed"* ]]
  docker rm -f client   # and what it draws on its screen
}

@test "proxied: the guide's line installs a plugin onto the share, from a registry that the policy lists, and nothing can be sent there" {
  installs_a_plugin cellblock-tiny
  eventually 60 gate_answered "GET registry.lab.test/cellblock-tiny/-/cellblock-tiny-1.0.0.tgz: 200"
  run -0 in_cell curl -s -X PUT http://registry.lab.test/cellblock-tiny
  [ "$(jq -r .error <<<"$output")" = method-not-listed ]
  run -0 in_cell npm view cellblock-tiny@1.0.0 dist.integrity
  [ "$output" = "$(integrity_of "$state/registry/cellblock-tiny-1.0.0.tgz")" ]
  in_cell npm install -g cellblock-tiny
  in_cell test -d /sandbox/home/.local/lib/node_modules/cellblock-tiny
}

@test "the cell's clock shows the policy's time zone, to programs and to Node" {
  [ "$(in_cell date -d @0 +%H:%M%z)" = 05:30+0530 ]     # so it was there in 1970, and is +0545 since 1986
  [ "$(in_cell date -d @1800000000 +%z)" = +0545 ]
  [ "$(in_cell node -p 'new Date(18e11).getTimezoneOffset()')" = -345 ]
}

@test "what the agent brings runs from the share, not from /tmp, and nothing is written beside the agent" {
  run -0 in_cell sh -c 'cp /bin/true /sandbox/true && /sandbox/true && rm /sandbox/true'
  run -126 in_cell sh -c 'cp /bin/true /tmp/true && /tmp/true'
  run ! in_cell touch /opt/agent/x
}

@test "memory that runs out in the cell is told from outside, by the kernel's count, while the cell goes on" {
  local before
  ours timeout 90 sandboxctl events >"$BATS_TEST_TMPDIR/events" 3>&- &
  sleep 2   # until it follows
  before=$(in_host docker inspect --format '{{.State.StartedAt}}' cell)
  run ! in_cell python3 -c 'x = bytearray(3 << 30)'
  eventually 30 grep -F '"container cell: oom."' "$BATS_TEST_TMPDIR/events"
  [[ $(jq -r 'select(.message == "container cell: oom.").event.reason' "$BATS_TEST_TMPDIR/events") == *"memory was at the limit; "*" since it started" ]]
  run ours sandboxctl status
  [[ $(jq -r 'select(.container.name == "cell" and .event.action == "service-reported").event.reason' <<<"$output") == "the kernel ended "*": memory ran out"* ]]
  [ "$before" = "$(in_host docker inspect --format '{{.State.StartedAt}}' cell)" ]
}

@test "proxied: an agent that is killed is back by itself, in the same container" {
  is_back_by_itself "$OPENCLAW" in_host docker exec cell healthy
}

# From here on the same cellblock in the other shape: the agent finds its share as it left it.
@test "open: the shape is changed, and a new browser pairs" {
  change_shape open
  pairs_a_browser
}

@test "open: a new key is in force at once, and streams" {
  has_a_new_key_in_force_at_once
}

@test "open: a turn calls tools and streams, with the key that the gate holds; a machine of the LAN is refused to the agent" {
  is_refused_the_lan_in_a_turn
  # The control: it answers others.
  outside http 192.168.77.10
}

@test "open: the guide's line installs a plugin onto the share, from a registry like any other host" {
  # TLS ends at the registry here: npm has to trust the lab's own authority.
  in_cell tee /sandbox/lab-ca.pem <"$state/ca.pem" >/dev/null
  in_cell npm config set cafile /sandbox/lab-ca.pem
  installs_a_plugin cellblock-other
  run ! gate_answered "GET registry.lab.test/cellblock-other/-/cellblock-other-1.0.0.tgz: 200"
}

@test "open: what the agent writes and the engine knows is in the jail" {
  has_what_it_writes_jailed found-in-open
}

@test "open: an agent that is killed is back by itself, in the same container" {
  is_back_by_itself "$OPENCLAW" in_host docker exec cell healthy
}

# settle.mjs on the image alone: what it makes of a configuration, with the vault's Origins and the gate's names it is given.
settled() { # configuration, CELL_EGRESS, CELL_AUTHORIZED; prints the configuration, and before it the options for the gateway
  in_host docker run --rm -i --network none --read-only --tmpfs /x --env "CELL_EGRESS=$2" --env "CELL_AUTHORIZED=${3:-}" --env CELL_DOORS=gate.internal \
    --env 'VAULT_ORIGINS=https://127.0.0.1:8443 https://localhost:8443' --entrypoint sh cellblock/cell:local \
    -c 'cat >/x/openclaw.json && node /opt/agent/settle.mjs /x/openclaw.json && cat /x/openclaw.json' <<<"$1"
}

# A shell in the image alone, as the cell has it, but with no network.
alone() { # CELL_EGRESS, script
  in_host docker run --rm --network none --read-only --tmpfs /sandbox --tmpfs /tmp:noexec --env "CELL_EGRESS=$1" --env CELL_NETWORK=proxied --entrypoint sh cellblock/cell:local -c "$2"
}

@test "where no registry is listed npm and npx say so in one sentence, and OpenClaw passes it on; apt and pip say theirs" {
  run -1 alone https://docs.openclaw.ai 'npm config set registry https://packages.example/; npm view x; npx -y x; openclaw plugins install npm:x --force'
  local sentence="the registry packages.example is out of reach: the policy lists it for no cell."
  [[ ${lines[0]} == "npm: $sentence"* && ${lines[1]} == "npx: $sentence"* ]]
  [[ $output == *"npm view failed: npm: $sentence"* && $output != *ENOENT* && $output != *ENOTFOUND* ]]
  run -1 alone '' 'pip install x; pip3 install x; apt install x; apt-get install x'
  [ "${#lines[@]}" = 4 ]
  [[ ${lines[0]} == "pip: Python's packages are not installed here"* && ${lines[3]} == "apt-get: the cell's system is read-only"* ]]
}

@test "a plugin that the image's list names is laid in and loaded, with what it depends on; one that is not as listed is not" {
  local hash
  publish_plugin cellblock-tiny
  publish_plugin needy '{"dependencies": {"left": "1.0.0"}}'
  hash=$(integrity_of "$state/registry/cellblock-tiny-1.0.0.tgz")
  run -0 lay_in "cellblock-tiny@1.0.0 $hash" cellblock-tiny
  [[ $output == *"laid in as \"cellblock-tiny\""*"loaded bundled"* ]]
  run -1 lay_in "cellblock-tiny@1.0.0 $(integrity_of "$state/registry/needy-1.0.0.tgz")" cellblock-tiny
  [[ $output == *"has the integrity $hash, and its line says"* ]]
  run -1 lay_in "needy@1.0.0 $(integrity_of "$state/registry/needy-1.0.0.tgz")" needy
  [[ $output == *"needy@1.0.0 does not bring left, which it depends on"* ]]
  run -1 lay_in cellblock-tiny@latest cellblock-tiny
  [[ $output == *"expected NAME@VERSION, the whole version, and its sha512- integrity"* ]]
}

@test "a share of before gets the vault's Origins and keeps what is the agent's own, comments aside" {
  run -0 --separate-stderr settled '{ /* mine */ agents: {x: 1}, gateway: {bind: "loopback", trustedProxies: ["10.0.0.1"]} }' ''
  [ "$(jq -c . <<<"$output")" = '{"agents":{"x":1},"gateway":{"bind":"loopback","trustedProxies":["127.0.0.1"],"controlUi":{"allowedOrigins":["https://127.0.0.1:8443","https://localhost:8443"]}}}' ]
}

@test "a gateway that would believe headers is started with its token; one that would not is left as it is" {
  run -0 --separate-stderr settled '{"gateway":{"auth":{"mode":"trusted-proxy"}}}' ''
  [ "${lines[0]} ${lines[1]}" = "--auth token" ]
  run -0 --separate-stderr settled '{"gateway":{"auth":{"mode":"password"}}}' ''
  [ "${lines[0]}" = "{" ]
}

@test "in proxied shape listed providers get the gate's door and web fetch the listed names, and in open shape the door is taken back" {
  run -0 --separate-stderr settled '{"models":{"providers":{"openai":{"baseUrl":"https://mine.example/v1"}}}}' \
    'http://api.anthropic.com http://api.openai.com https://docs.openclaw.ai'
  [ "$(jq -r .models.providers.anthropic.baseUrl <<<"$output")" = http://api.anthropic.com.gate.internal ]
  [ "$(jq -r .models.providers.openai.baseUrl <<<"$output")" = https://mine.example/v1 ]
  [ "$(jq -r '.models.providers | keys | join(" ")' <<<"$output")" = "anthropic openai" ]
  [ "$(jq -c .tools.web.fetch.ssrfPolicy <<<"$output")" = '{"allowedHostnames":["api.anthropic.com","api.openai.com","docs.openclaw.ai"]}' ]
  run ! grep -qiE 'dangerous|allowPrivate' <<<"$output"
  local door
  for door in http://api.anthropic.com.gate.internal http://api.anthropic.com.; do   # a share of before has a dot
    run -0 --separate-stderr settled '{"models":{"providers":{"anthropic":{"baseUrl":"'"$door"'","apiKey":"x"}}}}' ''
    [ "$(jq -c .models.providers.anthropic <<<"$output")" = '{"baseUrl":"https://api.anthropic.com","apiKey":"x"}' ]
  done
  run -0 --separate-stderr settled '{}' http://generativelanguage.googleapis.com
  [ "$(jq -c .models.providers.google <<<"$output")" = '{"baseUrl":"http://generativelanguage.googleapis.com.gate.internal/v1beta","api":"google-generative-ai"}' ]
  run -0 --separate-stderr settled '{"models":{"providers":{"openai":{"baseUrl":"http://api.openai.com./v1"}}}}' http://api.openai.com
  [ "$(jq -r .models.providers.openai.baseUrl <<<"$output")" = http://api.openai.com.gate.internal/v1 ]
}

@test "where the gate holds the key a word stands for it, and goes with it; a key of the agent's own stays" {
  run -0 --separate-stderr settled '{}' http://api.anthropic.com api.anthropic.com
  [ "$(jq -c .models.providers.anthropic <<<"$output")" = '{"baseUrl":"http://api.anthropic.com.gate.internal","apiKey":"held-by-the-gate"}' ]
  run -0 --separate-stderr settled "$output" ''
  [ "$(jq -c .models.providers.anthropic <<<"$output")" = '{"baseUrl":"https://api.anthropic.com"}' ]
  run -0 --separate-stderr settled '{"models":{"providers":{"anthropic":{"apiKey":"mine"}}}}' http://api.anthropic.com api.anthropic.com
  [ "$(jq -r .models.providers.anthropic.apiKey <<<"$output")" = mine ]
}

@test "a configuration that cannot be read is left alone, and said" {
  run -0 settled '{broken' ''
  [[ $output == *"could not be brought up to the policy"*"{broken" ]]
}

# Last: now it shows what all tests before have followed.
@test "the guide has no command that this suite has not executed" {
  local suite=("$house"/tests/suites/agent.bats "$house"/tests/worlds/agent/*.bash "$house"/tests/suites/long/codex.bats)
  run -0 not_followed "$house/man/cellblock-agent.7" "$BATS_FILE_TMPDIR/followed"
  [ "$output" = "" ]
  run -0 not_executed "$house/man/cellblock-agent.7" "${suite[@]}"
  # Two commands in one line: the first is executed by compose.bats, what the second makes of it is long/codex.bats.
  [ "$output" = "echo CELL_AGENT=codex >>compose/.env; scripts/up" ]
  # The control: a page with two more.
  local never='done NAME --never'
  printf '%s\n' '.Ss Never done' '.Bd -literal' 'openclaw never' '.Ed' ".Ql openclaw $never ." >"$BATS_TEST_TMPDIR/page"
  cat "$house/man/cellblock-agent.7" >>"$BATS_TEST_TMPDIR/page"
  [ "$(not_followed "$BATS_TEST_TMPDIR/page" "$BATS_FILE_TMPDIR/followed")" = "Never done" ]
  [[ $(not_executed "$BATS_TEST_TMPDIR/page" "${suite[@]}") == *"openclaw $never"* ]]
}
