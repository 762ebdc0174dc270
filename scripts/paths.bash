# Where things are: the same answers for every script. Sourced after say.bash.

# The checkout, the programs, and the project root that the policy's relative paths start at.
HOUSE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/cellblock/target}
PROGRAMS=$CARGO_TARGET_DIR/release
export PATH="$PROGRAMS:$PATH"

# DuckDB's library, which auditdb is linked to (scripts/build.d/duckdb.bash). The version is that of the crate `duckdb`
# in Cargo.toml, as DuckDB's packages have it. Every cargo of ours sees the same folder, else all is built again.
readonly DUCKDB_VERSION=1.5.6-r.1
export DUCKDB_LIB_DIR=$CARGO_TARGET_DIR/duckdb-$DUCKDB_VERSION

# LAB_NAME=… is a second lab beside the first: see tests/lab/lab.
readonly LAB_STATE=/run/${LAB_NAME:-cellblock}-lab
readonly LAB_ROOT=/var/lib/${LAB_NAME:-cellblock}-lab/root
readonly LAB_HOST=/run/netns/${LAB_NAME:-cellblock}-host

# Which commit a program was built from is part of its --version: the last one that changed its source, for every
# other number means a new build of all five. Exported for every cargo of a run: were it another for the build than for
# the tests, all would be compiled twice.
readonly SOURCES=(Cargo.toml Cargo.lock tools)
source_commit() { git -C "$HOUSE" log -1 --format=%h -- "${SOURCES[@]}" 2>/dev/null | grep . || echo 'no commit'; }
CELLBLOCK_VERSION="$(sed -n 's/^version = "\(.*\)"/\1/p' "$HOUSE/Cargo.toml" | head -n 1) ($(source_commit))"
export CELLBLOCK_VERSION

# `settle POLICY ROOT` fixes both for this run: the shipped policy and the checkout unless said.
settle() {
  POLICY=$(realpath -m -- "${1:-${CELLBLOCK_POLICY:-$HOUSE/compose/policy.toml}}")
  ROOT=$(realpath -m -- "${2:-$HOUSE}")
  RENDERED=$ROOT/rendered
  export CELLBLOCK_POLICY=$POLICY
  [ -f "$POLICY" ] || die "there is no policy at $POLICY; give one with --policy"
}

compose() {
  docker compose --project-name cellblock --project-directory "$HOUSE/compose" \
    -f "$HOUSE/compose/compose.yaml" -f "$RENDERED/compose.policy.yaml" "$@"
}

# Runs a command inside the lab's `host`: its network, its Docker daemon.
in_lab() {
  nsenter "--net=$LAB_HOST" -- env "DOCKER_HOST=unix://$LAB_STATE/docker.sock" "$@"
}
