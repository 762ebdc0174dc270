#!/usr/bin/env bats
# What the owner does with a cellblock that stands: pipes as the manuals print them, cron's mail and the tmux window.
# Also a way in from the tailnet, and the tools on the PATH. In the lab, brought up without the main job. No packet
# leaves it.

# shellcheck disable=SC2154  # world.bash has set house, state and root
bats_require_minimum_version 1.5.0
load ../worlds/world
load ../worlds/eventually

setup_file() {
  [ "$(id -u)" = 0 ] || { echo "the lab needs root" >&2; return 1; }
  "$house/scripts/down" --lab 3>&- || true
  stand >"$BATS_FILE_TMPDIR/steps" 2>&1 3>&- || { tail -n 40 "$BATS_FILE_TMPDIR/steps" >&2; return 1; }
}

teardown_file() { "$house/scripts/down" --lab 3>&-; }

teardown() {
  ip netns del "${LAB_NAME:-cellblock}-peer" 2>/dev/null || true
  [ ! -e "$BATS_TEST_TMPDIR/clamd.pid" ] || kill "$(cat "$BATS_TEST_TMPDIR/clamd.pid")" 2>/dev/null || true
}

# What `up --lab` does before the main job.
stand() {
  local images
  "$lab" up
  mkdir -p "$root"
  cp "$house/compose/policy.toml" "$root/policy.toml"
  mapfile -t images < <(docker images --format '{{.Repository}}:{{.Tag}}' | grep '^cellblock/.*:local$')
  "$lab" load "${images[@]}"
  in_host "$house/scripts/up" --inside-lab --policy "$root/policy.toml" --root "$root"
}

# A line as a person types it in the project's folder; its exit status is that of the first that failed.
typed() { (cd "$root" && in_host env CELLBLOCK_POLICY=./policy.toml COMPOSE_PROJECT_NAME=cellblock "${@:2}" bash -o pipefail -c "$1"); }

script() { in_host "$house/scripts/$1" --policy "$root/policy.toml" --root "$root" "${@:2}"; }

@test "pipe: netguard plan | netguard apply -" {
  run -0 typed 'netguard plan | netguard apply -'
  run -0 ours netguard verify
}

@test "pipe: egress-check plan | egress-check run - --container cell | auditdb ingest" {
  # Without a control nothing that was blocked is proved: 3, and with pipefail the pipe says so.
  run -3 --separate-stderr typed 'egress-check plan | egress-check run - --container cell | auditdb ingest'
  run -0 --separate-stderr typed 'egress-check plan | egress-check run - --container cell --control --moat | auditdb ingest'
}

@test "pipe: git ls-remote URL | auditdb refs --repo URL" {
  run -0 --separate-stderr typed 'git ls-remote https://github.com/openclaw/openclaw | auditdb refs --repo https://github.com/openclaw/openclaw' \
    "GIT_SSL_CAINFO=$state/ca.pem" GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=http.curloptResolve GIT_CONFIG_VALUE_0=github.com:443:140.82.121.3
  grep -q '"refs-read"' <<<"$output"
}

@test "pipe: docker logs -f … | auditdb ingest --provider egress-proxy" {
  # shellcheck disable=SC2016  # it is typed so
  run -124 --separate-stderr typed 'timeout 3 docker logs -f "$(docker compose ps -q proxy)" 2>/dev/null | auditdb ingest --provider egress-proxy'
  [ "$(jq -r 'select(.event.action == "run-finished") | .event.outcome' <<<"$output")" = success ]
  run -0 ours auditdb query "select count(*) as n from records where provider = 'egress-proxy' and action = 'request-allowed'"
  [ "$(jq .n <<<"$output")" -ge 1 ]
}

@test "pipe: sandboxctl audit | jq -c 'select(.event.outcome==\"failure\")'" {
  run -0 --separate-stderr typed "sandboxctl audit | jq -c 'select(.event.outcome==\"failure\")'"
  [ -z "$output" ]
  in_host docker update --memory 3g --memory-swap 3g cell
  run -1 --separate-stderr typed "sandboxctl audit | jq -c 'select(.event.outcome==\"failure\")'"
  in_host docker update --memory 2g --memory-swap 2g cell
  [[ $output == *cis-docker-5.11* ]]
}

