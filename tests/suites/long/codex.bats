#!/usr/bin/env bats
# Another agent in the cell: what is not OpenClaw's alone, with the real Codex, in both shapes. Part of `scripts/test --long`:
# its image is 300 MB more. No packet leaves the lab.

bats_require_minimum_version 1.5.0
load ../../worlds/world
load ../../worlds/agent/world
load ../../worlds/agent/day

setup_file() {
  export AGENT_IMAGE=cellblock/cell:codex
  local digest
  # As scripts/build labels it: the same base as the cell's, and its own sources.
  HOUSE=$house
  # shellcheck source=scripts/sources.bash
  source "$house/scripts/sources.bash"
  digest=$(command docker image inspect --format '{{index .Config.Labels "org.opencontainers.image.base.digest"}}' cellblock/cell:local)
  command docker build -q --label "org.opencontainers.image.base.digest=$digest" --label "cellblock.sources=$(image_sources cell codex)" --label cellblock.agent=codex \
    --build-arg "BASE_IMAGE=${BASE_IMAGE:-cellblock/base:bookworm}" --build-arg AGENT=codex \
    --secret "id=host-ca,src=${HOST_CA:-/etc/ssl/certs/ca-certificates.crt}" -t "$AGENT_IMAGE" "$house/compose/images/cell" 3>&-
}

teardown_file() {
  "$house/scripts/down" --lab 3>&-
  command docker rmi "$AGENT_IMAGE" 3>&-
}

# `up` ends well only if the vault's pin was proved, with this agent behind it.
shape() { # shape [sed expression]…
  stand_up "$@"
  token=$(in_cell cat /sandbox/home/.codex/gateway-token)
}

turn() { in_host timeout 120 "$house/tests/worlds/agent/codex.py" 8443 "$token" lab hi; }

turns_again() { [[ $(turn) == 101* ]]; }

@test "proxied: who shows no token is refused by the agent, a page of another site by the vault, and neither reaches the model" {
  shape proxied
  run -0 in_host timeout 60 "$house/tests/worlds/agent/codex.py" 8443 - lab hi
  [ "$output" = 401 ]
  run -0 in_host curl -sk -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $token" -H 'Origin: https://evil.example' https://127.0.0.1:8443/
  [ "$output" = 403 ]
  run ! grep -q api.openai.com "$state/http.log"
}

@test "proxied: a turn reaches the model's own API through the gate, with the agent's key; a name that is not listed is nothing" {
  token=$(in_cell cat /sandbox/home/.codex/gateway-token)
  in_cell codex login --with-api-key <<<dummy-key
  run -0 turn
  [[ ${lines[0]} == 101 && ${lines[-1]} == "turn failed "*401* ]]
  was_asked api.openai.com /v1/responses 401 'Bearer dummy-key'
  eventually 30 gate_answered 'POST api.openai.com/v1/responses: 401'
  run -0 in_cell curl -sS -m 20 -o /dev/null http://api.openai.com/            # the control: a listed name answers
  run ! in_cell curl -sS -m 20 -o /dev/null http://example.com/
}

@test "proxied: killed, it is back in seconds in the same container" {
  token=$(in_cell cat /sandbox/home/.codex/gateway-token)
  is_back_by_itself codex turns_again
}

@test "open: with the key at the gate, which the agent never sees, a turn calls a tool and streams its answer" {
  shape open '/^host *= "api.openai.com"/a credential = "openai-key"'
  printf 'Bearer lab-model-key' | ours sandboxctl secret put openai-key
  run -0 turn
  [ "${lines[*]}" = "101 userMessage commandExecution agentMessage The lab's model has spoken. 3 pieces turn completed " ]
  was_asked api.openai.com /v1/responses 200 'Bearer lab-model-key'
  [ "$(in_cell cat /sandbox/workspace/from-the-model.txt)" = "written by a tool" ]
  run -1 in_cell grep -raq lab-model-key /sandbox /tmp /opt/agent/start /proc/self/environ
  run -1 in_cell sh -c 'cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline | grep -aq "lab-model-ke[y]"'
}

@test "open: killed, it is back in seconds in the same container" {
  token=$(in_cell cat /sandbox/home/.codex/gateway-token)
  is_back_by_itself codex turns_again
}
