#!/usr/bin/env bats
# The main job, from a fresh start to the table: `scripts/up --lab` does it. This holds its promises
# against what other means show (the lab's own counters and logs, the files, Docker). What is "blocked"
# has a control that gets through. No packet leaves the lab.

bats_require_minimum_version 1.5.0
load ../worlds/world
load ../worlds/main-job/layers
load ../worlds/main-job/silence

setup_file() {
  [ "$(id -u)" = 0 ] || { echo "the lab needs root" >&2; return 1; }
  bring_up
}

teardown() { [[ $BATS_TEST_DESCRIPTION != *"nobody answers"* ]] || noise_around; }

teardown_file() {
  [ "$(readlink /opt/cellblock)" != "$root" ] || rm /opt/cellblock
  "$house/scripts/down" --lab 3>&-
}

@test "up --lab ends with exit 0 and a table in which every promise is ok" {
  came_up
  [ "$(wc -l <"$state/main-job.tsv")" -ge 20 ]
}

@test "the moved tag is in the database with both ids, as git at the origin has them" {
  run -0 ours auditdb query "select raw from records where action = 'ref-moved' and severity = 73"
  now=$("$house/tests/worlds/lab/origin" refs | awk '$2 == "refs/tags/v2026.9.5" { print $1 }')
  [ -n "$now" ]
  grep -q "$now" <<<"$output"
}

@test "through the gate the monitor keeps a mirror of commits, and tells that a tag was forced back and is on a branch" {
  # A tag that stood on main before, and now stands where it really does, behind it.
  # shellcheck disable=SC2016  # for the monitor's shell
  in_host docker exec monitor bash -c '
    set -euo pipefail
    refs=(auditdb refs --repo https://github.com/openclaw/openclaw --database /tmp/mirrored.duckdb --fetch /tmp/mirrors --format jsonl)
    git ls-remote https://github.com/openclaw/openclaw >/tmp/now
    main=$(sed -n "s,\trefs/heads/main$,,p" /tmp/now)
    sed "s,^[0-9a-f]*\trefs/tags/v2026.9.6$,$main\trefs/tags/v2026.9.6,; /v2026.9.6^{}/d" /tmp/now >/tmp/before
    "${refs[@]}" </tmp/before >/dev/null
    "${refs[@]}" </tmp/now || [ $? = 1 ]
    rm -rf /tmp/mirror* /tmp/now /tmp/before' >"$BATS_TEST_TMPDIR/told"
  jq -es 'map(select(.event.action == "ref-moved")) | length == 1 and .[0].event.severity == 73
    and (.[0].cellblock.reference | .fast_forward == false and .on_branch)' "$BATS_TEST_TMPDIR/told"
  run ! grep mirror-unreachable "$BATS_TEST_TMPDIR/told"
}

@test "an agent that is killed stands up again by itself, in the same container, and the vault answers as before" {
  local before end=$((SECONDS + 120))
  before=$(in_host docker inspect --format '{{.State.StartedAt}}' cell)
  in_host docker exec cell /usr/local/bin/healthy
  # shellcheck disable=SC2016  # for the cell's shell
  in_host docker exec cell bash -c 'for process in /proc/[0-9]*; do
    case "$(cat "$process/comm")" in node | MainThread | openclaw*) kill -KILL "${process#/proc/}" ;; esac; done' || true   # it ends with the rest
  run ! in_host docker exec cell /usr/local/bin/healthy
  until in_host docker exec cell /usr/local/bin/healthy; do [ "$SECONDS" -lt "$end" ]; sleep 1; done
  [ "$before" = "$(in_host docker inspect --format '{{.State.StartedAt}}' cell)" ]
  in_host docker logs --tail 200 cell 2>&1 | grep -q 'the agent ended with status 137; it is started again'
}

@test "from the cell the internet answers, over IPv4, TCP and UDP" {
  from cell http 93.184.215.14
  from cell dns 9.9.9.9 example.com
}