# clamd as the policy says a host's own is reached; the shipped one is in its container alone.
host_clamd() {
  cp -r "$house/compose/images/clamd/signatures" "$BATS_TEST_TMPDIR/db"
  mkdir -p /run/clamav
  printf '%s\n' 'Foreground yes' 'LocalSocket /run/clamav/clamd.sock' "DatabaseDirectory $BATS_TEST_TMPDIR/db" "TemporaryDirectory $BATS_TEST_TMPDIR" \
    'AlertExceedsMax yes' 'AlertEncrypted yes' 'MaxFileSize 512M' 'MaxScanSize 1024M' 'User root' >"$BATS_TEST_TMPDIR/clamd.conf"
  clamd -c "$BATS_TEST_TMPDIR/clamd.conf" >"$BATS_TEST_TMPDIR/clamd.log" 2>&1 3>&- &
  echo "$!" >"$BATS_TEST_TMPDIR/clamd.pid"
  for _ in {1..100}; do [ ! -S /run/clamav/clamd.sock ] || return 0; sleep 0.1; done
  return 1
}

virus() { printf '%s%s' "X5O!P%@AP[4\\PZX54(P^)7CC)7}\$EICAR-STANDARD" "-ANTIVIRUS-TEST-FILE!\$H+H*"; }

@test "pipe: find share … | scanwatch scan -0 -, and scanwatch watch | auditdb ingest --tee | jq, with a clamd of the host's" {
  local share=$root/sandbox_data/share/sandbox/typed
  in_host docker stop -t 5 warden
  host_clamd
  mkdir -p "$share"
  echo clean >"$share/clean"
  run -0 --separate-stderr typed 'cd sandbox_data && export CELLBLOCK_POLICY=../policy.toml && find share -type f -print0 | scanwatch scan -0 -'
  virus >"$share/found"
  run -1 --separate-stderr typed 'cd sandbox_data && export CELLBLOCK_POLICY=../policy.toml && find share -type f -print0 | scanwatch scan -0 -'
  grep -q '"file-infected"' <<<"$output"
  run --separate-stderr typed "timeout -s INT 6 scanwatch watch | auditdb ingest --tee | jq -c 'select(.event.severity>=73)'"
  kill "$(cat "$BATS_TEST_TMPDIR/clamd.pid")"
  in_host docker start warden
  grep -q '"file-quarantined"' <<<"$output"
  [ "$(jq -r 'select(.event.severity < 73) | .event.action' <<<"$output")" = "" ]
  grep -q 'the warden of this share' "$share/found"
  for _ in 1 2 3 4; do ! soon healthy warden || break; done
}

@test "the README's try column is what these tests type" {
  local line
  # shellcheck disable=SC2016  # they are Markdown's own
  while IFS= read -r line; do
    [ -n "$line" ]
    grep -qF -- "$line" "$BATS_TEST_DIRNAME/owner.bats" || { echo "not typed: $line" >&2; return 1; }
  done < <(sed -n 's/^| `[a-z-]*` | .* | `\(.*\)` |$/\1/p' "$house/README.md" | sed 's/\\|/|/g; s/ URL/ https:\/\/github.com\/openclaw\/openclaw/g; s/"failure"/\\"failure\\"/')
}

@test "scripts/audit tells what is new, then nothing, then what is mended, and its exit status is the worst of all" {
  local findings=$BATS_TEST_TMPDIR/findings
  run -1 --separate-stderr script audit --state "$findings" --no-probes
  [[ $output == *"new failure  The official signatures"* ]]
  run -1 --separate-stderr script audit --state "$findings" --no-probes
  [ -z "$output$stderr" ]
  in_host docker update --memory 3g --memory-swap 3g cell
  run -1 --separate-stderr script audit --state "$findings" --no-probes
  in_host docker update --memory 2g --memory-swap 2g cell
  [ "$(wc -l <<<"$output")" = 1 ]
  [[ $output == "new failure  cis-docker-5.11 cell: "*"→ "* ]]
  run -1 --separate-stderr script audit --state "$findings" --no-probes
  [ "$(wc -l <<<"$output")" = 1 ]
  [[ $output == "mended failure  cis-docker-5.11 cell: "* ]]
  # What was not asked, or could not work, is neither new nor mended; and all that is known can be asked for.
  printf 'egress-check-cell egress-check x y\tfailure\ty: of the night\nsandboxctl sandboxctl x z\tfailure\tz: of the day\n' >>"$findings"
  run -1 --separate-stderr script audit --state "$findings" --no-probes
  [ "$output" = "mended failure  z: of the day" ]
  run -1 --separate-stderr script audit --state "$findings" --no-probes --all
  grep -qx 'known failure  y: of the night' <<<"$output"
  run -0 ours auditdb query "select count(*) as n from records where provider = 'sandboxctl' and rule_id = 'cis-docker-5.11' and outcome = 'failure'"
  [ "$(jq .n <<<"$output")" -ge 1 ]
}

segments() { find "$root/audit/spool" -name '*.jsonl' | wc -l; }
count_of() { ours auditdb query "select count(*) as n from records where provider = '$1' and action = '$2'" | jq .n; }

