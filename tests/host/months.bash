# What a year brings, a function each. Sourced by year and by tests/bench/idle.
# shellcheck shell=bash disable=SC2016,SC2034,SC2154  # what the machine's own shell expands; `work` is year's

readonly UP_WITHIN=240     # seconds from power on until all services are healthy, on a machine with other work
readonly NAS=192.168.77.10
# What this vehicle cannot show: the limits (no controllers), Tailscale (none there), and the certificates of strangers,
# which only the lab's own host can forge.
readonly NOT_HERE='limits|remote-access|tls-verified'

up() { inside 'cellblock up --no-build'; }
all_healthy() { inside '[ "$(docker ps -q --filter label=com.docker.compose.project=cellblock --filter health=healthy | wc -l)" = 6 ]'; }
stands() { active cellblock && all_healthy; }
cell_started() { inside "docker inspect --format '{{.State.StartedAt}} {{.State.Running}}' cell"; }
said() { inside "auditdb events --since 1h --format jsonl" | jq -es "any($1)" >/dev/null; }

# Every sentence that can be shown here is shown, and none of the table is missing.
proved() {
  inside 'cellblock acceptance --try --format jsonl' >"$work/proof" || true
  jq -c 'select(.event.action == "criterion-evaluated")' "$work/proof" >"$work/told"
  jq -r --arg not "^($NOT_HERE)$" 'select((.rule.id | test($not) | not) and .event.outcome != "success") | "\(.event.outcome) \(.rule.id): \(.event.reason)"' "$work/told" >"$work/wrong"
  cat "$work/wrong" >&2
  echo "$(wc -l <"$work/told") sentences were told" >&2
  [ ! -s "$work/wrong" ] && is "$(grep -v '^#' "$HOUSE/scripts/acceptance.d/criteria.tsv" | cut -f 1 | LC_ALL=C sort)" jq -rs 'map(.rule.id) | sort[]' "$work/told"
}

# `after STEP`: the proof, and the neighbour. Behind a boot the timers' own checks are at work beside it, so it has some time;
# what it says last is shown.
after() {
  holds "$1: the proof holds" eval 'within 90 proved || proved'
  holds "$1: the neighbour never stopped" untouched
}

# This machine's Docker cannot limit processors at all, and refuses to try.
leave_limits_out() {
  inside 'cd /usr/lib/cellblock && sed -i "/^ *cpus:/d" compose/compose.yaml && sed -i "/render compose/a\  sed -i \"/\\\\\"cpus\\\\\":/d\" \"\$RENDERED/compose.policy.yaml\"" scripts/up.d/services.bash'
}

# As README.md's line for `cellblock up` has it, for who has the images as a file.
printed_up() { sed -nE 's/^cellblock up .*or: (cellblock up --images) FILE$/\1/p' "$HOUSE/README.md" | grep .; }

comes_up() {
  apt_like -i /opt/old.deb >&2 || die "the package does not install"
  leave_limits_out
  # Two secrets that the gate holds in memory: one that a person puts there, and one that is sealed.
  inside 'sed -i -E "s,^# (credential = \"(github-token|anthropic-key)\").*,\1," /etc/cellblock/policy.toml' >&2
  sealed
  inside "$(printed_up) /opt/images.tar" >&2 || true
  holds 'cellblock up: all six services are healthy' within 60 all_healthy
  holds 'cellblock up: the units are enabled' enabled "cellblock.service $UNITS"
  holds 'cellblock up: the share is a unit of systemd' active var-lib-cellblock-sandbox_data-share.mount
  holds 'cellblock up: status says which secret is missing' secret_is missing
  put_the_token
  holds 'cellblock up: and that it is there, once it was put there' secret_is there
  holds 'cellblock up: the monitor reads the refs' within 30 said '.event.action == "refs-read"'
  holds 'cellblock up: the sealed secret is in memory of the gate' within 30 in_the_gate
  holds 'Docker sees the share that systemd mounted' inside '[ "$(docker exec cell stat -c %d /sandbox)" = "$(stat -c %d /var/lib/cellblock/sandbox_data/share)" ] && [ "$(docker exec cell stat -c %d /sandbox)" != "$(stat -c %d /)" ]'
  harden
  after 'up'
}

