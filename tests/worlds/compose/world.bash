# What the suites about compose.yaml and the images share: the composition as Docker Compose reads it, alone and
# with what `sandboxctl render compose` adds in either shape. Sourced by compose*.bats.
# shellcheck disable=SC2034  # used in the suites

readonly HOUSE=$BATS_TEST_DIRNAME/../..
readonly TARGET=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/cellblock/target}
readonly SANDBOXCTL=${SANDBOXCTL:-$TARGET/release/sandboxctl}
readonly SERVICES="cell clamd monitor proxy vault warden"

compose_alone() { docker compose --project-directory "$HOUSE/compose" -f "$HOUSE/compose/compose.yaml" "$@"; }

# A project root with the shipped policy in one of the two shapes, rendered. Prints the second compose file.
rendered() { # shape root
  local shape=$1 root=$2
  mkdir -p "$root"
  sed "s/^network   = \"open\"/network   = \"$shape\"/" "$HOUSE/compose/policy.toml" >"$root/policy.toml"
  grep -q "^network   = \"$shape\"" "$root/policy.toml" || return
  "$SANDBOXCTL" render compose --policy "$root/policy.toml" --root "$root" >"$root/compose.policy.yaml" || return
  printf '%s\n' "$root/compose.policy.yaml"
}

# The whole composition as JSON, as scripts/up would start it.
composition() { # shape root
  local second
  second=$(rendered "$1" "$2") || return
  CELLBLOCK_POLICY=$2/policy.toml compose_alone -f "$second" config --format json
}

# Names of services for which a jq condition does not hold.
breaking() { # condition, composition on stdin
  jq -r ".services | to_entries[] | select(.value | ($1) | not) | .key"
}