@test "scripts/audit: a check that passes as before is kept by its last line, and whole where it says anything else" {
  local findings=$BATS_TEST_TMPDIR/findings rules runs parts controls files
  script audit --state "$findings" --no-probes >/dev/null || true
  rules=$(count_of netguard rule-verified) runs=$(count_of netguard run-finished) parts=$(count_of scanwatch part-tested)
  [ "$rules" -ge 100 ]
  files=$(segments)
  script audit --state "$findings" --no-probes >/dev/null || true
  # All of them share a segment.
  [ "$(segments)" = $((files + 1)) ]
  [ "$(count_of netguard rule-verified) $(count_of netguard run-finished)" = "$rules $((runs + 1))" ]
  # The official signatures are missing here: what is not as it should be is said each time.
  [ "$(count_of scanwatch part-tested)" -gt "$parts" ]
  # There, and back again: what is new is kept, and what passes beside it is not said again.
  for memory in 3g 2g; do
    controls=$(count_of sandboxctl control-evaluated)
    in_host docker update --memory "$memory" --memory-swap "$memory" cell
    script audit --state "$findings" --no-probes >/dev/null || true
    [ "$(count_of sandboxctl control-evaluated)" -gt "$controls" ]
    [ "$(count_of sandboxctl control-evaluated)" -lt $((controls + 50)) ]
    run -0 ours auditdb query "select outcome from records where rule_id = 'cis-docker-5.11' and container = 'cell' order by time desc limit 1"
    [ "$(jq -r .outcome <<<"$output")" = "$([ "$memory" = 3g ] && echo failure || echo success)" ]
  done
  [ "$(count_of netguard rule-verified)" = "$rules" ]
  # A month later audit says all of it again. So it does where the hour's file is of a time to come.
  touch -d '-43199 minutes' "$findings.known/netguard"
  script audit --state "$findings" --no-probes >/dev/null || true
  [ "$(count_of netguard rule-verified)" = "$rules" ]
  touch -d '-43201 minutes' "$findings.known/netguard"
  script audit --state "$findings" --no-probes >/dev/null || true
  [ "$(count_of netguard rule-verified)" -ge $((rules + 100)) ]
  rules=$(count_of netguard rule-verified)
  touch -d '+1 day' "$findings.known/netguard"
  script audit --state "$findings" --no-probes >/dev/null || true
  [ "$(count_of netguard rule-verified)" -ge $((rules + 100)) ]
  # The record's segments become ever more: the verdict on all of them, and no line for each that is as it was written.
  [ "$(count_of auditdb record-verified)" -ge 5 ]
  run -0 ours auditdb query "select count(*) as n from records where action = 'segment-verified' and outcome = 'success' and reason is null and vouched"
  [ "$(jq .n <<<"$output")" = 0 ]
}

# How often the record has it that the cell's limit on memory does not hold.
broken_limits() { ours auditdb query "select count(*) as n from records where rule_id = 'cis-docker-5.11' and container = 'cell' and outcome = 'failure'" | jq .n; }
# Does who reads the record, also its last second alone, still take it for open?
read_as_open() {
  [ "$(ours auditdb query "select state from findings where rule = 'cis-docker-5.11' and container = 'cell'" | jq -r .state)" = open ]
  [ "$(ours auditdb report --since "$1" | jq -r 'select(.rule.id == "cis-docker-5.11" and .container.name == "cell") | "\(.event.outcome) \(.cellblock.report.standing)"')" = "failure $2" ]
}
# The last line on it but for its id and this time, as a pass, and changed so: who may write into the record may write that.
# `told_otherwise TIME [JQ]`
told_otherwise() {
  ours auditdb query "select raw from records where rule_id = 'cis-docker-5.11' and container = 'cell' order by seq desc limit 1" |
    jq -c --arg time "$(date -u -d "$1" +%FT%TZ)" --arg id "$(cat /proc/sys/kernel/random/uuid)" '.raw | fromjson | .event.outcome = "success" | .event.id = $id | ."@timestamp" = $time | '"${2:-.}" |
    in_host auditdb ingest --policy "$root/policy.toml" --root "$root" >/dev/null
}
standing() { sed "s/43200000000/$1/" "$house/scripts/audit.d/standing.sql" | ours auditdb query - | wc -l; }

