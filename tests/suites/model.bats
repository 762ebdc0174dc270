#!/usr/bin/env bats
# A model's key at the gate: the agent in `open` shape works and never holds it, and what the monitor saw gets a label. The
# real OpenClaw, and a model's API in the lab that streams and asks for a tool (tests/worlds/lab/model.py). No packet leaves the lab.

bats_require_minimum_version 1.5.0
load ../worlds/world
load ../worlds/agent/world
load ../worlds/agent/day

setup_file() {
  cat >"$BATS_FILE_TMPDIR/classify" <<'TOML'

[[egress]]
host    = "api.anthropic.com"
clients = ["monitor"]
methods = ["POST"]
paths   = ["/v1/messages"]
credential = "anthropic-key"
header     = "x-api-key"
rate    = "20r/s"

[[egress]]
host    = "inspected.lab.test"
clients = ["cell"]
methods = ["GET"]
tls     = "inspect"

[[waiver]]
control   = "cellblock-tls-inspected"
container = "proxy"
until     = 2099-12-31
reason    = "for the suite"

[classify]
url   = "https://api.anthropic.com/v1/messages"
model = "claude-opus-5"
TOML
  stand_up open "${KEY_AT_THE_GATE[@]}" '/^host *= "api.openai.com"/a credential = "openai-key"' "\$r $BATS_FILE_TMPDIR/classify"
  grep -q '^credential = "anthropic-key"' "$root/policy.toml"
}

teardown_file() { "$house/scripts/down" --lab 3>&-; }

@test "until the key is given the gate says which is missing, and nothing goes out" {
  run -0 --separate-stderr ask_model
  [ "$(jq -r .error <<<"$output")" = credential-not-delivered ]
  run ! grep -q '"path": "/v1/messages"' "$state/http.log"
}

@test "with the key the model answers in pieces as it speaks, and a new key is in force at once" {
  has_a_new_key_in_force_at_once
}

@test "a turn of the agent streams, uses a tool and ends with what the model said" {
  is_refused_the_lan_in_a_turn
}

@test "a turn with a model of OpenAI's own streams and uses a tool, through the gate's door and with its key" {
  in_cell rm -f /sandbox/workspace/from-the-model.txt
  printf 'Bearer %s' "$KEY" | ours sandboxctl secret put openai-key
  run -0 in_cell timeout 150 openclaw agent --agent main --session-id of-openai --model openai/gpt-5.5 --message hi
  echo "$output"
  [[ $output == *"The lab's model has spoken."* ]]
  [ "$(in_cell cat /sandbox/workspace/from-the-model.txt)" = "written by a tool" ]
  was_asked api.openai.com /v1/responses 200 "Bearer $KEY"
  in_host docker logs proxy 2>/dev/null | jq -se 'any(.network.name == "model" and .message == "POST api.openai.com/v1/responses: 200")'
}

@test "the key is nowhere but in the gate's memory" {
  # The control: where it is, this finds it.
  in_host docker exec proxy grep -rqF "$KEY" /run/secrets
  run ! grep -lsaFf <(printf %s "$KEY") /proc/[0-9]*/environ /proc/[0-9]*/cmdline
  run ! grep -rqaF "$KEY" "$root"
  run ! in_cell grep -rqaF "$KEY" /sandbox /tmp /opt/agent/settle.mjs
  local name
  for name in proxy vault cell monitor warden clamd; do
    run ! grep -qF "$KEY" <(in_host docker inspect "$name"; in_host docker logs "$name" 2>&1; in_host docker image inspect "cellblock/$name:local" 2>/dev/null)
  done
  # The host's disk as far as Docker has it: logs and settings of containers, volumes, and what each wrote in its own layer.
  local docker layers
  docker=$(in_host docker info --format '{{.DockerRootDir}}')
  mapfile -t layers < <(in_host docker ps -aq | xargs -r env "DOCKER_HOST=unix://$state/docker.sock" docker inspect --format '{{.GraphDriver.Data.UpperDir}}')
  [ "${#layers[@]}" -ge 6 ]
  run ! grep -rqaF -- "$KEY" "$docker/containers" "$docker/volumes" "${layers[@]}"
  run -0 ours auditdb query "select count(*) as n from records where raw like '%$KEY%'"
  [ "$(jq .n <<<"$output")" = 0 ]
}

@test "the gate's name is one more that the agent may fetch, and no list: any other it fetches from the internet" {
  run -0 in_host curl -sk -m 60 -H "Authorization: Bearer $(config_of gateway.auth.token)" -H 'Content-Type: application/json' \
    -d '{"tool":"web_fetch","args":{"url":"http://fetched.lab.test/"}}' https://127.0.0.1:8443/tools/invoke
  [ "$(jq -r .ok <<<"$output")" = true ]
  jq -se 'any(.host == "fetched.lab.test" and .status == 200)' "$state/http.log"
}

