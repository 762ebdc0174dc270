# Everything that can grow has a bound: the share is a file system of its own, in a loop file.

# In bytes and absolute paths, as the policy says.
setting() { sandboxctl render paths --policy "$POLICY" --root "$ROOT" | jq -r "$1"; }

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
  mountpoint -q "$mount" || run mount -o loop,nosuid,nodev "$image" "$mount"
}
