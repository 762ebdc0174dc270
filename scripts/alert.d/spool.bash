# What waits to be sent, and what was sent: files, so that a run that ends loses nothing and repeats nothing.

readonly FULL=10000      # alerts that wait at most; what is over is counted, and told with the next message
readonly REMEMBERED=20000   # ids of alerts that were sent

# One run at a time has a spool: two would both send what waits.
open_spool() {
  mkdir -p -m 0700 "$SPOOL/waiting"
  chmod 0700 "$SPOOL"
  touch "$SPOOL/sent" "$SPOOL/times"
  exec 8>"$SPOOL/lock"
  flock -n 8 || die "another scripts/alert has the spool $SPOOL"
  count=$(find "$SPOOL/waiting" -type f | wc -l)
}

waiting() { [ "$count" -gt 0 ] || [ -e "$SPOOL/over" ]; }

# Keeps an alert that was not sent yet. It is on the disk under its own name, or not at all. The name is a digest of all of
# it: another alert that takes an id that was used must not be silenced by it.
keep() {
  local id
  id=$(sha256sum <<<"$1" | cut -c 1-32)
  if [ -e "$SPOOL/waiting/$id" ] || grep -qxF -- "$id" "$SPOOL/sent"; then return 0; fi
  if [ "$count" -ge "$FULL" ]; then printf '.' >>"$SPOOL/over"; return 0; fi
  printf '%s\n' "$1" >"$SPOOL/.new"
  mv "$SPOOL/.new" "$SPOOL/waiting/$id"
  count=$((count + 1))
}

# At most so many messages an hour.
within_the_rate() {
  local now
  now=$(date +%s)
  awk -v since=$((now - 3600)) '$1 > since' "$SPOOL/times" >"$SPOOL/.times"
  mv "$SPOOL/.times" "$SPOOL/times"
  [ "$(wc -l <"$SPOOL/times")" -lt "$MOST" ] || return 1
}

# One message of what waits, the oldest first. Whatever fails, nothing is taken out of the spool: the caller asks `|| true`,
# so `set -e` does not hold in here. Ids are remembered before the files go: what is interrupted in between is not sent twice.
send() {
  local alerts lost=0 ids=()
  within_the_rate || return 1
  mapfile -t ids < <(find "$SPOOL/waiting" -type f -printf '%T@ %f\n' | sort -n | awk 'NR <= 500 { print $2 }')
  alerts=$SPOOL/.alerts
  : >"$alerts" || return 1
  [ "${#ids[@]}" = 0 ] || (cd "$SPOOL/waiting" && cat -- "${ids[@]}") >"$alerts" || return 1
  [ "$(wc -l <"$alerts")" = "${#ids[@]}" ] || return 1
  [ ! -e "$SPOOL/over" ] || lost=$(stat -c %s "$SPOOL/over")
  deliver "$alerts" "$lost" || return 1
  date +%s >>"$SPOOL/times" || return 1
  [ "${#ids[@]}" = 0 ] || printf '%s\n' "${ids[@]}" >>"$SPOOL/sent" || return 1
  [ "${#ids[@]}" = 0 ] || (cd "$SPOOL/waiting" && rm -f -- "${ids[@]}")
  rm -f "$SPOOL/over"
  count=$(find "$SPOOL/waiting" -type f | wc -l)
  [ "$(wc -l <"$SPOOL/sent")" -le $((2 * REMEMBERED)) ] || { tail -n "$REMEMBERED" "$SPOOL/sent" >"$SPOOL/.sent" && mv "$SPOOL/.sent" "$SPOOL/sent"; }
}
