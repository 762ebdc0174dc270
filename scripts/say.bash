# How the scripts talk: to people on stderr, and never a privileged command without showing it first.

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
die() { say "$*"; exit 2; }

# A command as a shell would take it again.
show() { printf '+ %s\n' "${*@Q}" >&2; }

# Shows a command, then runs it. What it prints is for people: stdout joins stderr.
# Under DRY_RUN=1 it is shown and not run.
run() {
  show "$@"
  [ "${DRY_RUN:-0}" = 1 ] || "$@" >&2
}

# Shows a command, then runs it with its output into a file, whole or not at all.
run_to() {
  local file=$1
  shift
  printf '+ %s > %s\n' "${*@Q}" "${file@Q}" >&2
  [ "${DRY_RUN:-0}" != 1 ] || return 0
  "$@" >"$file.new" || { rm -f "$file.new"; return 2; }
  mv "$file.new" "$file"
}

need_root() { [ "$(id -u)" = 0 ] || die "$1 needs root: run it with sudo"; }

# The header comment of a script is its help text.
help_of() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$1" | grep -v '^shellcheck '; }