@test "scripts/audit: a control that stays wrong is kept twice a day while the record says so, and at once where it says otherwise" {
  local findings=$BATS_TEST_TMPDIR/findings before otherwise
  script audit --state "$findings" --no-probes >/dev/null || true
  in_host docker update --memory 3g --memory-swap 3g cell
  script audit --state "$findings" --no-probes >/dev/null || true
  # Who follows the engine looks at the cell after an update, too: its line may come in behind the audit's.
  settled() { before=$(broken_limits); sleep 2; [ "$(broken_limits)" = "$before" ]; }
  eventually 30 settled
  [ "$before" -ge 1 ]
  run -1 --separate-stderr script audit --state "$findings" --no-probes --all
  [[ $output == *"known failure  cis-docker-5.11 cell: "* ]]
  [ "$(broken_limits)" = "$before" ]
  read_as_open 1s open
  # Of a line that is older than half a day nothing is standing.
  [ "$(standing 43200000000)" -ge 1 ]
  [ "$(standing 1)" = 0 ]
  # Somebody else tells the record that it holds: now, or of a time before but last, or of one to come. Another line
  # counts too if `findings` takes it for the same rule: of another action, with the rule by name, with an empty path.
  # The one to come is the last: by its time it stays the newest.
  for otherwise in now 'now .event.action = "service-reported"' 'now .rule.name = .rule.id | del(.rule.id)' \
    'now .file.path = ""' '1 hour ago' '1 hour'; do
    told_otherwise "${otherwise%% .*}" "${otherwise#"${otherwise%% .*}"}"
    script audit --state "$findings" --no-probes >/dev/null || true
    [ "$(broken_limits)" -gt "$before" ]
    before=$(broken_limits)
  done
  # What is wrong in another way is said.
  in_host docker update --memory 4g --memory-swap 4g cell
  script audit --state "$findings" --no-probes >/dev/null || true
  in_host docker update --memory 2g --memory-swap 2g cell
  [ "$(broken_limits)" -gt "$before" ]
}

@test "who tells the record of the checks beside scripts/audit has it tell all of them anew" {
  local rules
  script audit --no-probes >/dev/null || true
  script audit --no-probes >/dev/null || true
  rules=$(count_of netguard rule-verified)
  script acceptance >/dev/null || true
  [ "$(count_of netguard rule-verified)" -ge $((rules + 100)) ]
  rules=$(count_of netguard rule-verified)
  script audit --no-probes >/dev/null || true
  [ "$(count_of netguard rule-verified)" -ge $((rules + 100)) ]
}

# The audit's own functions, in a folder of the test's.
audit_keeps() {
  set -o pipefail
  # shellcheck disable=SC2034  # theirs
  local here=$house/scripts work=$BATS_TEST_TMPDIR/work STATE=$BATS_TEST_TMPDIR/findings between=60
  local -A by_news=([auditdb]=0 [netguard]=0)
  # shellcheck source=scripts/parts.bash
  source "$here/parts.bash"
  # shellcheck source=scripts/audit.d/checks.bash
  source "$here/audit.d/checks.bash"
  # shellcheck source=scripts/audit.d/kept.bash
  source "$here/audit.d/kept.bash"
  mkdir -p "$work" "$(last_answers "$STATE")"
  touch "$work/standing"
  printf '%s\n' "${@:2}" >"$work/$1.lines"
  echo 0 >"$work/$1.status"
  choose "$1"
  remember "$1" "${by_news[$1]}" || true
  cat "$work/$1.kept"
}

@test "scripts/audit: a line that is no record is neither left out nor gone by" {
  local name pass='{"event":{"provider":"netguard","action":"rule-verified","outcome":"success"},"rule":{"id":"a"}}'
  for name in netguard auditdb; do
    run -0 audit_keeps "$name" "$pass"
    [ "$output" = "$pass" ]
  done
  run -0 audit_keeps netguard "$pass"
  [ "$output" = "" ]
  for name in netguard auditdb; do
    run -0 --separate-stderr audit_keeps "$name" "$pass" '{"event":{"prov' '7'
    [ "$output" = "$pass"$'\n{"event":{"prov\n7' ]
  done
}

@test "scripts/audit: a tool that cannot work is news and no pass, and a second audit leaves at once" {
  local findings=$BATS_TEST_TMPDIR/findings
  exec 7>"$findings.lock"
  flock 7
  run -3 script audit --state "$findings" --no-probes
  [[ $output == *"another audit is at work"* ]]
  exec 7>&-
  script audit --state "$findings" --no-probes >/dev/null || true
  in_host docker pause warden
  run --separate-stderr in_host timeout 60 "$house/scripts/audit" --policy "$root/policy.toml" --root "$root" --state "$findings" --no-probes
  in_host docker unpause warden
  [ "$status" != 0 ]
  [[ $output == *"new error  scanwatch could not do its work: "* ]]
}

