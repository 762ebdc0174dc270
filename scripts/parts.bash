# The parts of a cellblock that stands: what the policy says of them, and how each is asked. Sourced by paths.bash.

# Whose way out is tried. The vault shares its network with the cell.
# shellcheck disable=SC2034  # for those who source this
readonly PROBED=(cell monitor proxy clamd warden)

# The longest that a check may take: who asks for all of them waits for the last. Their units' time limit is an hour.
# shellcheck disable=SC2034  # for those who source this
readonly LONGEST_CHECK=30m

# Of the policy, in bytes and absolute paths: `setting .share.mount`.
setting() { sandboxctl render paths --policy "$POLICY" --root "$ROOT" | jq -r "$1"; }

vault_pin() { sandboxctl cert fingerprint --policy "$POLICY" --root "$ROOT" --format jsonl | jq -r 'select(.tls).tls.server.hash.sha256 | "sha256:" + .'; }

# Is it the lab's cellblock?
in_the_lab() { [ "$ROOT" = "$LAB_ROOT" ]; }

# Compose as every script of ours calls it. In the lab nobody waits five minutes for a moved tag to be noticed.
compose() {
  ! in_the_lab || export CELLBLOCK_INTERVAL=${CELLBLOCK_INTERVAL:-15}
  docker compose --project-name cellblock --project-directory "$HOUSE/compose" \
    -f "$HOUSE/compose/compose.yaml" -f "$RENDERED/compose.policy.yaml" "$@"
}

# The warden's own test, where its engine is.
warden_test() {
  timeout --kill-after=10 "$LONGEST_CHECK" docker exec warden scanwatch self-test --policy /etc/cellblock/policy.toml --root / \
    --share /share --jail /jail --clamd /run/clamav/clamd.sock --format jsonl
}

# Where scripts/audit keeps what it found last time, unless told otherwise; and, of such a file, what each check said last.
findings_file() { printf '%s/findings' "$(setting .audit.path)"; }
last_answers() { printf '%s.known' "$1"; }

# Who tells the record of the checks beside scripts/audit has it tell all of them anew.
forget_last_answers() { rm -rf -- "$(last_answers "$(findings_file)")"; }

# Of lines of the record, those that are not as they should be, for people: what, why, and how to mend it.
wrong_of() {
  jq -L "$HOUSE/scripts/jq" -r 'include "plain"; select(.event.outcome != "success" and .event.action != "run-finished")
    | (.event.outcome // "-") + ": " + ("\(.message) \(.event.reason // "")" | plain) + (if .cellblock.mend then "\n  → " + (.cellblock.mend | plain) else "" end)'
}

# `ADDRESS:PORT /CONTAINER PORT/PROTOCOL`, one a line: what is published by the engine's word, of every container that
# runs, over TCP and UDP, whoever passes it on. Ends with 1 where the engine does not say, or nothing runs.
published() {
  local running
  running=$(docker ps -q) && [ -n "$running" ] || return 1
  # shellcheck disable=SC2086  # ids are words
  docker inspect --format '{{$name := .Name}}{{range $port, $at := .NetworkSettings.Ports}}{{range $at}}{{.HostIp}}:{{.HostPort}} {{$name}} {{$port}}{{println}}{{end}}{{end}}' $running
}
