# What the suites share that run a service alone, with what compose.yaml gives it. They load compose/world.bash
# first, put `compose_alone config --format json` into $FILES/alone.json, and remove what bears their label.
# shellcheck shell=bash
# shellcheck disable=SC2034  # used in the suites

# shellcheck source=tests/worlds/eventually.bash
source "${BASH_SOURCE[0]%/*}/../eventually.bash"

LABEL=cellblock.test=$(basename "$BATS_TEST_FILENAME" .bats)
readonly LABEL

# Options of `docker run` that give a service what compose.yaml gives it, but for the network.
as_service() { # service
  jq -r --arg name "$1" --arg mark "$LABEL" --arg here "$HOUSE/compose/" '.services[$name] |
    ["--cap-drop=ALL", "--read-only", "--user=\(.user)",
     "--memory=\(.mem_limit)", "--pids-limit=\(.pids_limit)", "--label=\($mark)", "--pull=never"]
    + [.security_opt[] | "--security-opt=\(sub("^seccomp:"; "seccomp=") | sub("=[.]/"; "=\($here)"))"]
    + [(.cap_add // [])[] | "--cap-add=\(.)"] + [.tmpfs[] | "--tmpfs=\(.)"]
    + [(.sysctls // {}) | to_entries[] | "--sysctl=\(.key)=\(.value)"] | .[]' "$FILES/alone.json"
}

start() { # service, more options; prints the container's id
  local service=$1 list options
  shift
  list=$(as_service "$service") || return   # with no options it would run with all rights
  mapfile -t options <<<"$list"
  docker run -d "${options[@]}" "$@" "cellblock/$service:local"
}

said() { docker logs "$1" 2>&1 | grep -F "$2"; }