@test "from the cell no machine of the LAN answers, over TCP, UDP and ICMP, IPv4 and IPv6" {
  local kind
  for kind in 'http 192.168.77.10' 'tcp 192.168.77.10 445' 'udp 192.168.77.10 9999' 'ping 192.168.77.10' 'http 192.168.77.1' 'ping 192.168.77.1' \
    'http 2001:db8:77::10' 'udp 2001:db8:77::10 9999' 'ping 2001:db8:77::10' 'http 2001:db8:77::1'; do
    # shellcheck disable=SC2086  # kind, address and port are words
    blocked cell $kind
  done
}

@test "from the cell neither cloud metadata nor the tailnet answers" {
  blocked cell http 169.254.169.254
  blocked cell http 100.101.102.9
  blocked cell http fd7a:115c:a1e0::9
  blocked cell ping 100.101.102.9
}

@test "from the cell the host answers on none of its addresses" {
  local address
  for address in 192.168.77.2 2001:db8:77::2 100.101.102.103 fd7a:115c:a1e0::53 172.30.1.1 172.30.2.1 172.30.4.1 172.17.0.1 fd6c:6c62:1::1; do
    blocked cell tcp "$address" 22
    blocked cell ping "$address"
  done
}

@test "without the moat the same would get through" {
  in_host docker run -d --rm --name unguarded --entrypoint sleep cellblock/vault:local 60
  local kind
  for kind in 'http 192.168.77.10' 'udp 192.168.77.10 9999' 'tcp 192.168.77.2 22' 'http 169.254.169.254' 'http 100.101.102.9'; do
    # shellcheck disable=SC2086  # kind, address and port are words
    from unguarded $kind || { in_host docker rm -f unguarded; return 1; }
  done
  in_host docker rm -f unguarded
}

@test "from the monitor nothing answers but the listed name through the gate" {
  local since
  blocked monitor http 140.82.121.3
  blocked monitor http 93.184.215.14
  blocked monitor http 192.168.77.10
  blocked monitor tcp 172.30.2.1 22
  run -0 in_host docker exec monitor git ls-remote https://github.com/openclaw/openclaw refs/tags/v2026.9.6
  [[ $output == *refs/tags/v2026.9.6* ]]
  # No origin here has these two, so git fails anyway: that they went no further is for the gate to say.
  since=$(now)
  run ! in_host docker exec monitor timeout 10 git -c http.curloptResolve=api.github.com:80:172.30.2.2 ls-remote https://api.github.com/openclaw/openclaw
  gate_refused "$since" monitor api.github.com name-not-listed
  run ! in_host docker exec monitor timeout 10 git ls-remote https://github.com/other/repository
  gate_refused "$since" monitor github.com path-not-listed
}

# shellcheck disable=SC2031  # attack.bash's own variables are local
@test "a probe that did not run makes no row of the table true" {
  # shellcheck disable=SC2034  # what the main job sets
  verdict() { (LAB_STATE=$state HOUSE=$house; in_lab() { in_host "$@"; }; row() { echo "$2"; }
    source "$house/tests/worlds/main-job/attack.bash"; "$@"; no_query_of_the_monitor_leaves); }
  [ "$(verdict true)" = ok ]
  # shellcheck disable=SC2317  # called by what is asked
  gone() { in_container() { echo 'nsenter: cannot open' >&2; return 1; }; }
  [ "$(verdict gone)" = unknown ]
}

@test "what was found is in the jail and not on the share, and what is clean is where it was" {
  [ "$(find "$root/jail" -type f -name '*.json' | wc -l)" -ge 2 ]
  grep -q 'the warden of this share' "$root/sandbox_data/share/sandbox/workspace/eicar.com"
  run ! grep -q EICAR-STANDARD "$root/sandbox_data/share/sandbox/workspace/eicar.com"
  [ "$(cat "$root/sandbox_data/share/sandbox/workspace/clean.txt")" = 'nothing to see' ]
}

@test "the share lets no set-uid file and no device work" {
  findmnt -no OPTIONS "$root/sandbox_data/share" | grep -q nosuid
  findmnt -no OPTIONS "$root/sandbox_data/share" | grep -q nodev
  [ "$(stat -c %a "$root/sandbox_data")" = 700 ]
}

@test "the prisoner cannot read the vault's key" {
  in_host docker exec vault test -s /run/secrets/vault/key.pem
  run ! in_host docker exec cell cat /run/secrets/vault/key.pem
  run ! in_host docker exec cell sh -c 'find / -name key.pem -not -path "/proc/*" 2>/dev/null | grep .'
  [ "$(stat -c %a "$root/vault/key.pem")" = 600 ]
}

