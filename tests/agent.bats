#!/usr/bin/env bats
# The agent's day in the cell: the real OpenClaw behind the vault, in `proxied` shape, where it has the hardest time of it.
# What its start script makes of a configuration in either shape is tried on the image alone. No packet leaves the lab.

bats_require_minimum_version 1.5.0
load world
load agent/world
load agent/packages

setup_file() {
  cat >"$BATS_FILE_TMPDIR/registry" <<'TOML'

[[egress]]
host    = "registry.lab.test"
clients = ["cell"]
methods = ["GET", "HEAD"]
tls     = "verify"
TOML
  stand_up proxied "\$r $BATS_FILE_TMPDIR/registry" 's|^timezone *=.*|timezone = "Asia/Kathmandu"|'
  token=$(config_of gateway.auth.token)
  export token
}

teardown_file() { "$house/scripts/down" --lab 3>&-; }

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

@test "a turn reaches the model's own API through the gate, with the agent's key; web fetch and the skills' list reach the gate" {
  in_cell node -e '
    const fs = require("fs"), file = process.env.HOME + "/.openclaw/openclaw.json", config = JSON.parse(fs.readFileSync(file));
    config.models.providers.anthropic.apiKey = "dummy-key";
    fs.writeFileSync(file, JSON.stringify(config));'
  in_cell timeout 150 openclaw agent --agent main --model anthropic/claude-opus-5 --message hi >"$BATS_TEST_TMPDIR/turn" 2>&1 3>&- &
  eventually 150 model_was_asked 401 dummy-key
  in_host curl -sk -m 60 -o /dev/null -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
    -d '{"tool":"web_fetch","args":{"url":"https://docs.openclaw.ai/"}}' https://127.0.0.1:8443/tools/invoke
  in_cell timeout 120 openclaw skills search x || true   # the lab's own authority is none that the agent trusts
  gate_let_through docs.openclaw.ai
  gate_let_through clawhub.ai
  # Of what the guard refused, all is the catalogue's: the copy that came with OpenClaw serves.
  run ! grep -v official-external-plugin-catalog-feed <(in_host docker logs cell 2>&1 | grep -i 'private/internal/special-use')
}

@test "a name that is not listed is nothing that the agent reaches" {
  run -0 in_host curl -sk -m 60 -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
    -d '{"tool":"web_fetch","args":{"url":"https://example.com/"}}' https://127.0.0.1:8443/tools/invoke
  [ "$(jq -r .ok <<<"$output")" = false ]
  run ! grep -q example.com "$state/dns.log"
  run ! gate_let_through example.com
}

@test "the guide's lines do what they say: token and pin, probe, pairing; with one digit of the pin changed nothing connects" {
  client_on_the_host
  follow 'Token and pin' 'The command line'
  [[ $output == *"Connect: ok"* && $output == *connect-only* ]]
  local wrong=${pin%?}0
  [ "$wrong" != "$pin" ] || wrong=${pin%?}1
  openclaw config set gateway.remote.tlsFingerprint "$wrong"
  run -1 openclaw gateway probe --timeout 30000
  [[ $output == *"gateway tls fingerprint mismatch"* ]]
  openclaw config set gateway.remote.tlsFingerprint "$pin"
  in_host timeout 180 script -qec 'docker exec -it client openclaw tui' "$BATS_TEST_TMPDIR/screen" >/dev/null </dev/null 3>&- &
  eventually 150 asks_for_pairing
  follow Pairing
  [[ $output == *Approved* ]]
  run -0 openclaw gateway probe --timeout 30000
  [[ $output == *"Read probe: ok"* ]]
  docker rm -f client   # and what it draws on its screen
}

@test "the guide's line installs a plugin onto the share, from a registry that the policy lists, and nothing can be sent there" {
  publish_plugin cellblock-tiny
  in_cell npm config set registry https://registry.lab.test/
  # shellcheck disable=SC2034  # in the guide's line
  plugin=cellblock-tiny
  follow 'From a registry'
  [[ $output == *"Installed plugin: cellblock-tiny"* ]]
  eventually 60 agent_said 'cellblock-tiny: registered, old'
  in_cell test -d /sandbox/home/.openclaw/npm
  eventually 60 gate_answered "GET registry.lab.test/cellblock-tiny/-/cellblock-tiny-1.0.0.tgz: 200"
  run -0 in_cell curl -s -X PUT http://registry.lab.test/cellblock-tiny
  [ "$(jq -r .error <<<"$output")" = method-not-listed ]
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
  [[ $(jq -r 'select(.container.name == "cell" and .event.action == "service-reported").event.reason' <<<"$output") == "the kernel ended "*": memory ran out" ]]
  [ "$before" = "$(in_host docker inspect --format '{{.State.StartedAt}}' cell)" ]
}

# settle.mjs on the image alone: what it makes of a configuration, with the vault's Origins and the gate's names it is given.
settled() { # configuration, CELL_EGRESS, CELL_AUTHORIZED; prints the configuration, and before it the options for the gateway
  in_host docker run --rm -i --network none --read-only --tmpfs /x --env "CELL_EGRESS=$2" --env "CELL_AUTHORIZED=${3:-}" \
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
  [ "$(jq -r .models.providers.anthropic.baseUrl <<<"$output")" = http://api.anthropic.com. ]
  [ "$(jq -r .models.providers.openai.baseUrl <<<"$output")" = https://mine.example/v1 ]
  [ "$(jq -r '.models.providers | keys | join(" ")' <<<"$output")" = "anthropic openai" ]
  [ "$(jq -c .tools.web.fetch.ssrfPolicy <<<"$output")" = '{"allowedHostnames":["api.anthropic.com","api.openai.com","docs.openclaw.ai"]}' ]
  run ! grep -qiE 'dangerous|allowPrivate' <<<"$output"
  run -0 --separate-stderr settled '{"models":{"providers":{"anthropic":{"baseUrl":"http://api.anthropic.com.","apiKey":"x"}}}}' ''
  [ "$(jq -c .models.providers.anthropic <<<"$output")" = '{"baseUrl":"https://api.anthropic.com","apiKey":"x"}' ]
}

@test "where the gate holds the key a word stands for it, and goes with it; a key of the agent's own stays" {
  run -0 --separate-stderr settled '{}' http://api.anthropic.com api.anthropic.com
  [ "$(jq -c .models.providers.anthropic <<<"$output")" = '{"baseUrl":"http://api.anthropic.com.","apiKey":"held-by-the-gate"}' ]
  run -0 --separate-stderr settled "$output" ''
  [ "$(jq -c .models.providers.anthropic <<<"$output")" = '{"baseUrl":"https://api.anthropic.com"}' ]
  run -0 --separate-stderr settled '{"models":{"providers":{"anthropic":{"apiKey":"mine"}}}}' http://api.anthropic.com api.anthropic.com
  [ "$(jq -r .models.providers.anthropic.apiKey <<<"$output")" = mine ]
}

@test "a configuration that cannot be read is left alone, and said" {
  run -0 settled '{broken' ''
  [[ $output == *"could not be brought up to the policy"*"{broken" ]]
}
