# Names and places that all of the lab goes by, and how it talks. These names alone find again
# everything that `up` makes. So `down` works for a lab whose `up` was killed.
# shellcheck disable=SC2034  # used in the files beside this one

# A second lab, beside the first and in no contact with it, has another name (LAB_NAME=… lab up).
[[ ${LAB_NAME:-cellblock} =~ ^[a-z][a-z0-9]{0,15}$ ]] || { echo "lab: LAB_NAME is up to 16 letters and digits, got '$LAB_NAME'" >&2; exit 2; }
readonly LAB=${LAB_NAME:-cellblock}
readonly STATE=/run/$LAB-lab
readonly DATA=/var/lib/$LAB-lab
readonly WORLDS=(host lan inet)
readonly CGROUP=$LAB-lab               # parent of every container's control group
export PATH="$PATH:/usr/sbin:/sbin"
export PYTHONDONTWRITEBYTECODE=1       # where a package installed this, nothing writes

say() { printf 'lab: %s\n' "$*" >&2; }
die() { say "$*"; exit 2; }

# Shows a privileged command, then runs it.
run() {
  printf '+ %s\n' "${*@Q}" >&2
  "$@"
}

namespace() { printf '%s-%s\n' "$LAB" "$1"; }

in_world() {
  local world=$1
  shift
  nsenter --net="/run/netns/$LAB-$world" -- "$@"
}

# nsenter and not `ip netns exec`: the latter mounts a new /sys, which hides the control groups.
enter() {
  local world=${1:-}
  case "$world" in
    host | lan | inet) ;;
    *) die "exec: expected host, lan or inet, got '$world'" ;;
  esac
  shift
  [ "$#" -gt 0 ] || die "exec: expected a command after '$world'"
  [ -e "/run/netns/$LAB-$world" ] || die "the lab is not up: run 'tests/worlds/lab/lab up'"
  exec nsenter --net="/run/netns/$LAB-$world" -- "$@"
}

# One up or down at a time, on the whole machine. The lock is on /run itself, so that it leaves no
# file; it ends with this process, and no daemon of ours inherits it (they are started with 9>&-).
alone() {
  exec 9</run
  flock -w 120 9 || die "another 'lab up' or 'lab down' has been running for two minutes"
}