# What a TPM2 would open, systemd has in the clear here, for these namespaces have none: all else is the unit as it stands.
# A file that was sealed elsewhere keeps its place, since that is looked at before anything is delivered.
readonly SEALED_KEY='sk-of-the-tpm'
sealed() {
  run install -D -m 0600 "$HOUSE/tests/worlds/seal/tpm2-pcr7" "$TREE/etc/cellblock/credentials/anthropic-key"
  inside "mkdir -p /etc/systemd/system/cellblock-secret@anthropic-key.service.d &&
    printf '[Service]\nLoadCredentialEncrypted=\nSetCredential=anthropic-key:$SEALED_KEY\n' >/etc/systemd/system/cellblock-secret@anthropic-key.service.d/open.conf &&
    systemctl daemon-reload && systemctl enable cellblock-secret@anthropic-key" >&2
}
in_the_gate() { inside "docker exec proxy cat /run/secrets/anthropic-key | grep -qx '$SEALED_KEY'"; }

# By hand, as its owner does after a boot; and the monitor, whose last round it was refused to, begins another.
put_the_token() { inside 'echo "Bearer of-the-lab" | sandboxctl secret put github-token && docker kill --signal HUP monitor' >&2; }

secret_is() {
  case "$1" in there) set -- success ;; missing) set -- failure ;; esac
  { inside 'sandboxctl status --format jsonl' || true; } | jq -es --arg wanted "$1" 'any(.event.action == "secret-checked" and .cellblock.cell.secret == "github-token" and .event.outcome == $wanted)'
}

harden() {
  scores
  faultless '/usr/lib/systemd/system/cellblock*.service' '/usr/lib/systemd/system/cellblock*.timer' '/usr/lib/systemd/system/cellblock*.target' '/etc/systemd/system/*share.mount'
  holds 'the proof in its unit is refused nothing that a person is not' proof_in_its_unit
  holds 'each check of it had a unit of its own' inside 'for check in check@netguard check@sandboxctl check@status check@scanwatch check@auditdb check@pin probes@egress-check-cell; do journalctl -q -o cat -u "cellblock-$check.service" | grep -q ^Finished || { echo "$check"; exit 1; }; done'
  holds 'the report and the pruning do their work in their units' inside 'systemctl start cellblock-report cellblock-prune && [ -s /var/lib/cellblock/report/week.html ]'
  holds 'a check whose unit does not start is told, and is no pass' inside 'systemctl mask --runtime -q cellblock-check@status.service; systemctl start cellblock-audit; grep -q "^status.error" /var/lib/cellblock/audit/findings; told=$?; systemctl unmask --runtime -q cellblock-check@status.service; exit $told'
}

# What the kernel refuses to the unit, and not to a person: a system call, a capability, a file.
proof_in_its_unit() {
  inside 'refused() { grep -E "not permitted|not implemented|[Pp]ermission denied|cannot be read" "$1" | cut -f 1 | sort -u; }
    systemctl start cellblock-proof && cp /var/lib/cellblock/audit/findings /tmp/by-unit; rm -f /tmp/by-hand; cellblock audit --state /tmp/by-hand >/dev/null
    [ -s /tmp/by-unit ] && [ -s /tmp/by-hand ] && ! comm -23 <(refused /tmp/by-unit) <(refused /tmp/by-hand) | grep .'
}

# Packets to the NAS that came in, by port: the cell's own bridge to 4444, a bridge of somebody else's to 4445.
witness() {
  "$LAB_TOOL" exec lan nft -f - <<'T'
table inet witness
delete table inet witness
table inet witness {
  chain in {
    type filter hook input priority 0
    udp dport 4444 counter comment "guarded"
    udp dport 4445 counter comment "control"
  }
}
T
}
came_in() { "$LAB_TOOL" exec lan nft -j list table inet witness | jq -e --arg who "$1" "[.nftables[].rule? | select(.comment == \$who).expr[].counter?.packets // empty] | add $2" >/dev/null; }

