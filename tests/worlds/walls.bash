# Whose word proves that a wall stood: the gate's record and the moat's own count. A command that merely failed does not:
# both walls answer "connection refused", and so does a machine where nobody listens. Sourced by the worlds.
# shellcheck shell=bash

walls_lab=$(cd "${BASH_SOURCE[0]%/*}" && pwd)/lab/lab

now() { date -u +%Y-%m-%dT%H:%M:%S.%NZ; }

# The gate's records since a moment, through the strict decoder.
records() {
  sleep 0.1
  "$walls_lab" docker logs --since "$1" proxy 2>/dev/null | "${walls_lab%/lab/lab}/decode_record.py" --foreign
}

# last_record SINCE FILTER: the newest record that a jq filter holds for, once there is one.
last_record() {
  local found='' end=$((SECONDS + 60))
  until found=$(records "$1" | jq -c "select($2)" | tail -n 1) && [ -n "$found" ]; do
    [ "$SECONDS" -lt "$end" ] || return 1
  done
  printf '%s\n' "$found"
}

# gate_refused SINCE NETWORK NAME CODE: the gate itself refused that name to its client there, and says why.
gate_refused() {
  last_record "$1" ".network.name == \"$2\" and (.url.domain // .tls.client.server_name) == \"$3\" and .error.code == \"$4\"
    and (.event.action | IN(\"request-denied\", \"connection-denied\"))" >/dev/null && return
  echo "the gate did not refuse $3 to the $2 as $4; it says:" >&2
  records "$1" | jq -r '[.network.name, .event.action, .error.code // "-", .message] | join(" ")' >&2
  return 1
}

# moat_count WHO ADDRESS [PORT]: packets of a container, or of an address, that the moat has refused there so far.
moat_count() {
  local root=/var/lib/${LAB_NAME:-cellblock}-lab/root
  nsenter "--net=/run/netns/${LAB_NAME:-cellblock}-host" -- env "DOCKER_HOST=unix:///run/${LAB_NAME:-cellblock}-lab/docker.sock" \
    "${NETGUARD:-netguard}" denied --policy "$root/policy.toml" --root "$root" --format jsonl |
    jq -s --arg who "$1" --arg to "$2" --argjson port "${3:-null}" '[.[] | select((.container.name == $who or .source.ip == $who)
      and .destination.ip == $to and ($port == null or .destination.port == $port)) | .source.packets] | add // 0'
}
