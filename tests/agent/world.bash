# What the suite about the agent asks with. Loaded after world.bash.
# shellcheck shell=bash
# shellcheck disable=SC2154  # house, root and lab are world.bash's

# The cellblock in the lab in one shape, from images that are there, without the main job.
stand_up() { # shape [sed expression about the policy]…
  local shape=$1 more=()
  shift
  for expression in "$@"; do more+=(-e "$expression"); done
  "$house/scripts/down" --lab 3>&- || true
  "$lab" up 3>&-
  mkdir -p "$root"
  sed -e "s/^network *= *\"open\"/network = \"$shape\"/" "${more[@]}" "$house/compose/policy.toml" >"$root/policy.toml"
  grep -q "^network = \"$shape\"" "$root/policy.toml"
  mapfile -t images < <(command docker images --format '{{.Repository}}:{{.Tag}}' | grep '^cellblock/.*:local$')
  "$lab" load "${images[@]}" 3>&-
  in_host "$house/scripts/up" --inside-lab --policy "$root/policy.toml" --root "$root" 3>&-
}
agent_said() { in_host docker logs cell 2>&1 | grep -F "$1"; }

in_cell() { in_host docker exec -i cell "$@"; }

# Of the agent's own configuration, by jq's words and without the leading dot.
config_of() { in_cell cat /sandbox/home/.openclaw/openclaw.json | jq -r ".$1"; }

# As a browser of some Origin: through the vault, and at the gateway itself from inside.
knock() { in_host timeout 60 "$house/tests/agent/knock.py" 8443 "$1" "$token"; }
let_in_by_the_gateway() {
  local answer
  answer=$(nsenter "--net=/proc/$(pid_of cell)/ns/net" -- timeout 60 "$house/tests/agent/knock.py" 18789 "$1" "$token" plain)
  [[ $answer == 101\ * && $answer != *ORIGIN* ]]
}

# The lab's model API, and the gate, by their own words. What is asked before the turn is none of it.
model_was_asked() { # status, key
  jq -se --arg status "$1" --arg key "$2" 'any(.host == "api.anthropic.com" and .method == "POST" and .path == "/v1/messages"
    and (.status | tostring) == $status and .headers["x-api-key"] == $key)' "$state/http.log"
}
gate_let_through() { # name
  in_host docker logs proxy 2>/dev/null |
    jq -se --arg name "$1" 'any(.network.name == "cell" and .event.action == "connection-allowed" and (.message | contains($name)))'
}
# The same of a request, where TLS begins at the gate.
gate_answered() { # message
  in_host docker logs proxy 2>/dev/null | jq -se --arg message "$1" 'any(.network.name == "cell" and .message == $message)'
}

# OpenClaw on the host: the same version, in a container that is only there for its files, on the host's own network.
client_on_the_host() {
  in_host docker run -d --rm --name client --network host --tmpfs /sandbox --entrypoint sleep cellblock/cell:local infinity
}
openclaw() { in_host timeout 120 docker exec client openclaw "$@"; }
docker() { in_host docker "$@"; }
sandboxctl() { in_host sandboxctl "$@" --policy "$root/policy.toml" --root "$root"; }

# Runs the lines of the guide's blocks below these headings, as they are printed; what they say is in $output.
follow() { # heading…
  local heading
  for heading in "$@"; do
    awk -v heading=".Ss $heading" '/^\.S[sh] /{ in_it = $0 == heading } /^\.Bd/{ block = 1; next } /^\.Ed/{ block = 0 } in_it && block' \
      "$house/man/cellblock-agent.7" >"$BATS_TEST_TMPDIR/lines"
    [ -s "$BATS_TEST_TMPDIR/lines" ]
    # shellcheck disable=SC1091  # the guide's own lines
    source "$BATS_TEST_TMPDIR/lines" >"$BATS_TEST_TMPDIR/said"
  done
  # shellcheck disable=SC2034  # for the test
  output=$(<"$BATS_TEST_TMPDIR/said")
}
asks_for_pairing() { in_cell openclaw devices list --json | jq -e '.pending | length > 0'; }

eventually() { # seconds command…
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || { "$@"; return 1; }
    sleep 1
  done
}
