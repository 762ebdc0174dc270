# What was started is held against the policy, and the answer goes into the record.

# On a real host nothing is sent out: the configuration is checked, and the vault answers with its pin.
# (Attacks from inside are `egress-check run --container cell --control --moat --gate-log`, and tests/worlds/main-job in the lab.)
prove() {
  STARTING=0
  [ "$DRY_RUN" = 0 ] || return 0
  local status=0
  forget_last_answers
  proof netguard verify || status=$(worse "$status" $?)
  proof sandboxctl audit || status=$(worse "$status" $?)
  # For a person to put there; on a first start nobody has. At boot those that are sealed come behind this.
  [ "$BOOT" = 1 ] && [ -n "$(sealed_secrets)" ] || proof sandboxctl secret list || true
  ask_the_warden || say "the warden could not be asked, or its answer not kept"
  proof egress-check pin --pin "$(vault_pin)" "wss://$(setting .vault.listen)" || status=$(worse "$status" $?)
  say "the cellblock is up; its vault answers at wss://$(setting .vault.listen), pinned $(vault_pin)"
  exit "$status"
}

# Runs a tool, keeps its lines, and shows what is not a pass.
proof() {
  local name=$1 lines status=0
  shift
  lines=$("$name" "$@" --policy "$POLICY" --root "$ROOT" --format jsonl) || status=$?
  keep "$name" "$lines" || { say "what $name said could not be kept"; status=$(worse "$status" 2); }
  return "$status"
}

# What the warden says of its engine and of freshclam. It is kept and shown, and decides nothing here: on a first
# start the official signatures are still on their way. Where there is no mirror they never come.
ask_the_warden() {
  local lines
  lines=$(warden_test) || true
  keep scanwatch "$lines"
}

keep() {
  local name=$1 lines=$2
  wrong_of <<<"$lines" >&2
  auditdb ingest --policy "$POLICY" --root "$ROOT" --provider "$name" <<<"$lines" >/dev/null
}

# A finding (1) outweighs an error (2), and that outweighs an unknown (3). Whatever else a tool dies of is an error.
worse() {
  case " $1 $2 " in
    *' 1 '*) echo 1 ;;
    ' 0 0 ') echo 0 ;;
    ' 0 3 ' | ' 3 0 ' | ' 3 3 ') echo 3 ;;
    *) echo 2 ;;
  esac
}
