# Everything above is in the record, and the gate's requests with their times.

# action, provider: what must have been recorded at least once.
readonly EXPECTED=(
  'ref-moved auditdb' 'refs-read auditdb' 'file-quarantined scanwatch' 'set-id-stripped scanwatch' 'request-allowed egress-proxy'
  'probe-evaluated egress-check' 'control-evaluated sandboxctl' 'flow-denied netguard'
)

# `events` ends with its own run-finished, so an answer alone proves nothing.
recorded() { ours auditdb events --action "${1% *}" --tool "${1#* }" --limit 1 | jq -c --arg action "${1% *}" 'select(.event.action == $action)'; }

all_of_it_is_in_the_record() {
  local what missing=()
  for what in "${EXPECTED[@]}"; do
    within 20 recorded "$what" >/dev/null || missing+=("$what")
  done
  if [ "${#missing[@]}" = 0 ]; then
    row 'all of it is in the record' ok "$(ask_record 'select count(*) as n from records' | jq -r '"\(.n) records"')"
  else
    row 'all of it is in the record' FAILED "not there: ${missing[*]}"
  fi
  local times
  times=$(within 20 gate_times) || true
  if [ -n "$times" ]; then row 'the gate'"'"'s requests, with their times' ok "$times"; else row 'the gate'"'"'s requests, with their times' FAILED 'none'; fi
}

gate_times() {
  ours auditdb events --tool egress-proxy --limit 1000 |
    jq -rs 'map(select(.http)) | select(length > 0) | "\(length) requests, the longest \(map(.event.duration) | max / 1e6) ms"'
}
