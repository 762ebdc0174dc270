# What of the answers of an audit goes into the record, and what was said before. Sourced by audit.
# shellcheck shell=bash disable=SC2154  # `work` and `between` are audit's

# The lines of answers into the record, all into one segment: a segment of each, with its checkpoints, took more room
# than what most of them say. A check whose lines did not all come in could not do its work. No later audit goes by what
# it said now or before: nobody knows which of its lines came in.
keep() {
  local name taken each=()
  local -A by_news=()
  standing >"$work/standing" || : >"$work/standing"
  for name in "$@"; do
    by_news[$name]=0
    choose "$name"
    each+=(--each "$(provider_of "$name")=$work/$name.kept")
  done
  auditdb ingest --policy "$POLICY" --root "$ROOT" --format jsonl "${each[@]}" >"$work/taken" 2>"$work/refused" || true
  mapfile -t taken < <(jq -r 'select(.event.action == "lines-ingested").cellblock.counts.failed' "$work/taken")
  for name in "$@"; do
    if [ "${taken[0]:-}" = 0 ]; then
      remember "$name" "${by_news[$name]}" || rm -f -- "$(known_of "$name")"
    else
      cat "$work/refused" >>"$work/$name.said"
      echo 2 >"$work/$name.status"
      rm -f -- "$(known_of "$name")"
    fi
    taken=("${taken[@]:1}")
  done
}

# Which lines of an answer are kept, and whether its news suffice (`by_news`, which is keep's). A check that left no answer is
# one that could not work.
choose() {
  local name=$1
  touch "$work/$name.lines" "$work/$name.said"
  [ -s "$work/$name.status" ] || { echo 2 >"$work/$name.status"; echo "no answer: systemctl status '$(unit_of_check "$name")'" >>"$work/$name.said"; }
  verdicts "$name" >"$work/$name.verdicts" || rm -f -- "$work/$name.verdicts" "$(known_of "$name")"
  ! goes_by_news "$name" || by_news[$name]=1
  worth_keeping "$name" "${by_news[$name]}" >"$work/$name.kept" || cp -- "$work/$name.lines" "$work/$name.kept"
}

# What a check says each hour would fill the disk in a year. What passes as it did before stays out, and the last line
# counts it, until a month is over. What is not as it should be goes in each time: somebody else may have told the record
# otherwise meanwhile. But the record itself is asked about controls. One that it calls so in the same words goes in
# twice a day. Of the record's own segments, which become ever more, what is odd goes in, and the verdict on all.
# `worth_keeping NAME BY_NEWS`
worth_keeping() {
  local lines=$work/$1.lines
  if [ "$1" = auditdb ]; then jq -rR '. as $line | (fromjson? | objects) // {} | select(.event.action != "segment-verified" or .event.outcome != "success" or .event.reason) | $line' "$lines"
  elif [ "$2" = 1 ]; then jq -L "$here/jq" -nRc --arg check "$1" --rawfile known "$(known_of "$1")" --rawfile standing "$work/standing" -f "$here/audit.d/news.jq" "$lines"
  else cat "$lines"
  fi
}

# What the record says of controls that stay wrong. Where it cannot be asked, nothing, and all is told.
standing() {
  auditdb query --policy "$POLICY" --root "$ROOT" --output jsonl - <"$here/audit.d/standing.sql" 2>/dev/null |
    jq -L "$here/jq" -r 'include "fingerprint"; .raw | fromjson | words'
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