@test "the prisoner cannot take the vault's port, also when the vault is dead" {
  run ! in_host docker exec cell python3 -c 'import socket; s = socket.socket(); s.bind(("0.0.0.0", 443))'
  run -0 in_host docker exec cell python3 -c 'import socket; s = socket.socket(); s.bind(("0.0.0.0", 4430))'
}

@test "the record's lines are what an independent decoder takes, and the gate's requests have times" {
  ours auditdb events --tool sandboxctl --limit 200 | python3 "$house/tests/worlds/decode_record.py"
  run -0 ours auditdb events --tool egress-proxy --limit 1
  jq -e '.event.duration >= 0 and .http.response.status_code >= 200' <<<"${lines[0]}"
}

@test "what the warden rests on is in the record: its engine, its jail, and that freshclam found no mirror" {
  run -0 ours auditdb query "select raw from records where action = 'part-tested'"
  grep -q marker <<<"$output"
  grep -q 'official database absent' <<<"$output"
}

@test "a signature of one's own, put into its folder, is in force without a restart" {
  local bad=$BATS_TEST_TMPDIR/bad there=$root/sandbox_data/share/sandbox/workspace/ours.txt
  echo "nobody but us minds this file: $RANDOM" >"$bad"
  in_host docker exec -i cell sh -c 'cat >/sandbox/workspace/ours.txt' <"$bad"
  cmp "$bad" "$there"
  printf '%s:%s:Ours.Bad:73\n' "$(sha256sum <"$bad" | cut -d' ' -f1)" "$(stat -c %s "$bad")" >"$root/compose/images/warden/signatures/ours.hsb"
  for _ in {1..900}; do ! grep -q 'Ours.Bad' "$there" || break; sleep 0.1; done
  grep 'Ours.Bad' "$there"
  run ! grep 'nobody but us' "$there"
  rm "$root/compose/images/warden/signatures/ours.hsb"
}

@test "where nobody answers the moat's own count is the proof, and with its rule gone the same probe is a failure" {
  local probes=$BATS_TEST_TMPDIR/probes pings=$BATS_TEST_TMPDIR/pings inet=/run/netns/${LAB_NAME:-cellblock}-inet handle
  judged() { jq -r 'select(.event.action == "probe-evaluated") | .event.outcome' <<<"$output" | sort -u | paste -sd' ' -; }
  nsenter "--net=$inet" -- nft add table ip mute
  nsenter "--net=$inet" -- nft 'add chain ip mute drops { type filter hook prerouting priority -300; }'
  nsenter "--net=$inet" -- nft 'add rule ip mute drops ip daddr 192.0.2.1 drop'
  run ! outside tcp 192.0.2.1 80
  # shellcheck disable=SC2317  # called below
  proved_by_the_count() { # probes whose id matches this, kept in that file
    ours egress-check plan --container cell | jq -c --arg ids "$1" 'select(.rule.id // "" | test($ids))' >"$2"
    [ -s "$2" ]
    run -3 --separate-stderr ours egress-check run "$2" --container cell --control
    [ "$(judged)" = unknown ]
    run -0 --separate-stderr ours egress-check run "$2" --container cell --control --moat
    [ "$(judged)" = success ]
  }
  proved_by_the_count 'special[.]192[.]0[.]2[.]1[.](tcp|udp|http)' "$probes"
  # An echo request has no port, and a count of its own all the same.
  nsenter "--net=$inet" -- nft 'add rule ip mute drops ip daddr 100.100.100.100 drop'
  proved_by_the_count 'tailnet[.]100[.]100[.]100[.]100[.]icmp' "$pings"
  in_host "$house/scripts/collect" --policy "$root/policy.toml" --root "$root" stop # who would put the rule back
  handle=$(in_host nft -a list chain inet netguard net-cell | sed -n 's/.*"cell\/special4" # handle //p')
  in_host nft delete rule inet netguard net-cell handle "$handle"
  run -1 --separate-stderr ours egress-check run "$probes" --container cell --control --moat
  [ "$(judged)" = failure ]
  nsenter "--net=$inet" -- nft delete table ip mute
  run -0 in_host "$house/scripts/up" --inside-lab --policy "$root/policy.toml" --root "$root"
}

