# What `year --short` leaves out, a function each. Sourced by year after months.bash.
# shellcheck shell=bash disable=SC2016,SC2034  # what the machine's own shell expands; `neighbour` is asked elsewhere

goes_on() {
  engine_restarts
  engine_leaves_all
  engine_is_upgraded
  upgrades
  goes_wrong
  fills_up
  is_removed
}

engine_restarts() {
  local mark
  mark=$(inside 'date -u +%FT%TZ')
  # Whoever asks in the very instant of the stop is let in by the socket.
  inside 'systemctl stop docker.service && sleep 5' >&2
  holds 'the engine stopped: the checks of hour and day leave it so' inside 'systemctl start cellblock-audit cellblock-proof; sleep 2; ! systemctl is-active --quiet docker &&
    for unit in audit proof; do journalctl -q -o cat -u "cellblock-$unit" | grep -q "docker.service is stopped" || exit 1; done'
  inside 'systemctl start docker' >&2
  neighbour=$(started)
  holds 'the engine started again: the cell is back, behind the moat' within "$UP_WITHIN" stands
  put_the_token
  holds 'the engine started again: its end and its start are in the record' within 60 inside "auditdb events --since $mark --format jsonl | jq -es 'any(.event.action == \"engine-stopped\") and any(.event.action == \"engine-started\")'"
  after 'the engine started again'
}

# With live-restore, containers outlive their engine.
engine_leaves_all() {
  local before
  before=$(cell_started)
  inside "echo '{\"live-restore\": true}' >/etc/docker/daemon.json; systemctl reload docker && sleep 1 && systemctl restart docker" >&2
  holds 'live-restore, the engine started again: all of the cellblock is there' within "$UP_WITHIN" stands
  holds 'live-restore, the engine started again: the cell never stopped' eval '[ "$(cell_started)" = "$before" ]'
  after 'live-restore, the engine started again'
  inside "echo '{\"live-restore\": false}' >/etc/docker/daemon.json; systemctl reload docker" >&2
}

engine_pid() { inside 'systemctl show -P MainPID docker'; }
another_engine() { local now; now=$(engine_pid); [ "$now" != 0 ] && [ "$now" != "$1" ]; }

# As `apt upgrade` does it, with the scripts of Docker's own package. Debian's leave the engine that runs alone: the new one
# begins when its owner says so, or needrestart does.
engine_is_upgraded() {
  local mark engine before
  packed_again docker.io 99.9 "$TREE/opt/docker.deb"
  mark=$(inside 'date -u +%FT%TZ') engine=$(engine_pid) before=$(cell_started)
  witness_the_rules
  apt_like -i /opt/docker.deb >&2 || true
  rm -f -- "$TREE/opt/docker.deb"
  holds "an upgrade of Docker's package: it is the later one, and nothing has stopped" eval 'inside "dpkg-query -W docker.io | grep 99.9" && is "$engine" engine_pid && [ "$(cell_started)" = "$before" ]'
  after "an upgrade of Docker's package"
  inside 'systemctl restart docker' >&2
  neighbour=$(started)
  holds 'the new engine started: it is another one' another_engine "$engine"
  holds 'the new engine started: the cell is back, behind the moat' within "$UP_WITHIN" stands
  holds 'the new engine started: the moat was never open' inside 'systemctl is-active witness && ! ls /run/open'
  inside 'systemctl stop witness' >&2
  put_the_token
  holds "the new engine started: the old one's end and its start are in the record" within 60 inside "auditdb events --since $mark --format jsonl | jq -es 'any(.event.action == \"engine-stopped\") and any(.event.action == \"engine-started\")'"
  after 'the new engine started'
}

# The next version's monitor is made of other sources. The image of it is the one before with another label.
of_the_next() { echo '# of the next version' >>"$1/usr/lib/cellblock/compose/images/monitor/Dockerfile"; }
image_of_the_next() {
  inside 'HOUSE=/usr/lib/cellblock; . $HOUSE/scripts/sources.bash; docker create --name next cellblock/monitor:local &&
    docker commit --change "LABEL cellblock.sources=$(image_sources monitor)" next cellblock/monitor:local; docker rm next' >&2
}

