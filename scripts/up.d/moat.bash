# The moat, then the networks behind it. Never the other way round.

# When a container of ours runs where no moat holds, somebody else began it: before this boot's moat, or before
# cellblocks had a permit. They end here and are made anew behind it.
part_with_the_unguarded() {
  local running
  [ "$DRY_RUN" = 0 ] || return 0
  mapfile -t running < <(docker ps -q --filter label=com.docker.compose.project=cellblock)
  [ "${#running[@]}" -gt 0 ] || return 0
  [ ! -e "$(setting .permit)" ] || return 0
  if netguard verify --policy "$POLICY" --root "$ROOT" >/dev/null 2>&1; then return 0; fi
  say "services of ours run, and no moat holds: they end, and are made anew behind it"
  run docker rm -f "${running[@]}"
}

raise_moat() {
  # What was begun under another policy goes on by that one, for some of it reads the policy once. And a watch of
  # another file would take the new rules for damage, and mend it.
  run "$here/collect" --policy "$POLICY" --root "$ROOT" renew
  run netguard apply --policy "$POLICY" --root "$ROOT" || die "the kernel did not take the moat: nothing was started"
  verify_moat || die "the moat does not hold what the policy says: nothing was started"
}

# What does not hold is said in words: the reason, and how to mend it. A cell that is cut off from the internet is told,
# and no reason not to start it.
verify_moat() {
  local lines verify=(netguard verify --permit --policy "$POLICY" --root "$ROOT" --format jsonl)
  show "${verify[@]}"
  [ "$DRY_RUN" = 0 ] || return 0
  lines=$("${verify[@]}") || true
  wrong_of <<<"$lines" >&2
  jq -se 'any(.event.action == "permit-settled" and .event.outcome == "success")' <<<"$lines" >/dev/null
}

# One JSON line a network, made by sandboxctl from the policy; left alone when it is there and right.
make_networks() {
  local lines line name
  # What they are depends on the engine's version.
  if [ "$DRY_RUN" = 1 ] && ! { [ -x "$PROGRAMS/sandboxctl" ] && docker version >/dev/null 2>&1; }; then
    say "one docker network create for each line of: sandboxctl render networks"
    return 0
  fi
  lines=$(sandboxctl render networks --policy "$POLICY" --root "$ROOT") || die "the networks could not be made from the policy"
  while read -r line; do
    name=$(jq -r .name <<<"$line")
    make_network "$name" "$line"
  done <<<"$lines"
}

make_network() {
  local name=$1 line=$2 args wanted have
  wanted=$(jq -r .definition <<<"$line")
  have=$(docker network inspect --format '{{index .Labels "cellblock.definition"}}' "$name" 2>/dev/null || true)
  [ "$have" != "$wanted" ] || return 0
  [ -z "$have" ] || run docker network rm "$name" ||
    die "network $name is not as the policy has it, and is in use: run scripts/down first"
  mapfile -t args < <(jq -r '.args[]' <<<"$line")
  run docker network create "${args[@]}"
}