@test "where nobody answers an idle, healthy host ends with 0 at every vantage, and a port past the moat makes its link unknown" {
  local work=$BATS_TEST_TMPDIR
  silence_around
  run ! outside tcp 169.254.169.254 80
  run ! outside udp 192.168.77.10 5353
  inspect_all "$work"
  # On the link it was the moat's count that said so, and for the gate its own log.
  jq -es 'any(.rule.id == "cell.discovery.mdns.224.0.0.251.eth0" and (.event.reason | test("moat refused")))' "$work/cell"
  jq -es 'any(.rule.id == "monitor.gate.literal.169.254.169.254" and (.event.reason | test("gate has this request")))' "$work/monitor"
  ours egress-check plan --container monitor | jq -c 'select(.rule.id // "" | test("gate[.]literal[.]169|discovery[.]"))' >"$work/probes"
  verdicts() { jq -r 'select(.event.action == "probe-evaluated") | [.event.outcome, (.rule.id | split(".")[1])] | join(" ")' <<<"$output" | sort -u | paste -sd, -; }
  run -3 --separate-stderr ours egress-check run "$work/probes" --container monitor --control
  [ "$(verdicts)" = 'unknown discovery,unknown gate' ]
  # A port that leads past the moat: the frame went there, too, whatever was counted.
  in_host ip link add stranger0 type veth peer name stranger1
  in_host ip link set stranger0 master br-monitor up
  run -3 --separate-stderr ours egress-check run "$work/probes" --container monitor --control --moat --gate-log
  noise_around
  [ -e "$(ours sandboxctl render paths | jq -r .permit)" ] # it only looked
  [ "$(verdicts)" = 'success gate,unknown discovery' ]
}

@test "a cell that is offline is told, though every rule and service stands" {
  local saved mark
  told() { ours auditdb events --since "$mark" | jq -es 'any(.event.provider == "netguard" and .rule.id == "no-way-out" and .event.outcome == "failure")' >/dev/null; }
  run -0 ours netguard verify
  saved=$(in_host iptables-save -t nat) mark=$(date -u +%FT%TZ)
  in_host iptables -t nat -F POSTROUTING
  run -1 ours netguard verify
  [ "$(jq -r 'select(.event.outcome == "failure") | .rule.id // empty' <<<"$output" | sort -u)" = no-way-out ]
  [ -e "$(ours sandboxctl render paths | jq -r .permit)" ] # cut off, and no hole
  run -1 ours sandboxctl status
  [ "$(jq -r 'select(.event.action == "promise-checked") | .event.outcome' <<<"$output")" = failure ]
  # Nobody has to ask: the watch has it in the record.
  for _ in {1..90}; do ! told || break; sleep 1; done
  told
  in_host iptables-restore -T nat <<<"$saved"
  run -0 ours netguard verify
  run ours sandboxctl status
  [ "$(jq -r 'select(.event.action == "promise-checked") | .event.outcome' <<<"$output")" = success ]
}

@test "a cell that ends is in the record with the reason" {
  exits() { ours auditdb query "select count(*) as n from records where action = 'container-exited' and container = 'cell' and time > now() - interval 2 minute" | jq -r .n; }
  in_host docker kill cell
  for _ in {1..100}; do [ "$(exits)" = 0 ] || break; sleep 0.1; done
  [ "$(exits)" -ge 1 ]
  run -0 ours auditdb query "select raw from records where action = 'container-exited' and container = 'cell' order by time desc limit 1"
  [[ $output == *killed* ]]
  run -0 in_host "$house/scripts/up" --inside-lab --policy "$root/policy.toml" --root "$root"
}

# Every layer taken away by itself: its line of the acceptance turns, and what rests on it, and no other.