# `NAME ID`, one a line, of all that Compose made but these.
ids() { inside "docker ps -a --no-trunc --filter label=com.docker.compose.project=cellblock --format '{{.Names}} {{.ID}}' | sort" | grep -vE "^(${1:-}) "; }

upgrades() {
  local before others monitor
  before=$(cell_started) others=$(ids monitor) monitor=$(ids 'cell|vault|proxy|warden|clamd')
  witness_the_rules
  apt_like -i /opt/new.deb >&2 || true
  leave_limits_out
  holds 'an upgrade of the package: the cell went on' eval '[ "$(cell_started)" = "$before" ]'
  holds 'cellblock up without the new image: it is named, and nothing is changed' inside 'cellblock up --no-build 2>/tmp/said; [ $? = 2 ] && grep -q "cellblock/monitor:local: not there, or made of other sources" /tmp/said'
  holds 'cellblock up without the new image: all that ran goes on' eval 'is "$others" ids monitor && [ -n "$monitor" ] && is "$monitor" ids "cell|vault|proxy|warden|clamd"'
  image_of_the_next
  inside 'systemctl disable --now cellblock-report.timer; systemctl mask --now cellblock-prune.timer' >&2
  up >&2 || true
  holds 'cellblock up after it: whose image changed is another container, and healthy' eval 'within 60 stands && not is "$monitor" ids "cell|vault|proxy|warden|clamd"'
  holds 'cellblock up after it: every other container is the one of before' is "$others" ids monitor
  holds 'cellblock up after it: the cell never stopped' eval '[ "$(cell_started)" = "$before" ]'
  holds 'an upgrade, and cellblock up after it: the moat was never open' inside 'systemctl is-active witness && ! ls /run/open'
  inside 'systemctl stop witness' >&2
  holds 'cellblock up after it: a unit that is masked stays so' inside '[ "$(systemctl is-enabled cellblock-prune.timer)" = masked ]'
  inside 'systemctl unmask cellblock-prune.timer && systemctl enable --now cellblock-prune.timer' >&2
  holds 'cellblock up after it: a unit that slept is awake' eval 'enabled "cellblock.service $UNITS" && active cellblock-report.timer'
  after 'an upgrade'
  run machine stop
  boot
  holds 'a boot after an upgrade: the cell is back, behind the moat' within "$UP_WITHIN" stands
  neighbour=$(started)
  put_the_token
  after 'a boot after an upgrade'
}

goes_wrong() {
  local before
  before=$(cell_started)
  inside 'kill -KILL "$(systemctl show -P MainPID cellblock-moat-watch)"' >&2
  holds 'the watch killed: it is back' within 5 active cellblock-moat-watch
  after 'the watch killed'
  inside 'cp /etc/cellblock/policy.toml /root/good.toml; echo "nonsense = 1" >>/etc/cellblock/policy.toml' >&2
  holds 'a broken policy: up says so and leaves, with 2' inside 'cellblock up --no-build 2>/tmp/said; [ $? = 2 ] && grep -q nonsense /tmp/said'
  holds 'a broken policy: the cell goes on, behind the rules' eval '[ "$(cell_started)" = "$before" ] && rules'
  inside 'cp /root/good.toml /etc/cellblock/policy.toml' >&2
  after 'a policy broken and mended'
}

