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
  local name=$1 by_news=0
  touch "$work/$name.lines" "$work/$name.said"
  [ -s "$work/$name.status" ] || { echo 2 >"$work/$name.status"; echo "no answer: systemctl status '$(unit_of_check "$name")'" >>"$work/$name.said"; }
  verdicts "$name" >"$work/$name.verdicts" || rm -f -- "$work/$name.verdicts" "$(known_of "$name")"
  ! goes_by_news "$name" || by_news=1
  if worth_keeping "$name" "$by_news" | auditdb ingest --policy "$POLICY" --root "$ROOT" --provider "$(provider_of "$name")" - >/dev/null 2>>"$work/$name.said"; then
    remember "$name" "$by_news" || rm -f -- "$(known_of "$name")"
  else
    echo 2 >"$work/$name.status"
  fi
}

# What a check says each hour would fill the disk in a year. What passes as it did before is left out, and the last line counts
# it, until a month is over. What is not as it should be is kept each time: somebody else may have told the record otherwise
# meanwhile. Of the record's own segments, which become ever more, only what is odd is kept, and the verdict on all.
# `worth_keeping NAME BY_NEWS`
worth_keeping() {
  local lines=$work/$1.lines
  if [ "$1" = auditdb ]; then jq -cR 'fromjson? | select(.event.action != "segment-verified" or .event.outcome != "success" or .event.reason)' "$lines"
  elif [ "$2" = 1 ]; then jq -L "$here/jq" -nRc --arg check "$1" --rawfile known "$(known_of "$1")" -f "$here/audit.d/news.jq" "$lines"
  else cat "$lines"
  fi
}

# Is what this check said before still good for what it does not say now? Of netguard, scanwatch and auditdb a report takes what
# their newest run did not say for past: all of it must be as it was.
goes_by_news() {
  local known
  known=$(known_of "$1")
  [ -n "$(find "$known" -mmin "-$between" ! -newermt now 2>/dev/null)" ] || return 1
  case "$(provider_of "$1")" in
    sandboxctl | egress-check) [ "$(cat "$work/$1.status")" != 2 ] ;;
    *) [ "$(cat "$work/$1.status")" = 0 ] && cmp -s "$work/$1.verdicts" "$known" ;;
  esac
}
verdicts() { jq -L "$here/jq" -rR --arg check "$1" -f "$here/audit.d/verdict.jq" "$work/$1.lines" | sort; }

# `remember NAME BY_NEWS`: what it says now, from the time on when all of it was kept.
remember() {
  local known fresh=$work/$1.verdicts
  known=$(known_of "$1")
  [ "$2" = 0 ] || touch -r "$known" -- "$fresh"
  cp --preserve=timestamps -- "$fresh" "$known" 2>/dev/null
}

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