@test "acceptance holds in every line but Tailscale's, for which only a stand-in speaks" {
  accepted --try >"$BATS_FILE_TMPDIR/accepted--try" || true
  [ "$(grep -v ' success$' "$BATS_FILE_TMPDIR/accepted--try")" = "remote-access unknown" ] || { cat "$BATS_TEST_TMPDIR/reasons" >&2; return 1; }
  accepted >"$BATS_FILE_TMPDIR/accepted" || true
  [ "$(wc -l <"$BATS_FILE_TMPDIR/accepted--try")" -ge 32 ]
  # README shows these lines, with these verdicts.
  # shellcheck disable=SC2016  # they are Markdown's own
  [ "$(sed -n 's/^| `\([a-z0-9.-]*\)` | \([a-zA-Z]*\) |.*/\1 \2/p' "$house/README.md" | sort)" = "$(sed 's/success$/ok/; s/failure$/FAILED/' "$BATS_FILE_TMPDIR/accepted--try")" ]
  # What needs a try is unknown without one, and no pass.
  [ "$(grep -c ' unknown$' "$BATS_FILE_TMPDIR/accepted")" -ge 15 ]
  run ! grep ' failure$' "$BATS_FILE_TMPDIR/accepted"
  run -0 ours auditdb query "select count(*) as n from records where provider = 'acceptance' and action = 'criterion-evaluated'"
  [ "$(jq .n <<<"$output")" -ge 64 ]
}

@test "who is put to sleep, or killed, with a layer is the lab's own: a watch of this machine goes on" {
  local other
  bash -c 'exec -a "netguard watch" sleep 60' 3>&- &
  other=$!
  take_rule
  [[ $(ps -o stat= "$other") != T* ]]
  give_rule
  take_watch
  kill -0 "$other"
  give_watch
  kill "$other"
}

@test "acceptance: a rule of the moat" { turns rule --try -- cell-no-10 cell-no-172.16 cell-no-192.168 cell-no-rest moat-on-bridge; }
@test "acceptance: who puts the rules back" { turns watch -- moat-on-bridge; }
@test "acceptance: the way to the internet" { turns masquerade --try -- internet-reachable; }
@test "acceptance: the monitor's seal" { turns seal --try -- compose-enforces monitor-sealed one-way-out; }
@test "acceptance: the gate's list" { turns list --try -- allowlist; }
@test "acceptance: the gate's log" { turns log --try -- requests-logged; }
@test "acceptance: the gate's verification" { turns verification --try -- tls-verified; }
@test "acceptance: the gate's rate" { turns rate --try -- rate-limit; }
@test "acceptance: the warden" { turns warden --try -- quarantined scanned-at-once tmp-not-raced tombstoned; }
@test "acceptance: a network without strangers" { turns neighbours -- compose-enforces compose-only; }
@test "acceptance: a read-only root" { turns read_only -- compose-enforces compose-only read-only-root; }
@test "acceptance: a user of its own" { turns user -- compose-enforces compose-only non-root; }
@test "acceptance: no folder of the host" { turns mounts -- compose-enforces compose-only no-credentials no-sensitive-mounts; }
@test "acceptance: no key in the environment" { turns secrecy -- compose-enforces compose-only key-at-run-time no-credentials; }
@test "acceptance: published on loopback alone" { turns loopback -- no-public-port remote-access; }
@test "acceptance: what compose's files say" { turns files -- compose-enforces; }
@test "acceptance: the limits" { turns limits -- limits; }
@test "acceptance: the capabilities" { turns capabilities -- capabilities; }
@test "acceptance: the gateway on loopback" { turns gateway -- compose-only gateway-on-loopback; }
@test "acceptance: the vault's pin" { turns pin -- vault-pinned; }

@test "acceptance: a line that is not known, and one that is asked for alone" {
  accept() { in_host "$house/scripts/acceptance" --policy "$root/policy.toml" --root "$root" "$@"; }
  run -2 accept --only nothing
  [[ $output == *"there is no line 'nothing'; there are: monitor-sealed"* ]]
  run -0 --separate-stderr accept --only residual-risks,limits --format text
  [ "$(awk 'NR > 1 { print $1, $2 }' <<<"$output" | paste -sd, -)" = "limits ok,residual-risks ok" ]
  run -3 accept --only allowlist
}

compose_started() { in_host docker inspect --format '{{.State.Running}}' "$1"; }

