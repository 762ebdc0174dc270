# Where a suite of the whole finds the lab's host, its containers and our programs. Loaded by the suites.
# shellcheck shell=bash

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
from() { local pid; pid=$(pid_of "$1"); shift; nsenter "--net=/proc/$pid/ns/net" -- timeout 5 "$house/tests/worlds/lab/ask.py" "$@"; }
outside() { in_host timeout 5 "$house/tests/worlds/lab/ask.py" "$@"; }

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
