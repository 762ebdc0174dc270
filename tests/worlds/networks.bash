# Docker's networks, as `sandboxctl render networks` has them. Sourced by suites, worlds and benches.
# shellcheck shell=bash

# `… render networks | create_networks ENGINE…`: one for each line, by this engine's docker.
create_networks() {
  local line args
  while IFS= read -r line; do
    mapfile -t args < <(jq -r '.args[]' <<<"$line")
    "$@" network create "${args[@]}" >/dev/null
  done
}