@test "without the moat's permit Docker starts nothing of ours, and with it again it does" {
  local permit service
  permit=$(ours sandboxctl render paths | jq -r .permit)
  [ -f "$permit" ]
  in_host "$house/scripts/collect" --policy "$root/policy.toml" --root "$root" stop
  [ ! -e "$permit" ] # the watch's end took it
  for service in vault proxy monitor warden clamd; do
    run ! in_host docker restart -t 1 "$service"
    [[ $output == *"$permit"*"no such file"* ]]
    run ! in_host docker start "$service"
    [[ $output == *"bind source path does not exist: $permit"* ]]
    [ "$(compose_started "$service")" = false ]
  done
  in_host docker stop -t 1 cell
  run ! in_host docker start cell
  run -0 in_host "$house/scripts/up" --inside-lab --policy "$root/policy.toml" --root "$root"
  [ -f "$permit" ]
  [ "$(compose_started cell)" = true ]
  from cell http 45.33.7.30
}

# Ends a container's first process as a crash does, not as somebody who stops it: Docker asks its restart policy. Waits up
# to 20 s until it is up again, or down for good.
crashes() {
  local was now
  was=$(in_host docker inspect --format '{{.RestartCount}}' "$1")
  kill -KILL "$(in_host docker inspect --format '{{.State.Pid}}' "$1")"
  for _ in {1..200}; do
    now=$(in_host docker inspect --format '{{.RestartCount}} {{.State.Restarting}}' "$1")
    [ "${now% *}" -gt "$was" ] && [ "${now#* }" = false ] && return 0
    sleep 0.1
  done
  echo "Docker did not try to start $1 again: $now" >&2
  return 1
}

@test "who is given a restart policy by hand stands up again with the permit (control), and not without it" {
  local permit
  permit=$(ours sandboxctl render paths | jq -r .permit)
  in_host docker update --restart always clamd
  crashes clamd
  [ "$(compose_started clamd)" = true ]
  in_host "$house/scripts/collect" --policy "$root/policy.toml" --root "$root" stop
  [ ! -e "$permit" ]
  crashes clamd
  [ "$(compose_started clamd)" = false ]
  [[ $(in_host docker inspect --format '{{.State.Error}}' clamd) == *"$permit"*"no such file"* ]]
  in_host docker update --restart no clamd
  run -0 in_host "$house/scripts/up" --inside-lab --policy "$root/policy.toml" --root "$root"
  [ "$(compose_started clamd)" = true ]
}

@test "without the share's file system the cell is not started, and its own word on the share is the kernel's" {
  local mount=$root/sandbox_data/share folder
  folder=$(ours sandboxctl render paths | jq -r .share.folder)
  run -0 ours sandboxctl audit
  [ "$(jq -r 'select(.rule.id == "cellblock-share") | .event.outcome' <<<"$output" | sort | uniq -c | awk '{ print $2 $1 }')" = success2 ]
  run ours sandboxctl status
  [ "$(jq -r 'select(.event.action == "storage-reported" and .container.name) | .event.outcome' <<<"$output" | paste -sd' ' -)" = "success success" ]
  in_host docker stop -t 1 cell warden
  umount "$mount"
  run ! in_host docker start cell
  [[ $output == *"bind source path does not exist"* ]]
  # Somebody makes the folder by hand, and the cell starts on the host's own file system: seen, and put right at once.
  mkdir "$folder"
  in_host docker start cell
  mount -o loop,nosuid,nodev "$root/sandbox_data/share.img" "$mount"
  run -1 ours sandboxctl status
  [ "$(jq -r 'select(.event.action == "storage-reported" and .container.name == "cell") | .event.outcome' <<<"$output")" = failure ]
  run -1 ours sandboxctl audit
  [ "$(jq -r 'select(.rule.id == "cellblock-share" and .container.name == "cell") | .event.outcome' <<<"$output")" = failure ]
  [ "$(jq -r 'select(.rule.id == "cellblock-mounts" and .container.name == "cell") | .event.outcome' <<<"$output")" = failure ]
  run -0 in_host "$house/scripts/up" --inside-lab --policy "$root/policy.toml" --root "$root"
  run -0 ours sandboxctl audit
}

