# Every sentence of the security architecture, last of all: the table that README shows.

readonly SENTENCES=$LAB_STATE/acceptance.jsonl

# No real Tailscale is to be had here: its line is unknown, says so, and is expected.
the_architecture_holds() {
  local status=0 odd holding
  in_lab env "PATH=$HOUSE/tests/worlds/lab/stand-in:$PATH" "$HOUSE/scripts/acceptance" --try --format jsonl \
    --policy "$LAB_ROOT/policy.toml" --root "$LAB_ROOT" >"$SENTENCES" || status=$?
  jq -L "$HOUSE/scripts/jq" -r -f "$HOUSE/scripts/acceptance.d/table.jq" "$SENTENCES" | column -t -s "$(printf '\t')" -N 'line,verdict,sentence,evidence'
  holding=$(jq -rs '[.[] | select(.event.action == "criterion-evaluated" and .event.outcome == "success")] | length' "$SENTENCES")
  odd=$(jq -r 'select(.event.action == "criterion-evaluated" and .event.outcome != "success" and (.event.reason | startswith("stand-in") | not)) | .rule.id' "$SENTENCES" | paste -sd' ' -)
  if [ "$status" = 3 ] && [ -z "$odd" ]; then row 'the architecture, sentence by sentence' ok "$holding hold; Tailscale is a stand-in here, so unknown"
  else row 'the architecture, sentence by sentence' "$(if [ "$status" = 1 ]; then echo FAILED; else echo unknown; fi)" "${odd:-exit $status}"; fi
}
