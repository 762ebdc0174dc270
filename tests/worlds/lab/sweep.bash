# Leaves nothing. All is found by name, for the `up` that made it may have been killed half-way:
# first what can be stopped in order. Then whatever process, mount, loop device, control group or
# namespace still bears the lab's names.

sweep() {
  if engine_up; then empty_engine; fi
  stop_engine
  kill_ours
  remove_shim_sockets
  unmount_ours
  remove_cgroups
  remove_permits
  local world
  for world in "${WORLDS[@]}"; do
    if [ -e "/run/netns/$LAB-$world" ]; then run ip netns del "$(namespace "$world")"; fi
  done
  forget_netns_mount
  run rm -rf --one-file-system "$STATE" "$DATA/root" "$DATA/git"
}

# Processes of the host world by the name of their program.
pids_of() {
  local pid
  for pid in $(ip netns pids "$LAB-host" 2>/dev/null || true); do
    if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$1" ]; then echo "$pid"; fi
  done
}

# dockerd first: it unmounts and unplugs in order when it is asked to.
stop_engine() {
  local program pid end
  for program in dockerd containerd; do
    for pid in $(pids_of "$program"); do
      kill "$pid" 2>/dev/null || true
      end=$((SECONDS + 15))
      while [ -e "/proc/$pid" ] && [ "$SECONDS" -lt "$end" ]; do sleep 0.05; done
    done
  done
}

cgroup_folders() { find /sys/fs/cgroup -depth -type d \( -path "*/$CGROUP" -o -path "*/$CGROUP/*" \) 2>/dev/null || true; }

# Whoever runs in one of our namespaces, or in a container of our engine, or is about to. A killed `up` may leave a
# daemon that has not entered its namespace yet, and only its arguments tell.
our_pids() {
  local world folder pid
  for world in "${WORLDS[@]}"; do ip netns pids "$(namespace "$world")" 2>/dev/null || true; done
  while read -r folder; do cat "$folder/cgroup.procs" 2>/dev/null || true; done < <(cgroup_folders)
  pgrep -f "${STATE}[/ ]" | while read -r pid; do
    case "$(cat "/proc/$pid/comm" 2>/dev/null)" in nsenter | setsid | python3* | dockerd | containerd*) echo "$pid" ;; esac
  done
}

kill_ours() {
  local round pids
  for round in $(seq 1 100); do
    mapfile -t pids < <(our_pids | sort -un | grep -vx "$$")
    [ "${#pids[@]}" -gt 0 ] || return 0
    [ "$round" -gt 1 ] || say "ending ${#pids[@]} processes of the lab"
    kill -9 "${pids[@]}" 2>/dev/null || true
    sleep 0.05
  done
  die "processes of the lab will not end: ${pids[*]}"
}

# A killed shim leaves its socket outside our folders; its bundle says where.
remove_shim_sockets() {
  local file address
  for file in "$STATE"/containerd/state/io.containerd.runtime.v2.task/moby/*/address; do
    [ -e "$file" ] || continue
    address=$(cat "$file")
    case "${address#unix://}" in /run/containerd/s/*) rm -f "${address#unix://}" ;; esac
  done
}

unmount_ours() {
  local mount device
  awk -v a="$STATE/" -v b="$DATA/" 'index($5 "/", a) == 1 || index($5 "/", b) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
    while read -r mount; do
      printf '+ umount %s\n' "$mount" >&2
      # mountinfo writes blanks as \040.
      umount "$(printf '%b' "$mount")" 2>/dev/null || umount -l "$(printf '%b' "$mount")"
    done
  losetup --list --noheadings --output NAME,BACK-FILE | awk -v b="$DATA/" 'index($2, b) == 1 { print $1 }' |
    while read -r device; do run losetup --detach "$device"; done
}

remove_cgroups() {
  local folder
  while read -r folder; do rmdir "$folder" 2>/dev/null || say "control group $folder is still in use"; done < <(cgroup_folders)
}

# What netguard granted in the host world: a permit names its namespace.
remove_permits() {
  local inode permit
  inode=$(stat -Lc %i "/run/netns/$LAB-host" 2>/dev/null) || return 0
  for permit in /run/cellblock/*/moat /run/cellblock/*/moat.withdrawn; do
    if grep -qsxF "net:[$inode]" "$permit"; then run rm -rf -- "${permit%/*}"; fi
  done
  rm -f "/run/cellblock/watch.$inode"
  [ ! -d /run/cellblock ] || rmdir --ignore-fail-on-non-empty /run/cellblock
}

# `ip netns add` leaves a mount on /run/netns behind; with no namespace in it, it serves nobody.
forget_netns_mount() {
  if mountpoint -q /run/netns && [ -z "$(ls -A /run/netns)" ]; then
    umount /run/netns
    rmdir /run/netns
  fi
}