@test "a share from before, with the files at its top, moves into the folder that the cell sees" {
  local mount=$root/sandbox_data/share
  in_host "$house/scripts/down" --policy "$root/policy.toml" --root "$root"
  mount -o loop,nosuid,nodev "$root/sandbox_data/share.img" "$mount"
  mv "$mount/sandbox/workspace" "$mount/workspace"
  mv "$mount/sandbox" "$mount/sandbox-of-before"
  mkdir "$mount/sandbox" # the prisoner had a folder of that name
  echo mine >"$mount/sandbox/file"
  ln -s /etc "$mount/link"
  rm "$root/sandbox_data/share.img.layout"
  umount "$mount"
  run -0 in_host "$house/scripts/up" --inside-lab --policy "$root/policy.toml" --root "$root"
  [ "$(cat "$mount/sandbox/sandbox/file")" = mine ]
  [ -e "$mount/sandbox/workspace/clean.txt" ]
  [ -L "$mount/sandbox/link" ]
  [ "$(find "$mount" -mindepth 1 -maxdepth 1 ! -name lost+found -printf '%f ')" = "sandbox " ]
  run -0 in_host docker exec cell test -e /sandbox/workspace/clean.txt
}

@test "what runs where no moat holds ends with the next up, and is made anew behind it" {
  local cell permit
  permit=$(ours sandboxctl render paths | jq -r .permit)
  cell=$(in_host docker inspect --format '{{.Id}}' cell)
  in_host "$house/scripts/collect" --policy "$root/policy.toml" --root "$root" stop # its watch would put the rules back
  in_host nft delete table inet netguard
  rm -f "$permit"
  # One from before cellblocks had a permit: nothing keeps it from running.
  in_host docker run -d --name before --label com.docker.compose.project=cellblock --entrypoint sleep cellblock/vault:local 600
  run -0 in_host "$house/scripts/up" --inside-lab --policy "$root/policy.toml" --root "$root"
  [[ $output == *"no moat holds"* ]]
  run ! in_host docker inspect before
  [ "$(in_host docker inspect --format '{{.Id}}' cell)" != "$cell" ]
  [ -e "$permit" ]
  run -0 ours netguard verify
}

@test "a second up changes nothing that runs" {
  before=$(in_host docker ps -q --no-trunc | sort)
  run -0 in_host "$house/scripts/up" --inside-lab --policy "$root/policy.toml" --root "$root"
  [ "$(in_host docker ps -q --no-trunc | sort)" = "$before" ]
}

@test "an up with a changed policy makes anew who reads it inside, leaves the cell alone, and its rules stay" {
  ids() { in_host docker inspect --format '{{.Name}} {{.Id}}' monitor warden cell vault | sort; }
  before=$(ids)
  # As an editor does it: a new file in the old one's place, which a file that is mounted alone never shows.
  sed 's/"special-purpose", "on-link"/&, "45.33.7.0\/24"/' "$root/policy.toml" >"$root/policy.new"
  from cell http 45.33.7.30
  mv "$root/policy.new" "$root/policy.toml"
  run -0 in_host "$house/scripts/up" --inside-lab --policy "$root/policy.toml" --root "$root"
  [ "$(comm -23 <(echo "$before") <(ids) | cut -d' ' -f1 | tr '\n' ' ')" = "/monitor /warden " ]
  in_host docker exec warden grep -q 45.33.7.0 /etc/cellblock/policy.toml
  # Who keeps the moat is another by now: what it loads again are the new rules.
  in_host nft delete table inet netguard
  for _ in {1..100}; do ! in_host nft list table inet netguard >/dev/null 2>&1 || break; sleep 0.1; done
  run -0 ours netguard verify
  blocked cell http 45.33.7.30
}

# As after a power cut: the engine, what collects, the rules, the permit and the share's mount are gone, the containers ended.
power_cut() {
  local permit ids
  permit=$(ours sandboxctl render paths | jq -r .permit)
  mapfile -d '' -t dockerd <"/proc/$(cat "$state/docker.pid")/cmdline"
  mapfile -t ids < <(in_host docker ps -q)
  in_host docker kill "${ids[@]}" >/dev/null
  pkill -KILL -g "$(cat "$root/audit/collect/pid")"
  kill -KILL "$(cat "$state/docker.pid")"
  in_host nft delete table inet netguard
  umount "$root/sandbox_data/share"
  rm -f "$permit"
}

