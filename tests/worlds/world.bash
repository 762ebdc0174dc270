# Where a suite of the whole finds the lab's host, its containers and our programs. Loaded by the suites.
# shellcheck shell=bash

# shellcheck source=tests/worlds/walls.bash
source "${BASH_SOURCE[0]%/*}/walls.bash"

house=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
export house lab="$house/tests/worlds/lab/lab" state=/run/${LAB_NAME:-cellblock}-lab root=/var/lib/${LAB_NAME:-cellblock}-lab/root
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/cellblock/target}
case ":$PATH:" in *":$CARGO_TARGET_DIR/release:"*) ;; *) export PATH="$CARGO_TARGET_DIR/release:$PATH" ;; esac

# A command in the lab's host: its network, its Docker daemon.
in_host() { nsenter "--net=/run/netns/${LAB_NAME:-cellblock}-host" -- env "DOCKER_HOST=unix://$state/docker.sock" "$@"; }

# One of our tools there, with the lab's policy.
ours() { local name=$1; shift; in_host "$name" "$@" --policy "$root/policy.toml" --root "$root" --format jsonl; }

# Asks one address (tests/worlds/lab/ask.py), from a container's network and from the host's.
pid_of() { in_host docker inspect --format '{{.State.Pid}}' "$1"; }
from() { local pid; pid=$(pid_of "$1"); shift; nsenter "--net=/proc/$pid/ns/net" -- timeout 20 "$house/tests/worlds/lab/ask.py" "$@"; }
outside() { in_host timeout 20 "$house/tests/worlds/lab/ask.py" "$@"; }

# Does not answer from inside, and does from outside: the one is worth nothing without the other. That it asked at all
# the probe says itself: a container that is gone, or a program that did not start, is no wall.
blocked() { # container, what to ask
  local who=$1 said status=0
  shift
  outside "$@" || { echo "the control got no answer: $*"; return 1; }
  said=$(from "$who" "$@" 2>&1) || status=$?
  [[ $status = 1 && $said == "$*: "* ]] || { echo "from $who: $*: exit $status: $said"; return 1; }
}

# pkill among those who run in the lab's host alone, and in a container's network: this machine may have a cellblock of its own.
# shellcheck disable=SC2016  # the inner shell is pkill by then, so its own id names the namespace
pkill_in_host() { in_host sh -c 'exec pkill --ns $$ --nslist net "$@"' - "$@"; }
pkill_in() { local pid; pid=$(pid_of "$1"); shift; pkill --ns "$pid" --nslist net "$@"; }

# Brings the cellblock up in the lab; what it printed and its exit status are for the first test to look at.
bring_up() {
  "$house/scripts/down" --lab 3>&- || true
  "$house/scripts/up" --lab "$@" >"$BATS_FILE_TMPDIR/table" 2>"$BATS_FILE_TMPDIR/steps" 3>&- || echo "$?" >"$BATS_FILE_TMPDIR/status"
}

came_up() {
  cat "$BATS_FILE_TMPDIR/table"
  [ ! -e "$BATS_FILE_TMPDIR/status" ] || { tail -n 40 "$BATS_FILE_TMPDIR/steps"; echo "exit $(cat "$BATS_FILE_TMPDIR/status")"; return 1; }
  if grep -vP '\tok\t' "$state/main-job.tsv"; then return 1; fi
}
