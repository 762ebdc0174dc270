# The moat, then the networks behind it. Never the other way round.

raise_moat() {
  # What was begun under another policy goes on by that one, for some of it reads the policy once; and a watch of
  # another file would take the new rules for damage, and mend it.
  run "$here/collect" --policy "$POLICY" --root "$ROOT" renew
  run netguard apply --policy "$POLICY" --root "$ROOT" || die "the kernel did not take the moat: nothing was started"
  run netguard verify --policy "$POLICY" --root "$ROOT" || die "the moat does not hold what the policy says: nothing was started"
}

# One JSON line a network, made by sandboxctl from the policy; left alone when it is there and right.
make_networks() {
  local lines line name
  if [ "$DRY_RUN" = 1 ] && [ ! -x "$PROGRAMS/sandboxctl" ]; then
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
