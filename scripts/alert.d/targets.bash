# How a message gets to a person. Its text is the same everywhere; a secret goes by a file or stdin, never as an argument.

readonly SHOWN=20        # alerts whose words are in a message; the rest is counted
readonly LARGEST=3900    # bytes of a message to ntfy, which makes an attachment of one of 4096, or refuses it
readonly TAKES=20        # seconds that a target may take

# What, where, what to do: the worst first. `text_of ALERTS LOST SHOWN`
text_of() {
  jq -rs --argjson shown "$3" --argjson lost "$2" '
    sort_by(-.severity, .time) as $all
    | ($all[0:$shown][] | "\(.what)\n  where: \(.where)\n  when:  \(.time)" + (if .why != "" then "\n  why:   \(.why)" else "" end) + "\n  do:    \(.do)\n"),
      (if ($all | length) > $shown then "… and \(($all | length) - $shown) more: auditdb events --severity 73 --since 1d" else empty end),
      (if $lost > 0 then "\($lost) alerts did not fit into the spool and are in the record only." else empty end)' "$1"
}

title_of() { jq -rs 'length as $n | "Cellblock: \($n) \(if $n == 1 then "alert" else "alerts" end) on '"$(hostname)"'"' "$1"; }

# As many in words as fit; one always does, cut if it must be.
fitting() {
  local shown text
  for ((shown = SHOWN; shown > 0; shown--)); do
    text=$(text_of "$1" "$2" "$shown") || return 1
    [ "$TARGET" = ntfy ] && [ "$(printf '%s' "$text" | wc -c)" -gt "$LARGEST" ] || { printf '%s\n' "$text"; return 0; }
  done
  printf '%s' "$text" | head -c "$LARGEST" | iconv -c -f UTF-8 -t UTF-8
}

deliver() {
  local alerts=$1 lost=$2 text title
  text=$(fitting "$alerts" "$lost") && title=$(title_of "$alerts") && [ -n "$text" ] || return 1
  case "$TARGET" in
    ntfy) post -H "Title: $title" -H "Priority: $(jq -rs 'if any(.severity >= 99) then 5 else 4 end' "$alerts")" -H 'Content-Type: text/plain; charset=utf-8' <<<"$text" ;;
    webhook) jq -cs --arg title "$title" --arg text "$text" '{$title, $text, alerts: .}' "$alerts" | post -H 'Content-Type: application/json' ;;
    mail) printf 'To: %s\nSubject: %s\nContent-Type: text/plain; charset=utf-8\nAuto-Submitted: auto-generated\n\n%s\n' "$ADDRESS" "$title" "$text" | timeout "$TAKES" sendmail -t ;;
    command) timeout "$TAKES" env -i PATH=/usr/local/bin:/usr/bin:/bin "${COMMAND[@]}" <<<"$text" >&2 ;;
  esac
}

# curl reads the token from a pipe of its own, as configuration: it is no argument and no variable.
post() {
  curl --silent --show-error --fail --max-time "$TAKES" --noproxy '*' --config <(header_of_token) --data-binary @- "$@" -- "$ADDRESS" >/dev/null
}

header_of_token() { [ -z "$TOKEN" ] || printf 'header = "Authorization: Bearer %s"\n' "$(tr -d '\r\n"\\' <"$TOKEN")"; }
