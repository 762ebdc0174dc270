# Lines of the record that a script writes by itself: the same names as the tools' (cellblock-record(5)).

ecs_version() { echo 9.2.0; }

# A UUIDv7 (RFC 9562): 48 bits of milliseconds, the rest random. No process is started for it.
new_id() {
  local time
  printf -v time '%012x' $((${EPOCHREALTIME/[.,]/} / 1000))
  printf '%s-%s-7%03x-%04x-%08x%04x\n' "${time:0:8}" "${time:8}" $((SRANDOM & 0xfff)) $((0x8000 | SRANDOM & 0x3fff)) "$SRANDOM" $((SRANDOM & 0xffff))
}

# `line PROVIDER ACTION OUTCOME RULE REASON`: one line about one check.
line() {
  jq -cn --arg provider "$1" --arg action "$2" --arg outcome "$3" --arg rule "$4" --arg reason "$5" --arg id "$(new_id)" --arg version "$(ecs_version)" \
    '{"@timestamp": (now | strftime("%Y-%m-%dT%H:%M:%SZ")), ecs: {version: $version}, event: {id: $id, provider: $provider, action: $action, kind: "state",
      category: ["configuration"], type: ["info"], outcome: $outcome, severity: (if $outcome == "success" then 0 elif $outcome == "unknown" then 47 else 73 end), reason: $reason},
      message: "\($rule): \($reason)", rule: {id: $rule}}'
}
