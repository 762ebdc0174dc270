# How setup talks: to people on stderr, and never a privileged command without showing it first.

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 2; }

# Shows a command, then runs it. What it prints is for people: stdout joins stderr.
run() {
  printf '+ %s\n' "${*@Q}" >&2
  "$@" >&2
}

need_root() { [ "$(id -u)" = 0 ] || die "$1 needs root: run it with sudo"; }
