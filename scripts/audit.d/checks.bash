# The checks of an audit, each by its name: what is asked, of which tool, and where the answer goes. Sourced by audit.
# An answer is three files: NAME.lines for the record, NAME.said for people, and NAME.status, which is written last.
# shellcheck shell=bash disable=SC2154  # `work` and `between` are audit's

# What is asked at the same time. auditdb comes behind all: it verifies what they said, too.
names_of_checks() {
  printf '%s\n' netguard sandboxctl status scanwatch
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
ask() { "$@" --policy "$POLICY" --root "$ROOT" --format jsonl; }
question() {
  case "$1" in
    netguard) ask netguard verify ;;
    sandboxctl) ask sandboxctl audit ;;
    status) ask sandboxctl status ;;
    scanwatch) warden_test ;;
    egress-check-*) ask egress-check run --container "${1#egress-check-}" --control --moat ;;
    pin) ask egress-check pin --pin "$(vault_pin)" "wss://$(setting .vault.listen)" ;;
    auditdb) ask auditdb verify ;;
    *) die "no check is named '$1': expected $(PROBES=1 names_of_checks | paste -sd ' ') or auditdb" ;;
  esac
}

# Whoever does not come to its run-finished could not do its work, whatever its exit status.
answer() {
  local name=$1 status=0
  (question "$name") >"$work/$name.lines" 2>"$work/$name.said" || status=$?
  grep -qs '"run-finished"' "$work/$name.lines" || status=2
  echo "$status" >"$work/$name.status"
}

# The lines of an answer into the record. A check that left no answer is one that could not work.
keep() {
  local name=$1 whole=1
  touch "$work/$name.lines" "$work/$name.said"
  [ -s "$work/$name.status" ] || { echo 2 >"$work/$name.status"; echo "no answer: systemctl status '$(unit_of_check "$name")'" >>"$work/$name.said"; }
  ! says_nothing_new "$name" || whole=0
  if worth_keeping "$name" "$whole" | auditdb ingest --policy "$POLICY" --root "$ROOT" --provider "$(provider_of "$name")" - >/dev/null 2>>"$work/$name.said"; then
    [ "$whole" = 0 ] || cp -- "$work/$name.verdicts" "$(known_of "$name")" 2>/dev/null || rm -f -- "$(known_of "$name")"
  else
    echo 2 >"$work/$name.status"
  fi
}

# `worth_keeping NAME WHOLE`. Of what was said before, what is no pass, and the last line, which counts all. The record's own
# segments become ever more, and a line for each would be most of it: what is odd about one is kept, and the verdict on all.
worth_keeping() {
  local kept=.
  if [ "$2" = 0 ]; then kept='select(.event.outcome != "success" or .event.action == "run-finished")'
  elif [ "$1" = auditdb ]; then kept='select(.event.action != "segment-verified" or .event.outcome != "success" or .event.reason)'
  fi
  jq -cR "fromjson? | objects | $kept" "$work/$1.lines"
}

# What a check says each hour would fill the disk in a year: whole it is kept where a word changed, and once a month. What is
# not as it should be is kept each time: somebody else may have told the record otherwise meanwhile.
says_nothing_new() {
  local known status
  known=$(known_of "$1")
  status=$(cat "$work/$1.status")
  jq -L "$here/jq" -rR --arg check "$1" -f "$here/audit.d/verdict.jq" "$work/$1.lines" | sort >"$work/$1.verdicts" || { rm -f -- "$work/$1.verdicts"; return 1; }
  [ "$1" != auditdb ] && { [ "$status" = 0 ] || { [ "$status" != 2 ] && stands_alone "$1"; }; } &&
    cmp -s "$work/$1.verdicts" "$known" && [ -n "$(find "$known" -mmin "-$between" ! -newermt now)" ]
}

# Does each of its lines stand until it is said again? Of netguard, scanwatch and auditdb a report takes what their newest run
# did not say for past (auditdb report).
stands_alone() { case "$(provider_of "$1")" in sandboxctl | egress-check) ;; *) return 1 ;; esac; }

# A month, or half of the time that the record keeps: what was said last must not age out of it.
minutes_between_whole_ones() { setting '[30 * 1440, .audit.retain / 120] | min | floor'; }
known_of() { printf '%s/%s' "$(last_answers "$STATE")" "$1"; }

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
    for name in "$@"; do keep "$name"; done
  else
    for name in "$@"; do { answer "$name"; keep "$name"; } & done
    wait
  fi
}
