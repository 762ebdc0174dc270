# What the five tools say when each is asked once. Their lines are evidence, and go into the record as theirs.

# Asks a tool, keeps its lines for the judge, and puts them into the record. A tool that could not do its work says so
# on stderr; its lines are missing then, and what rests on them is unknown.
ask_tool() {
  local file=$1 name=$2
  shift 2
  "$name" "$@" --policy "$POLICY" --root "$ROOT" --format jsonl >"$file.part" || true
  # Half of what it had to say speaks for nothing: whoever does not come to run-finished is not heard.
  if grep -q '"run-finished"' "$file.part"; then mv "$file.part" "$file"; else rm "$file.part"; say "$name $1 broke off: what rests on it is unknown"; return 0; fi
  auditdb ingest --policy "$POLICY" --root "$ROOT" --provider "$name" - <"$file" >/dev/null || say "the record did not take what $name said"
}

ask_the_tools() {
  local work=$1 container
  forget_last_answers
  if rests_on netguard; then ask_tool "$work/netguard" netguard verify & fi
  if rests_on sandboxctl; then ask_tool "$work/sandboxctl" sandboxctl audit & fi
  [ "$TRY" = 1 ] || return 0
  for container in "${PROBED[@]}"; do
    if rests_on egress-check "$container"; then
      ask_tool "$work/egress-$container" egress-check run --container "$container" --control --moat --gate-log &
    fi
  done
}
