# Where things are: the same answers for every script. Sourced after say.bash.

# shellcheck source-path=SCRIPTDIR
# shellcheck source=house.bash
source "${BASH_SOURCE[0]%/*}/house.bash"

# DuckDB's library, which auditdb is linked to (scripts/build.d/duckdb.bash). The version is that of the crate `duckdb`
# in Cargo.toml, as DuckDB's packages have it. Every cargo of ours sees the same folder, else all is built again.
readonly DUCKDB_VERSION=1.5.6-r.1

# Which commit a program was built from is part of its --version: the last one that changed its source, for every
# other number means a new build of all five. Exported for every cargo of a run: were it another for the build than for
# the tests, all would be compiled twice.
readonly SOURCES=(Cargo.toml Cargo.lock tools)
source_commit() { git -C "$HOUSE" log -1 --format=%h -- "${SOURCES[@]}" 2>/dev/null | grep . || echo 'no commit'; }

# The programs, the policy, and the project root that the policy's relative paths start at.
places_of_a_checkout() {
  export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/cellblock/target}
  PROGRAMS=$CARGO_TARGET_DIR/release
  export DUCKDB_LIB_DIR=$CARGO_TARGET_DIR/duckdb-$DUCKDB_VERSION
  USUAL_POLICY=$HOUSE/compose/policy.toml
  USUAL_ROOT=$HOUSE
  CELLBLOCK_VERSION="$(sed -n 's/^version = "\(.*\)"/\1/p' "$HOUSE/Cargo.toml" | head -n 1) ($(source_commit))"
  export CELLBLOCK_VERSION
}

# Of a package: the house is PREFIX/lib/cellblock, and what it keeps is nowhere below it.
places_of_a_package() {
  PROGRAMS=$(cd "$HOUSE/../../bin" && pwd)
  export DUCKDB_LIB_DIR=$HOUSE
  USUAL_POLICY=/etc/cellblock/policy.toml
  USUAL_ROOT=/var/lib/cellblock
  CELLBLOCK_VERSION=$("$PROGRAMS/netguard" --version | cut -d ' ' -f 2-) || die "the programs in $PROGRAMS do not start: install the package again"
  export CELLBLOCK_VERSION
}

if is_checkout; then places_of_a_checkout; else places_of_a_package; fi
# Where programs of the administrator and of Docker's packages are: cron's PATH has none of it.
export PATH="$PROGRAMS:$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/sbin"

readonly TOOLS=(netguard egress-check scanwatch auditdb sandboxctl)
tools_are_there() {
  local tool
  for tool in "${TOOLS[@]}"; do [ -x "$PROGRAMS/$tool" ] || return 1; done
}

# LAB_NAME=… is a second lab beside the first: see tests/worlds/lab/lab.
readonly LAB_STATE=/run/${LAB_NAME:-cellblock}-lab
readonly LAB_ROOT=/var/lib/${LAB_NAME:-cellblock}-lab/root
readonly LAB_HOST=/run/netns/${LAB_NAME:-cellblock}-host

# `settle POLICY ROOT` fixes both for this run: this house's own unless said.
settle() {
  POLICY=$(realpath -m -- "${1:-${CELLBLOCK_POLICY:-$USUAL_POLICY}}")
  ROOT=$(realpath -m -- "${2:-$USUAL_ROOT}")
  RENDERED=$ROOT/rendered
  export CELLBLOCK_POLICY=$POLICY
  [ -f "$POLICY" ] || die "there is no policy at $POLICY; give one with --policy"
}

# Runs a command inside the lab's `host`: its network, its Docker daemon.
in_lab() {
  nsenter "--net=$LAB_HOST" -- env "DOCKER_HOST=unix://$LAB_STATE/docker.sock" "$@"
}

# shellcheck source=parts.bash
source "${BASH_SOURCE[0]%/*}/parts.bash"
