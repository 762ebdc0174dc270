# The servers of each world: one Python process a namespace, which goes by serve.py.

# The distribution's Python starts faster than a version manager's shim.
PYTHON=/usr/bin/python3
[ -x "$PYTHON" ] || PYTHON=$(command -v python3)

# The process that serves a world. Where it runs and what it is finds it, and no file of ours.
server_pid() {
  local pid
  for pid in $(ip netns pids "$(namespace "$1")" 2>/dev/null); do
    if tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q "serve.py $1 $STATE "; then echo "$pid"; return 0; fi
  done
  return 1
}

servers_up() {
  local world
  for world in "${WORLDS[@]}"; do server_pid "$world" >/dev/null || return 1; done
}

servers_says() {
  local world
  for world in "${WORLDS[@]}"; do printf '%s: %s  ' "$world" "$(server_pid "$world")"; done
}

servers_start() {
  local world
  for world in "${WORLDS[@]}"; do
    server_pid "$world" >/dev/null ||
      run nsenter --net="/run/netns/$LAB-$world" -- "$PYTHON" -B "$LAB_DIR/serve.py" "$world" "$STATE" "$REPOSITORIES" 9>&-
  done
}
