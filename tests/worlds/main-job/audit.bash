# The audit passes on what runs, and fails on a container that was made weak on purpose.

readonly WEAK=cellblock-weak

the_audit_passes_and_can_fail() {
  local lines status=0
  lines=$(ours sandboxctl audit) || status=$?
  into_record sandboxctl <<<"$lines"
  judge 'the audit passes on the running services' "$status" "$(counts "$lines" | sed 's/probes/controls/')"
  show_failures "$lines"
  the_audit_fails_a_weak_container
}

the_audit_fails_a_weak_container() {
  local lines failed passed
  in_lab docker rm -f "$WEAK" >/dev/null 2>&1 || true
  in_lab docker run -d --name "$WEAK" --privileged --pid host --network host --ipc host --user 0 --restart always \
    --security-opt seccomp=unconfined -e API_TOKEN=not-a-real-secret-0123456789 \
    -v "$LAB_STATE/docker.sock:/var/run/docker.sock" -v /:/host --entrypoint sleep cellblock/vault:local 600 >/dev/null
  lines=$(ours sandboxctl audit "$WEAK") || true
  in_lab docker rm -f "$WEAK" >/dev/null
  into_record sandboxctl <<<"$lines"
  failed=$(jq -r 'select(.container.name == "'"$WEAK"'" and .event.outcome == "failure") | .rule.id' <<<"$lines" | sort -u | wc -l)
  passed=$(jq -r 'select(.container.name == "'"$WEAK"'" and .event.outcome == "success") | .rule.id' <<<"$lines" | sort -u | tr '\n' ' ')
  if [ "$failed" -ge 12 ]; then
    row 'the audit fails a weak container' ok "$failed controls failed; passed: ${passed:-none}"
  else
    row 'the audit fails a weak container' FAILED "only $failed controls failed; passed: $passed"
  fi
  if grep -q 'not-a-real-secret' <<<"$lines"; then row 'no secret is in a line' FAILED 'the token is in the audit'; else row 'no secret is in a line' ok 'the token in the weak one is not shown'; fi
}