@test "where no systemd runs, the @reboot line of crontab.example brings all of it back after a power cut, and waits for Docker" {
  local line home=$BATS_TEST_TMPDIR/home began job
  line=$(sed -n 's/^# @reboot  *root  *//p' "$house/scripts/crontab.example")
  [[ $line == /opt/cellblock/scripts/up\ * ]]
  [ ! -e /opt/cellblock ] || skip "this machine has an /opt/cellblock of its own"
  # A checkout in the lab's root, so that all it keeps is the lab's; its programs where root's are.
  cp -R "$house"/{Cargo.toml,scripts,compose} "$root/"
  cp "$root/policy.toml" "$root/compose/policy.toml"
  mkdir -p "$home/.cache/cellblock"
  ln -s "$CARGO_TARGET_DIR" "$home/.cache/cellblock/target"
  ln -s "$root" /opt/cellblock
  power_cut
  began=$(date -u +%FT%TZ)
  # What cron gives to a job of root's; DOCKER_HOST for the lab's engine, as a line of a crontab may have it.
  in_host env -i HOME="$home" LOGNAME=root SHELL=/bin/sh PATH=/usr/bin:/bin "DOCKER_HOST=unix://$state/docker.sock" "LAB_NAME=${LAB_NAME:-cellblock}" \
    /bin/sh -c "$line" >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- &
  job=$!
  sleep 3
  kill -0 "$job" # it waits
  in_host setsid "${dockerd[@]}" >>"$state/dockerd.log" 2>&1 </dev/null 3>&- &
  wait "$job" || { cat "$BATS_TEST_TMPDIR/said"; return 1; }
  rm /opt/cellblock
  # It ended with 0: up, and proved.
  [ "$(in_host docker ps -q --filter health=healthy | wc -l)" = 6 ]
  run -0 ours netguard verify
  run -0 in_host "$house/scripts/collect" --policy "$root/policy.toml" --root "$root" status
  [ "$(grep -n "'netguard' 'apply'" "$BATS_TEST_TMPDIR/said" | cut -d : -f 1)" -lt "$(grep -n "'compose' 'up'" "$BATS_TEST_TMPDIR/said" | head -n 1 | cut -d : -f 1)" ]
  for _ in {1..100}; do ! ours auditdb events --since "$began" --action moat-watched | grep -q moat-watched || break; sleep 0.1; done
  run -0 ours auditdb events --since "$began" --action moat-watched
  [[ $output == *moat-watched* ]]
}

@test "down leaves nothing in the lab's host: no container, network, rule or mount" {
  local permit shown
  permit=$(ours sandboxctl render paths | jq -r .permit)
  [ -f "$permit" ]
  # From its first step on Docker starts none of ours again, whoever asks: before any is stopped.
  run -0 in_host "$house/scripts/down" --dry-run --policy "$root/policy.toml" --root "$root"
  shown=$(grep -n -e "$permit" -e "^+ 'docker' 'stop'" <<<"$output" | head -n 1)
  [[ $shown == *"'rm' '-f'"*"$permit"* ]]
  [[ $output == *"'docker' 'stop'"* ]]
  [ -f "$permit" ]
  run -0 in_host "$house/scripts/down" --purge --policy "$root/policy.toml" --root "$root"
  [ ! -e "$permit" ]
  [ -z "$(in_host docker ps -aq)" ]
  [ -z "$(in_host docker network ls -q --filter label=cellblock.network)" ]
  [ -z "$(in_host docker volume ls -q --filter label=com.docker.compose.project=cellblock)" ]
  run ! in_host nft list table inet netguard
  run ! findmnt "$root/sandbox_data/share"
  run -0 in_host "$house/scripts/down" --policy "$root/policy.toml" --root "$root"
}

@test "a network of somebody's that lies over ours stops up before anything is made, and it says what to change" {
  in_host docker network create --subnet 172.30.0.0/16 mine
  run -2 in_host "$house/scripts/up" --inside-lab --policy "$root/policy.toml" --root "$root"
  in_host docker network rm mine
  [[ $output == *"is on 172.30.0.1/16, which lies over 172.30."*"give the networks other subnets under [networks] in $root/policy.toml"* ]]
  [ -z "$(in_host docker ps -aq)" ]
  run ! in_host nft list table inet netguard
}
