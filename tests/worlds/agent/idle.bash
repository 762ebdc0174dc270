# An idle cellblock, with each of its timers and re-reads fired once, as the boot units have them. Loaded after world.bash.
# shellcheck shell=bash
# shellcheck disable=SC2154  # house and root are world.bash's

# The timers of the boot units, one a line.
timers() { (cd "$house/scripts/install.d/units" && printf '%s\n' *.timer) | sed 's/\.timer$//'; }

# What a timer starts, one command a line. An audit makes its checks itself here: the units that it would start on a host with
# systemd are that host's own, and of its cellblock.
commands_of() { # timer
  sed -n -e 's| --by-units||' -e "s|@HOUSE@|$house|g; s|@PREFIX@/bin/||g; s|@POLICY@|$root/policy.toml|g; s|@ROOT@|$root|g; s|%S|$BATS_FILE_TMPDIR|g" \
    -e 's/^ExecStart=//p' "$house/scripts/install.d/units/$1.service" | grep .
}

# Findings are in the record; a command that could not do its work is no fired timer.
fire() { # timer
  local line lines command status
  mkdir -p "$BATS_FILE_TMPDIR/cellblock/report"
  mapfile -t lines < <(commands_of "$1")
  [ "${#lines[@]}" -gt 0 ] || { echo "$1 starts nothing that was found"; return 1; }
  for line in "${lines[@]}"; do
    read -ra command <<<"$line"
    status=0
    in_host "${command[@]}" >/dev/null </dev/null 3>&- || status=$?
    [[ $status == [013] ]] || { echo "$1: $line ended with $status"; return 1; }
  done
}

# freshclam's next try. The lab's mirror has no signatures, for nobody here can sign as ClamAV does.
ask_for_signatures() { run in_host docker exec clamd freshclam --no-dns --config-file=/etc/clamav/freshclam.conf; }

# Is there a record with this action that fits, of after $began?
recorded() { # action, jq's words
  ours auditdb events --action "$1" -n 100000 | jq -se "any(.event.action == \"$1\" and .\"@timestamp\" > \"$began\" and ($2))"
}

# Whose failures the record has, one a line. That there are no official signatures is the lab's, as above; that the gate
# has no key before it is given one ($given: when) is its start's.
failures() {
  local lines
  lines=$(ours auditdb events --outcome failure -n 100000) || { echo "the record cannot be read"; return; }
  jq -r --arg given "${given:-}" 'select(.event.outcome == "failure") |
    select((.event.provider == "sandboxctl" and ."@timestamp" < $given and
      (.event.action == "secret-checked" or .event.action == "run-finished")) | not) |
    select((.event.provider == "scanwatch" and (.event.action == "run-finished" or (.event.action == "part-tested" and
      (.rule.name == "signatures" or .rule.name == "freshclam")))) | not) | "\(.event.provider) \(.event.action): \(.message)"' <<<"$lines" || echo "the record cannot be understood"
}

# The gate alone reads a policy anew, in which the mirror's name is another.
strike_off_the_mirror() {
  sed 's/"database\.clamav\.net"/"struck.clamav.net"/' "$root/policy.toml" >"$BATS_TEST_TMPDIR/policy.toml"
  in_host sandboxctl render nginx --policy "$BATS_TEST_TMPDIR/policy.toml" --root "$root" >"$root/rendered/gate/nginx.conf"
  in_host docker exec proxy reload
}
put_the_mirror_back() {
  in_host sandboxctl render nginx --policy "$root/policy.toml" --root "$root" >"$root/rendered/gate/nginx.conf"
  in_host docker exec proxy reload
}
refused_the_mirror() {
  ask_for_signatures
  failures | grep -qx 'egress-proxy request-denied: GET database.clamav.net/daily.cvd: 403'
}
