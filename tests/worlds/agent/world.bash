# What the suite about the agent asks with. Loaded after world.bash.
# shellcheck shell=bash
# shellcheck disable=SC2154  # house, root and lab are world.bash's

# shellcheck source=tests/worlds/eventually.bash
source "${BASH_SOURCE[0]%/*}/../eventually.bash"

# The cellblock in the lab in one shape, from images that are there, without the main job. AGENT_IMAGE: another cell's.
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
  "$lab" load "${images[@]}" ${AGENT_IMAGE:+"$AGENT_IMAGE"} 3>&-
  [ -z "${AGENT_IMAGE:-}" ] || in_host docker tag "$AGENT_IMAGE" cellblock/cell:local   # in the lab's engine alone
  in_host "$house/scripts/up" --inside-lab --policy "$root/policy.toml" --root "$root" 3>&-
}
# The same cellblock in the other shape: what is kept stays, the gate's keys do not.
change_shape() { # shape
  in_host "$house/scripts/down" --policy "$root/policy.toml" --root "$root" 3>&-
  sed -i "s/^network *= *\"[a-z]*\"/network = \"$1\"/" "$root/policy.toml"
  grep -q "^network = \"$1\"" "$root/policy.toml"
  in_host "$house/scripts/up" --inside-lab --policy "$root/policy.toml" --root "$root" 3>&-
}

# sed's words about the policy: the gate adds the key to what is asked of Anthropic's API.
# shellcheck disable=SC2034  # for the suites
KEY_AT_THE_GATE=('s/^# *\(credential = "anthropic-key"\)/\1/' 's/^# *\(header *= "x-api-key"\)/\1/')
# How the processes of OpenClaw call themselves, as a pattern.
# shellcheck disable=SC2034  # for the suites
OPENCLAW='@(node|MainThread|openclaw*)'

agent_said() { in_host docker logs cell 2>&1 | grep -F "$1"; }

in_cell() { in_host docker exec -i cell "$@"; }

# Of the agent's own configuration, by jq's words and without the leading dot.
config_of() { in_cell cat /sandbox/home/.openclaw/openclaw.json | jq -r ".$1"; }

# As a browser of some Origin: through the vault, and at the gateway itself from inside.
knock() { in_host timeout 60 "$house/tests/worlds/agent/knock.py" 8443 "$1" "$token"; }
let_in_by_the_gateway() {
  local answer
  answer=$(nsenter "--net=/proc/$(pid_of cell)/ns/net" -- timeout 60 "$house/tests/worlds/agent/knock.py" 18789 "$1" "$token" plain)
  [[ $answer == 101\ * && $answer != *ORIGIN* ]]
}

# SHA-256 of the public key that the vault shows, in base64, as browsers pin it.
key_of_the_vault() {
  in_host openssl s_client -connect 127.0.0.1:8443 </dev/null 2>/dev/null | openssl x509 -noout -pubkey |
    openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64
}

# The lab's model API, and the gate, by their own words. What is asked before the turn is none of it.
model_was_asked() { # status, key
  jq -se --arg status "$1" --arg key "$2" 'any(.host == "api.anthropic.com" and .method == "POST" and .path == "/v1/messages"
    and (.status | tostring) == $status and .headers["x-api-key"] == $key)' "$state/http.log"
}
# The same of a provider that wants the key as a token.
was_asked() { # name, path, status, authorization
  jq -se --arg name "$1" --arg path "$2" --arg status "$3" --arg key "$4" 'any(.host == $name and .path == $path and .scheme == "https"
    and (.status | tostring) == $status and .headers.authorization == $key)' "$state/http.log"
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
openclaw() { in_host timeout 120 docker exec -i client openclaw "$@"; }
probe_reads() {
  local said
  said=$(openclaw gateway probe --timeout 30000) && grep -F 'Read probe: ok' <<<"$said"
}
docker() { in_host docker "$@"; }
sandboxctl() { in_host sandboxctl "$@" --policy "$root/policy.toml" --root "$root"; }

# Runs the lines of the guide's blocks below these headings, as they are printed; what they say is in $output.
follow() { # heading…
  local heading
  for heading in "$@"; do
    echo "$heading" >>"$BATS_FILE_TMPDIR/followed"
    awk -v heading=".Ss $heading" '/^\.S[sh] /{ in_it = $0 == heading } /^\.Bd/{ block = 1; next } /^\.Ed/{ block = 0 } in_it && block' \
      "$house/man/cellblock-agent.7" >"$BATS_TEST_TMPDIR/lines"
    [ -s "$BATS_TEST_TMPDIR/lines" ]
    # shellcheck disable=SC1091  # the guide's own lines
    source "$BATS_TEST_TMPDIR/lines" >"$BATS_TEST_TMPDIR/said"
  done
  # shellcheck disable=SC2034  # for the test
  output=$(<"$BATS_TEST_TMPDIR/said")
}