# The share by the cell itself; the record's folder on a small file system of its own.
fills_up() {
  inside 'docker exec cell sh -c "dd if=/dev/zero of=/sandbox/workspace/full bs=1M 2>/dev/null; rm -f /sandbox/workspace/full"' >&2 || true
  after 'the share filled and freed'
  inside 'truncate -s "$(($(du -sm /var/lib/cellblock/audit | cut -f 1) + 40))M" /root/small.img && mkfs.ext4 -qF /root/small.img && systemctl stop cellblock-collect.target && cp -a /var/lib/cellblock/audit /root/audit &&
    mount -o loop /root/small.img /var/lib/cellblock/audit && cp -a /root/audit/. /var/lib/cellblock/audit/ && systemctl start cellblock-collect.target &&
    dd if=/dev/zero of=/var/lib/cellblock/audit/ballast bs=1M 2>/dev/null' >&2 || true
  inside 'docker exec cell sh -c "echo x >/sandbox/workspace/written-while-full"; sleep 3' >&2
  holds "the record's disk full: the cell and its parts go on" stands
  inside 'rm /var/lib/cellblock/audit/ballast; sleep 70' >&2
  holds "the record's disk freed: what was said meanwhile arrives, and the record holds" inside 'auditdb verify && auditdb events --since 10m --format jsonl | grep -q written-while-full'
  # What came meanwhile goes back with it: the checkpoints know of it.
  inside 'systemctl stop cellblock-collect.target; cp -a /var/lib/cellblock/audit /root/filled; umount --lazy /var/lib/cellblock/audit
    cp -a /root/filled/. /var/lib/cellblock/audit/; systemctl start cellblock-collect.target' >&2
  after 'a full disk'
}

# The line of README.md, while all of it is up: what runs goes, what was kept stays, and is there again.
is_removed() {
  local oldest policy again
  inside 'docker exec cell sh -c "echo precious >/sandbox/workspace/precious"' >&2 || true
  oldest=$(oldest_line) policy=$(inside 'sha256sum </etc/cellblock/policy.toml')
  run_to "$TREE$APT_SETTINGS" apt_settings
  holds 'removed while all is up: it was up' stands
  typed / "$(printed 'apt remove')" >&2 || true
  holds 'removed while all is up: no container, network or rule is left' inside '[ -z "$(docker ps -aq --filter label=com.docker.compose.project=cellblock; docker network ls -q --filter label=cellblock.network)" ] && ! nft list table inet netguard'
  holds 'removed while all is up: the share is not mounted, and no unit mounts it' inside '! findmnt -rno TARGET | grep /var/lib/cellblock && ! ls /etc/systemd/system/*share.mount && ! command -v cellblock'
  holds 'removed while all is up: no unit of ours runs or is enabled' inside "! systemctl list-units --no-legend --all 'cellblock*' | grep . && ! find /etc/systemd/system -type l -name 'cellblock*' | grep ."
  holds 'removed while all is up: the record, its key and the policy are there' eval 'is "$policy" inside "sha256sum </etc/cellblock/policy.toml" && inside "ls /var/lib/cellblock/audit/spool/*.jsonl && ls -A /var/lib/cellblock/audit.key | grep ."'
  holds "removed while all is up: the share's data is there" inside 'mkdir -p /tmp/look && mount -o loop,ro /var/lib/cellblock/sandbox_data/share.img /tmp/look && grep -qx precious /tmp/look/sandbox/workspace/precious; code=$?; umount /tmp/look; rmdir /tmp/look; exit $code'
  holds 'removed while all is up: the neighbour never stopped' untouched
  again=$(date -u +%FT%TZ)
  apt_like -i /opt/new.deb >&2 || true
  leave_limits_out
  # Enabling ends with removing; what was sealed is there still.
  inside 'systemctl enable cellblock-secret@anthropic-key' >&2
  up >&2 || true
  holds 'installed again: all six services are healthy' within 60 all_healthy
  holds 'installed again: the units are enabled' enabled "cellblock.service $UNITS"
  holds 'installed again: the sealed secret is in memory of the gate' within 60 in_the_gate
  put_the_token
  holds 'installed again: the old lines are in the record' is "$oldest" oldest_line
  holds 'installed again: and new ones come' within 60 inside "auditdb events --since $again --action moat-watched --format jsonl | grep -q moat-watched"
  holds 'installed again: the record is one, and holds' inside 'auditdb verify'
  holds 'installed again: the cell has its work' inside 'docker exec cell grep -qx precious /sandbox/workspace/precious'
  after 'removed and installed again'
}
oldest_line() { inside "auditdb query 'select id from records order by time, id limit 1' --format jsonl" | jq -r .id; }