# Two that fire from their first instant and start with Docker: one on the cell's bridge, one beside it.
snipers() {
  local fire='while :; do printf x >/dev/udp/'$NAS'/PORT; done 2>/dev/null'
  inside "docker run -d --restart=always --name sniper --network cellblock-cell cellblock/base:bookworm bash -c '${fire/PORT/4444}'
    docker run -d --restart=always --name control cellblock/base:bookworm bash -c '${fire/PORT/4445}'" >&2
}

# A time that lies in a gap, by the word of `auditdb report`: of evidence, for two hours without a line it is not.
reports_a_gap_around() {
  inside 'auditdb report --since 1h --format jsonl' | jq -es --arg off "$1" 'any(.event.action == "gap-reported" and (.event.reason | startswith("the host was down"))
    and .event.start <= $off and .event.end >= $off)'
}

boots() {
  local off
  snipers
  run machine stop
  off=$(date -u +%FT%TZ)
  witness
  boot
  holds 'a boot: the rules came before Docker' inside '[ "$(systemctl show -P ActiveEnterTimestampMonotonic cellblock-moat)" -lt "$(systemctl show -P ExecMainStartTimestampMonotonic docker)" ]'
  holds 'a boot: the cell is back, behind the moat, and all is healthy' within "$UP_WITHIN" stands
  holds 'a boot: a container fires from its first instant, and the moat refuses it' within 60 inside "docker inspect --format '{{.State.Running}}' sniper | grep -x true && netguard denied --format jsonl | jq -es 'any(.destination.ip == \"$NAS\" and .destination.port == 4444)'"
  holds 'a boot: it got no packet to the LAN' came_in guarded '== 0'
  holds 'a boot: one beside the moat did (control)' came_in control '> 0'
  inside 'docker rm -f sniper control' >&2
  neighbour=$(started)
  holds 'a boot: the secret that memory forgot is told, and is an alert' eval 'secret_is missing && said ".event.action == \"secret-checked\" and .cellblock.cell.secret == \"github-token\" and .event.outcome == \"failure\" and .event.severity >= 73"'
  holds 'a boot: the sealed secret is in memory again' within 60 in_the_gate
  put_the_token
  holds 'a boot: every stream goes on into the record' within 60 active cellblock-collect@{proxy,vault,monitor,warden,denied,events,moat}
  holds 'a boot: the record holds' inside 'auditdb verify'
  holds 'a boot: the report tells from when to when no stream was read, and why' within 60 reports_a_gap_around "$off"
  holds 'a boot: what the moat said is in the record' said '.event.provider == "netguard" and .event.action == "moat-watched"'
  after 'a boot'
}

comes_down() {
  inside 'cellblock down' >&2 || true
  holds 'down: no container, no mount, no unit of the share' inside '[ -z "$(docker ps -aq --filter label=com.docker.compose.project=cellblock)" ] && ! mountpoint -q /var/lib/cellblock/sandbox_data/share && ! ls /etc/systemd/system/*share.mount'
  run machine stop
  boot
  neighbour=$(started)
  holds 'down: it stays so after a boot' eval 'sleep 5; inside "! systemctl is-active --quiet cellblock && [ -z \"\$(docker ps -aq --filter label=com.docker.compose.project=cellblock)\" ]"'
  holds 'down: the moat stands, and the streams wait' active cellblock-moat-watch cellblock-collect.target
  apt_like -P cellblock >&2 || true
  holds 'purged: nothing of ours is left' inside '! ls -d /var/lib/cellblock /etc/cellblock /usr/lib/cellblock 2>/dev/null | grep . && ! nft list table inet netguard && ! find /etc/systemd/system -name "*cellblock*" | grep .'
  holds 'purged: no image but the one that the neighbour runs on' inside '! docker images --no-trunc --format "{{.ID}}" --filter "reference=cellblock/*" | grep -vxF "$(docker inspect --format "{{.Image}}" neighbour)"'
  holds 'purged: the neighbour never stopped' untouched
}