# A cron of its own, with a mail program of its own: both see another /etc/cron.d and /usr/sbin than the machine.
cron_with() {
  cat >"$BATS_TEST_TMPDIR/cron" <<'SH'
set -euo pipefail
work=$1
mkdir -p "$work"/{up,wk,none,cron.d,mail}
mount -t overlay overlay -o "lowerdir=/usr/sbin,upperdir=$work/up,workdir=$work/wk" /usr/sbin
printf '#!/bin/sh\ncat >"%s/mail/$$"\n' "$work" >/usr/sbin/sendmail
chmod +x /usr/sbin/sendmail
mount --bind "$work/none" /var/spool/cron/crontabs
mount --bind "$work/cron.d" /etc/cron.d
mount --bind "$work/empty" /etc/crontab
mount -t tmpfs tmpfs "$work/none"
touch "$work/pid" /run/crond.pid
mount --bind "$work/pid" /run/crond.pid
exec cron -f
SH
  : >"$BATS_TEST_TMPDIR/empty"
  mkdir -p "$BATS_TEST_TMPDIR/cron.d"
  cat >"$BATS_TEST_TMPDIR/cron.d/cellblock"
  chmod 0644 "$BATS_TEST_TMPDIR/cron.d/cellblock"
  # tmpfs: an overlay's upper folder may not lie on an overlay.
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin unshare --mount bash "$BATS_TEST_TMPDIR/cron" "$BATS_TEST_TMPDIR" >"$BATS_TEST_TMPDIR/cron.log" 2>&1 3>&- &
  echo "$!" >"$BATS_TEST_TMPDIR/cron.pid"
}

healthy() { [ "$(in_host docker inspect --format '{{.State.Health.Status}}' "$1")" = healthy ]; }