@test "an attack from inside finds the internet, those names at the gate, and nothing else" {
  run ours egress-check run --container cell --control --moat
  [ "$(jq -r 'select(.event.outcome == "failure").rule.id' <<<"$output")" = "" ]
  [ "$(jq -r 'select(.rule.id // "" | startswith("cell.gate.listed.")) | "\(.rule.id) \(.event.outcome)"' <<<"$output")" = "cell.gate.listed.api.anthropic.com/ success
cell.gate.listed.api.openai.com/ success
cell.gate.listed.inspected.lab.test/ success" ]
  [ "$(jq -rs '[.[] | select(.rule.id // "" | startswith("cell.gate.off-list.")) | .event.outcome] | unique | join(" ")' <<<"$output")" = success ]
  [ "$status" = 0 ]
}

@test "the audit knows the network and who sits there" {
  run ours sandboxctl audit
  [ "$(jq -r 'select(.event.outcome == "failure" and (.rule.id // "" | test("network"))) | .message' <<<"$output")" = "" ]
  [ "$(in_host docker network inspect -f '{{.Internal}} {{range .Containers}}{{.Name}} {{end}}' cellblock-model | tr ' ' '\n' | sed '/^$/d' | sort | paste -sd' ')" = "proxy true vault" ]
  run -0 ours netguard verify
}

@test "where the policy says inspect, Node in the cell and nothing else there takes the gate's certificate, for that name alone" {
  run -0 in_cell node -e 'fetch("https://inspected.lab.test/from-node").then((answer) => console.log(answer.status))'
  [ "$output" = 200 ]
  in_host docker logs proxy 2>/dev/null |
    jq -se 'any(.network.name == "model" and .event.action == "request-allowed" and .http.request.method == "GET" and .url.path == "/from-node")'
  run -60 in_cell curl -sS -m 10 https://inspected.lab.test/
  # Another name of the lab's has its own certificate, whose authority the cell does not trust.
  run ! in_cell node -e 'fetch("https://fetched.lab.test/").catch(() => process.exit(1))'
  # What the cell was given of it is a certificate, which it cannot change.
  run ! in_cell grep -rq 'PRIVATE KEY' /etc/cellblock/inspect
  run ! in_cell touch /etc/cellblock/inspect/x
}

@test "the audit tells each inspected name until a waiver accepts it, and the report has the finding" {
  run -0 ours sandboxctl audit --only cellblock-tls-inspected
  [[ $(jq -r 'select(.rule.id == "cellblock-tls-inspected").event.reason' <<<"$output") == *"known deviation"*inspected.lab.test* ]]
  sed '/^\[\[waiver\]\]/,/^reason/d' "$root/policy.toml" >"$BATS_TEST_TMPDIR/policy.toml"
  run -1 --separate-stderr in_host sandboxctl audit --only cellblock-tls-inspected --policy "$BATS_TEST_TMPDIR/policy.toml" --root "$root" --format jsonl
  [ "$(jq -r 'select(.rule.id == "cellblock-tls-inspected") | [.event.outcome, .container.name, .event.severity, .cellblock.cell.control.found] | join(" ")' <<<"$output")" = "failure proxy 47 inspected.lab.test" ]
  ours auditdb ingest --provider sandboxctl - <<<"$output"
  run ours auditdb report
  [[ $output == *cellblock-tls-inspected* || $output == *"opens no TLS session"* ]]
}

# A change as `auditdb refs` tells it, about a tag of this name.
change() {
  jq -cn --arg name "$1" '{"@timestamp": "2026-11-29T00:00:00Z", ecs: {version: "9.2.0"}, event: {id: "id-\($name)", provider: "auditdb", action: "ref-moved", severity: 73},
    url: {full: "https://github.com/openclaw/openclaw"}, cellblock: {reference: {name: "refs/tags/\($name)", may_move: false}}}'
}
classify() { in_host "$house/scripts/classify" --policy "$root/policy.toml" --root "$root"; }

@test "what the monitor saw gets a label of three words, and what the model was led to say gets none" {
  give_key "$KEY"
  for name in v1 v2-injected v3-imitated v4-escaped; do change "$name"; done >"$BATS_TEST_TMPDIR/changes"
  local status=0
  { echo 'no record'; cat "$BATS_TEST_TMPDIR/changes"; echo '{"event":{"action":"ref-deleted"}}'; } | classify >"$BATS_TEST_TMPDIR/labels" || status=$?
  [ "$status" = 3 ]
  [ "$(jq -r 'select(.cellblock.label) | "\(.cellblock.label.of) \(.cellblock.label.name) \(.cellblock.label.confidence) \(.event.outcome) \(.event.severity)"' "$BATS_TEST_TMPDIR/labels")" = \
    "id-v1 suspicious 0.9 null 0
id-v2-injected null null unknown 0
id-v3-imitated null null unknown 0
id-v4-escaped null null unknown 0" ]
  [ "$(jq -c 'select(.event.action == "run-finished").cellblock.counts' "$BATS_TEST_TMPDIR/labels")" = '{"checked":4,"passed":1,"failed":0,"unknown":3}' ]
  ours auditdb ingest --provider classify - <"$BATS_TEST_TMPDIR/labels"
  run -0 ours auditdb query "select count(*) as n from records where provider = 'classify' and action = 'ref-classified'"
  [ "$(jq .n <<<"$output")" = 4 ]
}

@test "the model is asked by the monitor through the gate, which adds the key, and not without [classify]" {
  run -0 in_host docker logs proxy
  jq -Rse '[split("\n")[] | fromjson?] | any(.network.name == "monitor" and .event.action == "request-allowed" and .url.path == "/v1/messages")' <<<"$output"
  sed '/^\[classify\]/,$d' "$root/policy.toml" >"$BATS_TEST_TMPDIR/policy.toml"
  run -2 in_host "$house/scripts/classify" --policy "$BATS_TEST_TMPDIR/policy.toml" --root "$root" </dev/null
  [[ $output == *"has no [classify]"* ]]
}
