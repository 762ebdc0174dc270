# Everything that can grow has a bound: the share is a file system of its own, in a loop file.

make_storage() {
  if [ "$DRY_RUN" = 1 ] && [ ! -x "$PROGRAMS/sandboxctl" ]; then
    say "a 0700 folder each for share, jail and audit, and the share's own file system"
    return 0
  fi
  local folder
  for folder in "$(setting .share.path)" "$(setting .jail.path)" "$(setting .audit.path)" "$ROOT/vault" "$RENDERED"; do
    [ -d "$folder" ] || run install -d -m 0700 "$folder"
  done
  # Signatures of the user's own, which clamd's container has read-only.
  folder=$ROOT/compose/images/warden/signatures
  [ -d "$folder" ] || run install -d -m 0755 "$folder"
  make_share "$(setting .share.image)" "$(setting .share.mount)" "$(setting .share.size)"
  settle_share "$(setting .share.mount)" "$(setting .share.folder)" "$(setting .share.image).layout"
}

# nosuid and nodev: on a plain folder the prisoner, capability-less, can leave a set-uid file that
# makes any user of the host root. The 0700 parent keeps the host's other users out.
make_share() {
  local image=$1 mount=$2 size=$3
  if [ ! -e "$image" ]; then
    run truncate -s "$size" "$image"
    run mkfs.ext4 -q -F -m 0 -E lazy_itable_init=1 "$image"
    run chmod 0600 "$image"
  fi
  [ -d "$mount" ] || run mkdir -m 0755 "$mount"
  mountpoint -q "$mount" || mount_share "$image" "$mount"
}

# Where the boot units are, the mount is systemd's, in its own mount namespace: there Docker sees it, and so does a boot.
mount_share() {
  if [ "$BOOT" = 1 ]; then die "the share is not mounted on $2: systemctl status '$(systemd-escape --path --suffix=mount "$2")'"; fi
  if has_boot_units; then keep_share_mounted "$1" "$2"; else run mount -o "$SHARE_OPTIONS" "$1" "$2"; fi
}

# The cell sees a folder inside the file system. So it gets none at all while the file system is not mounted. A share
# from before held the files at its top: they move into the folder by their names alone. Nothing is followed or copied,
# and nobody of ours is at it meanwhile. `layout` is a file beside the image, out of the prisoner's reach: it names a
# folder that is there. That takes the files in, under a name that nobody guesses, until it becomes the folder's own.
settle_share() {
  local mount=$1 folder=$2 layout=$3 moving
  [ "$DRY_RUN" = 0 ] || { say "$folder would be what the cell sees of the share"; return 0; }
  if [ ! -e "$layout" ]; then
    part_with_the_share_s_users "$mount"
    moving=moving-$(openssl rand -hex 16)
    run mkdir -m 0755 "$mount/$moving"
    run_to "$layout" printf '%s\n' "$moving"
  fi
  moving=$mount/$(cat "$layout")
  if [ "$moving" != "$folder" ] && [ -d "$moving" ]; then
    run find "$mount" -mindepth 1 -maxdepth 1 ! -name lost+found ! -path "$moving" -exec mv -t "$moving" -- {} +
    run mv -T "$moving" "$folder"
  fi
  [ "$moving" = "$folder" ] || run_to "$layout" basename "$folder"
  [ -d "$folder" ] || run mkdir -m 0755 "$folder"
}

# Containers that were made with the share's top in them: Compose makes them anew.
part_with_the_share_s_users() {
  local users
  mapfile -t users < <(docker ps -aq --filter label=com.docker.compose.project=cellblock --filter "volume=$1")
  [ "${#users[@]}" = 0 ] || run docker rm -f "${users[@]}"
}
