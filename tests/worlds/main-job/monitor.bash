# The monitor reads a real repository through the gate, and reports a tag that moved.

readonly REPO=https://github.com/openclaw/openclaw
readonly ROUND=60   # seconds until a round of the monitor is in the record

refs_read() { ask_record "select count(*) as n from records where action = 'refs-read' and provider = 'auditdb' having n > 0"; }

moved() { ask_record "select raw from records where action = 'ref-moved' and severity >= 73 and raw like '%$1%' limit 1"; }

monitor_reads_and_sees_a_moved_tag() {
  local tag=v2026.9.5 change old new found
  if within "$ROUND" refs_read >/dev/null; then
    row "the monitor reads refs and tags of $REPO" ok "refs-read, through nginx, into DuckDB"
  else
    row "the monitor reads refs and tags of $REPO" FAILED "no refs-read within $ROUND s"
    return 0
  fi
  change=$("$HOUSE/tests/worlds/lab/origin" move-tag "$tag")
  read -r old new <<<"$change"
  in_lab docker kill --signal HUP monitor >/dev/null
  if found=$(within "$ROUND" moved "$new") && grep -q "$old" <<<"$found"; then
    row "a force-moved tag is told, both ids, severity high" ok "$tag ${old:0:10} → ${new:0:10}"
  else
    row "a force-moved tag is told, both ids, severity high" FAILED "no ref-moved of $tag with $old and $new within $ROUND s"
  fi
}
