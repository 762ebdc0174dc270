# The checks of an audit, each by its name: what is asked, of which tool, and where the answer goes. Sourced by audit.
# An answer is three files: NAME.lines for the record, NAME.said for people, and NAME.status, which is written last.
# shellcheck shell=bash disable=SC2154  # `work` is audit's

# What is asked, all at the same time.
names_of_checks() {
  printf '%s\n' netguard sandboxctl status scanwatch auditdb
  [ "$PROBES" = 1 ] || return 0
  printf 'egress-check-%s\n' "${PROBED[@]}"
  echo pin
}

provider_of() {
  case "$1" in
    status) echo sandboxctl ;;
    egress-check-* | pin) echo egress-check ;;
    *) printf '%s\n' "$1" ;;
  esac
}

# One of the tools, about this policy.
ask() { timeout --kill-after=10 "$LONGEST_CHECK" "$@" --policy "$POLICY" --root "$ROOT" --format jsonl; }
question() {
  case "$1" in
    netguard) ask netguard verify ;;
    sandboxctl) ask sandboxctl audit ;;
    status) ask sandboxctl status ;;
    scanwatch) warden_test ;;
    egress-check-*) ask egress-check run --container "${1#egress-check-}" --control --moat --gate-log ;;
    pin) ask egress-check pin --pin "$(vault_pin)" "wss://$(setting .vault.listen)" ;;
    auditdb) ask auditdb verify ;;
    *) die "no check is named '$1': expected $(PROBES=1 names_of_checks | paste -sd ' ')" ;;
  esac
}

# Whoever does not come to its run-finished could not do its work, whatever its exit status. Nor could who died behind it.
answer() {
  local name=$1 status=0
  (question "$name") >"$work/$name.lines" 2>"$work/$name.said" || status=$?
  grep -qs '"run-finished"' "$work/$name.lines" && [ "$status" -le 3 ] || status=2
  echo "$status" >"$work/$name.status"
}

# Who enters a container's network needs more than all the others do together: a kind of unit of its own.
unit_of_check() {
  case "$1" in
    egress-check-*) printf 'cellblock-probes@%s.service\n' "$1" ;;
    *) printf 'cellblock-check@%s.service\n' "$1" ;;
  esac
}

# `all_of NAME…`: all at the same time, by the units or right here, and into the record.
all_of() {
  local name units
  if [ "$BY_UNITS" = 1 ]; then
    mapfile -t units < <(for name in "$@"; do unit_of_check "$name"; done)
    systemctl start "${units[@]}" || true   # what came of each is in its status
  else
    for name in "$@"; do answer "$name" & done
    wait
  fi
  keep "$@"
}