@test "a real cron mails the news of an audit, and nothing where nothing is new" {
  local job known=$BATS_TEST_TMPDIR/known end
  # The pause before may have made it unhealthy: that it is well again would be news.
  for _ in 1 2 3 4; do ! soon healthy warden || break; done
  script audit --state "$known" --no-probes >/dev/null || true
  # Without probes: two of them at once ask more of the lab's one name server than it answers in time.
  job="nsenter --net=/run/netns/${LAB_NAME:-cellblock}-host -- env DOCKER_HOST=unix://$state/docker.sock $house/scripts/audit --no-probes --policy $root/policy.toml --root $root"
  cron_with <<CRON
MAILTO=owner
* * * * *  root  $job --state $BATS_TEST_TMPDIR/fresh; echo \$? >$BATS_TEST_TMPDIR/fresh.status
* * * * *  root  $job --state $known; echo \$? >$BATS_TEST_TMPDIR/known.status
CRON
  end=$((SECONDS + 110))
  until [ -e "$BATS_TEST_TMPDIR/fresh.status" ] && [ -e "$BATS_TEST_TMPDIR/known.status" ] && [ -n "$(ls "$BATS_TEST_TMPDIR/mail" 2>/dev/null)" ]; do
    [ "$SECONDS" -lt "$end" ] || { cat "$BATS_TEST_TMPDIR/cron.log" >&2; return 1; }
    sleep 0.5
  done
  sleep 1
  kill "$(cat "$BATS_TEST_TMPDIR/cron.pid")"
  [ "$(cat "$BATS_TEST_TMPDIR/fresh.status" "$BATS_TEST_TMPDIR/known.status" | paste -sd' ' -)" = "1 1" ]
  [ "$(find "$BATS_TEST_TMPDIR/mail" -type f | wc -l)" = 1 ] || { cat "$BATS_TEST_TMPDIR"/mail/* >&2; return 1; }
  grep -q '^To: owner' "$BATS_TEST_TMPDIR"/mail/*
  grep -q '^X-Cron-Env: <PATH=/usr/bin:/bin>' "$BATS_TEST_TMPDIR"/mail/*
  grep -q 'new failure  The official signatures' "$BATS_TEST_TMPDIR"/mail/*
  run ! grep -qi 'not found\|error  ' "$BATS_TEST_TMPDIR"/mail/*
}

panes() { tmux -L cellblock list-panes -t cellblock -F '#{@title} #{pane_width}x#{pane_height} #{pane_dead}'; }
# What the pane of this title shows.
shown() { tmux -L cellblock capture-pane -p -t "$(tmux -L cellblock list-panes -t cellblock -F '#{pane_id} #{@title}' | sed -n "s/ $1\$//p")"; }
soon() { for _ in {1..100}; do ! "$@" || return 0; sleep 0.2; done; return 1; }
shows() { shown "$1" | grep -q "$2"; }

@test "scripts/watch shows five live panes in a narrow window and in a wide one" {
  local size title
  for size in 80x24 200x50; do
    script watch --detach --size "$size"
    [ "$(panes | wc -l)" = 5 ]
    [ "$(tmux -L cellblock display -p -t cellblock '#{window_width}x#{window_height}')" = "$size" ]
    soon shows status 'healthy: .*cell'
    soon shows 'asked at the gate' '200 POST github.com/openclaw/openclaw/git-upload-pack'
    run ! from cell tcp 192.168.77.10 445
    soon shows 'refused by the moat' '→ 192.168.77.10:445/tcp'
    printf 'x' | in_host docker exec -i cell tee "/sandbox/seen-$size" >/dev/null
    soon shows 'the warden' "/share/seen-$size"
    "$house/tests/worlds/lab/origin" retag v2026.9.4 >/dev/null
    in_host docker kill -s HUP monitor >/dev/null
    soon shows alerts 'FAIL refs/tags/v2026.9.4 of '
    if [ "$size" = 80x24 ]; then [ "$(panes | grep -c ' 80x')" = 5 ]; else [ "$(panes | grep -c ' 80x')" = 0 ]; fi
    for title in 'refused by the moat' alerts; do run ! shows "$title" 'it ended'; done
    tmux -L cellblock kill-session -t cellblock
  done
}

@test "what scripts/watch prints can be typed, and what the prisoner wrote moves no cursor there" {
  script watch --print >"$BATS_TEST_TMPDIR/panes"
  [ "$(grep -c '^# ' "$BATS_TEST_TMPDIR/panes")" = 5 ]
  run -124 in_host timeout 5 bash -c "$(sed -n '/^# asked at the gate/{n;p}' "$BATS_TEST_TMPDIR/panes")"
  [[ $output == *"POST github.com/openclaw/openclaw/git-upload-pack"* ]]
  printf '%s\n' '{"@timestamp":"2026-11-28T00:00:00Z","event":{"provider":"scanwatch","action":"file-scanned"},"file":{"path":"/share/\u001b[2Jx\u202e\u009b"}}' |
    jq -L "$house/scripts/jq" -rRf "$house/scripts/watch.d/line.jq" >"$BATS_TEST_TMPDIR/line"
  grep -q '/share/?\[2Jx??' "$BATS_TEST_TMPDIR/line"
}

peer() { ip netns exec "${LAB_NAME:-cellblock}-peer" "$@"; }

# A machine in the tailnet that is neither this host nor the lab's internet.
peer_up() {
  local name=${LAB_NAME:-cellblock}
  ip netns add "$name-peer"
  ip -n "$name-host" link add tailpeer type veth peer name tail netns "$name-peer"
  ip -n "$name-host" link set tailpeer up
  ip -n "$name-peer" link set lo up
  ip -n "$name-peer" link set tail up
  ip -n "$name-peer" address add 100.64.9.9/32 dev tail
  ip -n "$name-peer" route add 100.101.102.103 dev tail
  ip -n "$name-peer" route add default via 100.101.102.103 dev tail
  ip -n "$name-host" route add 100.64.9.9 dev tailpeer
}

fingerprint() { openssl x509 -noout -fingerprint -sha256 | tr -d : | sed 's/.*=//' | tr '[:upper:]' '[:lower:]'; }

@test "a peer in the tailnet reaches the vault through what serve does, and nothing else" {
  local pin target serve
  pin=$(ours sandboxctl cert fingerprint | jq -r 'select(.tls).tls.server.hash.sha256')
  peer_up
  run ! peer timeout 3 openssl s_client -connect 100.101.102.103:8443 </dev/null
  in_host socat TCP-LISTEN:8443,bind=100.101.102.103,fork,reuseaddr TCP:127.0.0.1:8443 3>&- &
  serve=$!
  soon peer timeout 3 openssl s_client -connect 100.101.102.103:8443 </dev/null
  [ "$(peer openssl s_client -connect 100.101.102.103:8443 </dev/null 2>/dev/null | fingerprint)" = "$pin" ]
  kill "$serve"
  # Each of these answers the host itself.
  for target in 172.30.1.3/443 172.30.2.2/80 172.30.2.2/443; do
    in_host timeout 3 bash -c "exec 3<>/dev/tcp/$target"
    run ! peer timeout 3 bash -c "exec 3<>/dev/tcp/$target"
  done
}

@test "scripts/remote: every condition is seen to fail, a stand-in is no proof, and without Tailscale nothing is known" {
  local answers=$BATS_TEST_TMPDIR/answers
  mkdir "$answers"
  remote() { in_host env "PATH=$house/tests/worlds/lab/stand-in:$PATH" "TAILSCALE_STAND_IN=$answers" "$house/scripts/remote" --policy "$root/policy.toml" --root "$root" --format jsonl check; }
  failed() { jq -r 'select(.event.outcome == "failure" and .rule.id != "remote") | .rule.id' <<<"$output" | paste -sd' ' -; }
  run -3 remote
  [ -z "$(failed)" ]
  [[ $(jq -r 'select(.rule.id == "remote") | .event.reason' <<<"$output") == stand-in* ]]
  echo '{"TCP":{"8443":{"TCPForward":"127.0.0.1:8443"},"2375":{"TCPForward":"127.0.0.1:2375"}}}' >"$answers/serve.json"
  run -1 remote
  [ "$(failed)" = remote-serve ]
  echo '{"TCP":{"443":{"HTTPS":true}},"Web":{"home:443":{"Handlers":{"/":{"Proxy":"https+insecure://127.0.0.1:8443"}}}},"AllowFunnel":{"home:443":true}}' >"$answers/serve.json"
  run -1 remote
  [ "$(failed)" = remote-funnel ]
  echo '{}' >"$answers/serve.json"
  run -1 remote
  [ "$(failed)" = remote-serve ]
  echo '{"TCP":{"8443":{"TCPForward":"127.0.0.1:8443"}},"Foreground":{"x":{"Web":{"home:443":{"Handlers":{"/":{"Proxy":"http://127.0.0.1:3000"}}}},"AllowFunnel":{"home:443":true}}}}' >"$answers/serve.json"
  run -1 remote
  [ "$(failed)" = "remote-serve remote-funnel" ]
  echo '[]' >"$answers/serve.json"
  run -3 remote
  rm "$answers/serve.json"
  echo '{"RunSSH":false,"AdvertiseRoutes":["172.30.1.0/24"]}' >"$answers/prefs.json"
  run -1 remote
  [ "$(failed)" = "remote-ssh remote-routes" ]
  rm "$answers/prefs.json"
  echo '{"BackendState":"NeedsLogin","Self":{}}' >"$answers/status.json"
  run -1 remote
  [ "$(failed)" = remote-node ]
  run -3 script remote --format jsonl check
  [[ $(jq -r 'select(.rule.id == "remote-node") | .event.reason' <<<"$output") == *"not installed"* ]]
  run -0 script remote show
  [[ $output == *"tailscale serve --bg --tcp 8443 tcp://127.0.0.1:8443"* ]]
}

@test "scripts/install puts tools, manuals and completions where a shell finds them, and uninstall takes exactly those" {
  local prefix=$BATS_TEST_TMPDIR/usr tool
  mkdir -p "$prefix/bin"
  echo mine >"$prefix/bin/other"
  run -0 "$house/scripts/install" --prefix "$prefix"
  for tool in netguard egress-check scanwatch auditdb sandboxctl cellblock; do
    env -i "CARGO_TARGET_DIR=$CARGO_TARGET_DIR" "PATH=$prefix/bin:/usr/bin:/bin" "$tool" --version
    env -i "PATH=/usr/bin:/bin" "MANPATH=$prefix/share/man" man -w "$tool"
    bash -c "source '$prefix/share/bash-completion/completions/$tool' && complete -p '$tool'"
  done
  # The README's lines, from anywhere.
  run -0 env -i "PATH=$prefix/bin:/usr/sbin:/usr/bin:/sbin:/bin" "CELLBLOCK_POLICY=$root/policy.toml" bash -o pipefail -c "cd / && netguard plan --root '$root' | jq -r .event.action | sort -u"
  [[ $output == *rule-planned* ]]
  run -0 "$house/scripts/install" --prefix "$prefix"
  run -0 "$house/scripts/uninstall" --prefix "$prefix"
  [ "$(find "$prefix" ! -type d)" = "$prefix/bin/other" ]
  run -2 "$house/scripts/uninstall" --prefix "$prefix"
  [[ $output == *"nothing of Cellblock's is installed"* ]]
}

# Greed in the cell: each limit holds, the host and the other services go on, and the record says which limit it was.

# What others get done meanwhile: the host's engine, the vault's own answer, the gate's, the moat's.
others_go_on() {
  in_host docker ps --quiet >/dev/null
  [ "$(in_host curl -sk -m 10 -o /dev/null -w '%{http_code}' -H 'Origin: https://evil.example' https://127.0.0.1:8443/)" = 403 ]
  [ "$(in_host docker exec monitor timeout 10 git ls-remote https://github.com/openclaw/openclaw | wc -l)" -ge 1 ]
  ours netguard verify >/dev/null
}
hog() { in_host docker exec -i cell timeout -k 1 20 python3 - >"$BATS_TEST_TMPDIR/hog" 2>&1; }
of_cell() { jq -r "select(.container.name == \"cell\" and .event.action == \"service-reported\") | $1" "$BATS_TEST_TMPDIR/status"; }
usage() { of_cell ".cellblock.cell.service.usage.$1"; }
# A status goes into the record, as the hourly audit puts it there.
keep_status() {
  ours sandboxctl status >"$BATS_TEST_TMPDIR/status" || [ $? != 2 ]
  ours auditdb ingest --provider sandboxctl - <"$BATS_TEST_TMPDIR/status" >/dev/null
}
recorded() { ours auditdb query "select count(*) as n from records where action = 'service-reported' and raw like '%$1%'" | jq -e '.n >= 1' >/dev/null; }

@test "a fork bomb ends at the limit on processes, a spinner at that on processor time, and everybody else goes on" {
  in_host docker update --cpus 0.5 cell >/dev/null
  hog <<'PY' 3>&- &
import os, time
end = time.time() + 12
while time.time() < end:
    try: os.fork()
    except OSError: pass
PY
  at_its_limit() { keep_status; [ "$(usage refused)" -ge 1 ] && [ "$(usage processes)" -le "$(usage processes_limit)" ]; }
  soon at_its_limit
  others_go_on
  wait
  in_host docker update --cpus 2 cell >/dev/null
  [[ $(of_cell .event.reason) == *"the kernel refused it "*" since it started"* ]]
  [ "$(usage processes_limit)" = 512 ]
  [ "$(usage throttled)" -ge 1 ]
  [ "$(usage processors)" -le 1000000000 ]   # half of one, and what a sample of a quarter of a second is out by; two without it
  [ "$(jq -r 'select(.event.action == "service-reported" and .container.name != "cell") | .cellblock.cell.service.usage.refused' "$BATS_TEST_TMPDIR/status" | sort -u)" = 0 ]
  recorded 'the kernel refused it'
}

@test "memory, files, disk and log end at their limits in the cell, and everybody else goes on" {
  local log
  run ! hog <<<'x = bytearray(3 << 30)'
  keep_status
  [ "$(usage killed)" -ge 1 ]
  recorded 'memory ran out'
  # Files: the limit is each process's own (ulimits: nofile).
  hog <<'PY'
import os
held = []
try:
    while True: held.append(os.open("/dev/null", os.O_RDONLY))
except OSError as error: print(error.errno, len(held))
PY
  read -r error count <"$BATS_TEST_TMPDIR/hog"
  [ "$error" = 24 ]
  [ "$count" -gt 16000 ]
  [ "$count" -le 16384 ]
  # The share, to its last block and its last file; the warden stands still, for it would look at each.
  in_host docker pause warden >/dev/null
  hog <<'PY'
import os, errno
os.makedirs("/sandbox/hog", exist_ok=True)
descriptor = os.open("/sandbox/hog/fill", os.O_CREAT | os.O_WRONLY)
step = 1 << 30
size = 0
while step >= 1 << 12:
    try: os.posix_fallocate(descriptor, size, step); size += step
    except OSError as error: print(error.errno); step >>= 1
PY
  grep -qx 28 "$BATS_TEST_TMPDIR/hog"
  [ "$(df --output=pcent "$root/sandbox_data/share" | tail -n 1 | tr -d ' %')" = 100 ]
  keep_status
  share() { jq -r 'select(.cellblock.cell.storage.name == "share") | .event.reason' "$BATS_TEST_TMPDIR/status"; }
  [[ $(share) == *"its room is nearly used up"* ]]
  others_go_on
  rm "$root/sandbox_data/share/sandbox/hog/fill"
  in_host docker exec -i cell timeout 40 python3 - <<'PY' >"$BATS_TEST_TMPDIR/hog"
import os
try:
    for number in range(1 << 20):
        if number % 50000 == 0: os.mkdir(f"/sandbox/hog/{number // 50000}")
        os.mknod(f"/sandbox/hog/{number // 50000}/{number}")
except OSError as error: print(error.errno)
PY
  grep -qx 28 "$BATS_TEST_TMPDIR/hog"
  keep_status
  [[ $(share) == *"it holds "*" files"* ]]
  others_go_on
  rm -rf "$root/sandbox_data/share/sandbox/hog"
  in_host docker unpause warden >/dev/null
  # The log: half as much again as Docker keeps of it.
  # shellcheck disable=SC2016  # for the cell's shell
  in_host docker exec cell sh -c 'yes "$(head -c 1000 /dev/zero | tr "\0" x)" | head -c 45000000 >/proc/1/fd/1'
  log=$(in_host docker inspect --format '{{.LogPath}}' cell)
  keep_status
  [ "$(usage log_limit)" = 31457280 ]
  [ "$(usage log)" -gt 10000000 ]
  [ "$(usage log)" -le 32000000 ]   # a line more than the bound, of each file
  [ "$(du -cb "${log%/*}"/*json.log* | awk 'END { print $1 }')" -le 32000000 ]
  in_host docker logs --tail 1 cell 2>&1 | grep -q xxx
  others_go_on
}
