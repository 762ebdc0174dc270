#!/usr/bin/env bats
# The moat holds: what the attack table tries from real containers gets nowhere. Every row of it gets
# through from a container beside the moat. The lab is one of its own, beside the shared one.

bats_require_minimum_version 1.5.0
load ../worlds/netguard/world.bash

setup_file() { build_world; }
teardown_file() { leave_world; }
setup() { guard apply >/dev/null; }

# What becomes of the refused, as the policy may have it; shipped is `reject`.
refuse_with() { policy_with "s/^refuse .*/refuse = \"$1\"/"; guard apply >/dev/null; }
answers() { [ "$(on_host nft list chain inet netguard refuse-cell | grep -c ' reject with ')" = "$1" ]; }

@test "every row of the attack table is stopped or let through as it says, and gets through from the control" {
  answers 4
  attack_table
}

@test "every row of the attack table ends the same where the refused vanish" {
  refuse_with drop
  answers 0
  attack_table
  policy_with ''
}

# What tells a sender of a refusal, and how many packets the rules of these names have met.
told() { inside netguard-open "$SUITE/refused.py" "$@"; }
met() {
  on_host nft -j list chain inet netguard refuse-cell |
    jq --arg word "$1" '[.nftables[].rule | select(.comment // "" | test("/refuse/(" + $word + ")")) | .expr[] | .counter.packets // empty] | add // 0'
}

@test "a refused packet of a member's own is answered within a second, by a reset or as prohibited, and counted all the same" {
  refuse_with drop
  run -0 told tcp 192.168.77.10 445
  [ "${output% *}" = silence ]
  refuse_with reject
  holds
  while read -r kind target said; do
    run -0 told "$kind" "$target" 4545
    echo "$kind $target: $output"
    [ "${output% *}" = "$said" ]
    [ "${output#* }" -lt 1000 ]
    grep -q "$target . $kind . 4545" <<<"$(on_host nft list table inet netguard)"
  done <<'ROWS'
tcp 192.168.77.10 ECONNREFUSED
udp 192.168.77.10 EHOSTUNREACH
tcp 192.168.77.2 ECONNREFUSED
tcp 2001:db8:77::10 ECONNREFUSED
udp 2001:db8:77::10 EACCES
ROWS
  run -0 told tcp 8.8.8.8 22
  [ "${output% *}" = answered ]
  policy_with ''
}

@test "no forged source is answered, nor a flood for longer than a moment" {
  local forged
  forged=$(printf 'forged\tforge\t192.168.77.10\t%s\n' 172.30.2.9 192.168.77.10 172.30.1.1)
  run -0 inside netguard-open "$SUITE/attack.py" 172.30.1.1 fd6c:6c62:1::1 <<<"$forged"
  [ "$(met drop)" -ge 3 ]
  [ "$(met 'reset|prohibited')" = 0 ]
  inside netguard-open "$SUITE/refused.py" flood 192.168.77.10 4546 2000
  echo "answered: $(met prohibited4), dropped: $(met drop)"
  [ "$(met prohibited4)" -ge 50 ]
  [ "$(met prohibited4)" -lt 1000 ]
  [ "$(met drop)" -ge 1000 ]
}

# Until a member's address on the link is its own (RFC 4862, 5.4), it asks from another. 20 s are for a busy machine.
settled() {
  local own
  for _ in {1..200}; do
    own=$(inside "$1" ip -6 -o address show scope link) && [ -n "$own" ] && [[ $own != *tentative* ]] && return 0
    sleep 0.1
  done
  return 1
}

# What the inspector finds from a member that can bend nothing: id and outcome, a line each.
inspected() {
  on_host env CELLBLOCK_POLICY="$POLICY" DOCKER_HOST="unix:///run/$LAB_NAME-lab/docker.sock" "PATH=${NETGUARD%/*}:$PATH" \
    egress-check run --container netguard-plain --network cell --control --format jsonl "$@" |
    jq -r 'select(.event.action == "probe-evaluated") | "\(.rule.id) \(.event.outcome)"' | LC_ALL=C sort
}

@test "the inspector finds the same whether the refused vanish or are told, and takes no reset for the moat's without its count" {
  box netguard-plain --network netguard-cell --cap-drop ALL
  settled netguard-plain
  inspected --moat >"$BATS_TEST_TMPDIR/told"
  inspected >"$BATS_TEST_TMPDIR/uncounted"
  refuse_with drop
  inspected --moat >"$BATS_TEST_TMPDIR/silent"
  policy_with ''
  # What the host saw of its neighbours meanwhile is asked too: the second run may have some more.
  LC_ALL=C join "$BATS_TEST_TMPDIR/silent" "$BATS_TEST_TMPDIR/told" >"$BATS_TEST_TMPDIR/both"
  [ "$(wc -l <"$BATS_TEST_TMPDIR/both")" -ge 150 ]
  if awk '$2 != $3' "$BATS_TEST_TMPDIR/both" | grep .; then return 1; fi
  [ "$(grep -c ' success$' "$BATS_TEST_TMPDIR/told")" -ge 100 ]
  [ "$(grep -c ' failure$' "$BATS_TEST_TMPDIR/told")" = 0 ]
  [ "$(grep -c ' unknown$' "$BATS_TEST_TMPDIR/uncounted")" -ge 50 ]
}

@test "in the proxied shape the cell reaches nothing, and the published port still answers on the host" {
  policy_with 's/^network .*/network = "proxied"/'
  guard apply >/dev/null
  not_reached netguard-open tcp 8.8.8.8 22
  not_reached netguard-open dns 9.9.9.9
  not_reached netguard-open tcp 192.168.77.10 445
  reached netguard-control tcp 8.8.8.8 22
  on_host curl -sf -m 3 -o /dev/null http://127.0.0.1:18081/
  policy_with ''
}

@test "a hole is one address, one port, one protocol" {
  policy_with 's/^allow = .*/allow = ["cell 192.168.77.10:53\/udp", "cell [2001:db8:77::10]:445\/tcp"]/'
  guard apply >/dev/null
  reached netguard-open dns 192.168.77.10
  reached netguard-open tcp 2001:db8:77::10 445
  not_reached netguard-open dns-tcp 192.168.77.10
  not_reached netguard-open udp 192.168.77.10 54
  not_reached netguard-open dns 192.168.77.1
  not_reached netguard-open udp 2001:db8:77::10 445
  not_reached netguard-open tcp 2001:db8:77::10 446
  not_reached netguard-open tcp 2001:db8:77::1 445
  not_reached netguard-sealed dns 192.168.77.10
  policy_with ''
}

@test "what was never asked is not taken for refused: by a container that is down, by none, or without a way out" {
  not_reached netguard-sealed tcp 8.8.8.8 22
  inside netguard-sealed ip route delete default
  run -1 not_reached netguard-sealed tcp 8.8.8.8 22
  [[ $output == *unreachable* ]]
  inside netguard-sealed ip route replace default via 172.30.2.1
  run -1 not_reached netguard-nobody tcp 8.8.8.8 22
  box netguard-ended --network netguard-cell
  "$LAB" docker stop -t 0 netguard-ended >/dev/null
  run -1 not_reached netguard-ended tcp 192.168.77.10 445
  run -1 not_reached netguard-control tcp 8.8.8.8 22
}

@test "what the sealed network is refused gets through without the moat (control)" {
  sealed_by_the_moat_alone tcp 8.8.8.8 22
  sealed_by_the_moat_alone dns 192.168.77.10
}

@test "a port that Docker publishes answers on the host, and not from the LAN" {
  on_host curl -sf -m 3 -o /dev/null http://127.0.0.1:18081/
  run -0 "$LAB" exec lan curl -sf -m 3 -o /dev/null http://192.168.77.2:18080/
  run ! "$LAB" exec lan curl -sf -m 3 -o /dev/null http://192.168.77.2:18081/
  guard remove --force >/dev/null
  run -0 "$LAB" exec lan curl -sf -m 3 -o /dev/null http://192.168.77.2:18081/
}

@test "members of one network reach each other" {
  inside netguard-open curl -sf -m 3 -o /dev/null http://172.30.1.3/
  inside netguard-open curl -sf -m 3 -o /dev/null 'http://[fd6c:6c62:1::3]/'
}

# Adds as many flows to a set as there is room for. Packets that are refused meanwhile take places too, so
# that no one transaction can be sure to fit: each is half of the one that did not.
fill() {
  local set=$1 count=16384 next=0
  while [ "$count" -ge 1 ]; do
    seq "$next" $((next + count - 1)) | awk -v set="$set" '{
      printf "add element inet netguard %s { \"br-cell\" . 172.30.1.2 . 10.%d.%d.%d . tcp . 9 }\n", set, $1 / 65536, $1 / 256 % 256, $1 % 256
    }' >"$BATS_TEST_TMPDIR/flows"
    if on_host nft -f "$BATS_TEST_TMPDIR/flows" 2>"$BATS_TEST_TMPDIR/full"; then next=$((next + count)); else count=$((count / 2)); fi
  done
  grep -q 'Too many open files in system' "$BATS_TEST_TMPDIR/full"
}

@test "a set of denied flows that is full lets nothing by" {
  # A port of its own: what an earlier test left half closed is sent again, and recorded, at any time.
  on_host nft flush set inet netguard flows4-cell
  fill flows4-cell
  not_reached netguard-open tcp 192.168.77.10 4455
  not_reached netguard-sealed tcp 8.8.8.8 23
  recorded netguard-sealed 23
  run -0 on_host nft list set inet netguard flows4-cell
  [[ $output != *"192.168.77.10 . tcp . 4455"* ]]
  on_host nft flush set inet netguard flows4-cell
  not_reached netguard-open tcp 192.168.77.10 4455
  run -0 on_host nft list set inet netguard flows4-cell
  [[ $output == *"192.168.77.10 . tcp . 4455"* ]]
}

@test "denied flows outlive a reload of the rules" {
  not_reached netguard-open udp 192.168.77.10 4242
  guard apply >/dev/null
  run -0 on_host nft list set inet netguard flows4-cell
  [[ $output == *"192.168.77.10 . udp . 4242"* ]]
}

@test "a connection from before the rules ends with them, and one that they allow goes on" {
  only_allowed_connections_go_on
  [ "$(jq -s '[.[] | select(.event.action == "connections-flushed")][0].cellblock.moat.tally.flushed' <<<"$output")" -ge 1 ]
}

@test "a connection that the LAN opened before the rules gets no more answers" {
  guard remove --force >/dev/null
  "$LAB" exec lan python3 -c '
import os, socket, sys, time
sock = socket.create_connection(("192.168.77.2", 18081), 3)
sock.settimeout(3)
sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")
print("open", flush=True)
while not os.path.exists(sys.argv[1]): time.sleep(0.05)
try:
    sock.sendall(b"\r\n"); print("answered", len(sock.recv(65536)) > 0)
except OSError: print("answered", False)
' "$BATS_TEST_TMPDIR/go" >"$BATS_TEST_TMPDIR/lan" 3>&- &
  for _ in {1..200}; do grep -q open "$BATS_TEST_TMPDIR/lan" && break; sleep 0.1; done
  grep -q open "$BATS_TEST_TMPDIR/lan"
  guard apply >/dev/null
  touch "$BATS_TEST_TMPDIR/go"
  wait
  grep -q 'answered False' "$BATS_TEST_TMPDIR/lan"
}

@test "verify passes on what apply loaded, and apply twice changes nothing" {
  apply_twice_changes_nothing
}

@test "verify names the rule that is missing, the one that is new, the order, the set and the hook" {
  local handle
  handle=$(on_host nft -a list chain inet netguard net-cell | sed -n 's/.*"cell\/host" # handle //p')
  on_host nft delete rule inet netguard net-cell handle "$handle"
  [ "$(defects)" = "rule-verified cell/host" ]
  guard apply >/dev/null
  on_host nft insert rule inet netguard net-cell accept
  [[ $(defects) == "stranger-found "*"rule 1 of chain net-cell"* ]]
  guard apply >/dev/null
  on_host nft delete element inet netguard special4 '{ 10.0.0.0/8 }'
  [[ $(defects) == "set-verified Set special4." ]]
  guard apply >/dev/null
  on_host nft add set inet netguard odd '{ type mark; }'
  [[ $(defects) == *"set odd"* ]]
  guard apply >/dev/null
  on_host nft flush chain inet netguard refuse-cell
  [[ $(defects) == *"cell/refuse/drop"* ]]
  guard apply >/dev/null
  holds
}

@test "verify fails on a table that is switched off, and apply switches it on" {
  on_host nft add table inet netguard '{ flags dormant; }'
  reached netguard-open tcp 192.168.77.10 445
  run -1 guard verify
  guard apply >/dev/null
  not_reached netguard-open tcp 192.168.77.10 445
  holds
}

@test "after another program flushed everything, verify fails on every rule, and apply --check changes nothing" {
  on_host nft delete table inet netguard
  run -1 guard verify --format jsonl
  [ "$(jq -s 'map(select(.event.outcome == "success" and (.event.action | endswith("-verified")))) | length' <<<"$output")" = 0 ]
  run -1 guard apply --check
  run ! on_host nft list table inet netguard
}

@test "verify without privilege says so, and is no pass" {
  run -2 on_host setpriv --bounding-set=-net_admin --inh-caps=-net_admin env CELLBLOCK_POLICY="$POLICY" "$NETGUARD" verify
  [[ $output == *root* ]]
}

@test "a plan through a pipe is the plan, and half of one is refused with nothing changed" {
  guard plan >"$BATS_TEST_TMPDIR/plan"
  on_host nft delete table inet netguard
  head -n 20 "$BATS_TEST_TMPDIR/plan" >"$BATS_TEST_TMPDIR/plan.cut"
  run -2 guard apply "$BATS_TEST_TMPDIR/plan.cut"
  run ! on_host nft list table inet netguard
  guard apply - <"$BATS_TEST_TMPDIR/plan" >/dev/null
  holds
}

@test "a plan that says what the kernel refuses changes nothing" {
  guard plan | jq -c 'if .rule.id == "cell/refuse/drop" then .cellblock.moat.rule.verdict = {goto: "net-cell"} else . end' >"$BATS_TEST_TMPDIR/loop"
  run -2 guard apply "$BATS_TEST_TMPDIR/loop"
  [[ $output == *"nothing was changed"* ]]
  holds
}

@test "remove refuses while containers are on a guarded bridge, and leaves not one rule when forced" {
  run -1 guard remove --format jsonl
  [[ $output == *br-cell* && $output == *br-monitor* ]]
  holds
  run -0 guard remove --force
  run ! on_host nft list table inet netguard
  run -0 guard remove
}

@test "a network that appears later is denied from the next apply on" {
  ip -n "$LAB_NAME-host" address add 9.8.7.2/24 dev lan0
  ip -n "$LAB_NAME-lan" address add 9.8.7.10/24 dev lan0
  run -1 guard verify
  guard apply >/dev/null
  not_reached netguard-open tcp 9.8.7.10 445
  reached netguard-control tcp 9.8.7.10 445
  ip -n "$LAB_NAME-host" address del 9.8.7.2/24 dev lan0
  ip -n "$LAB_NAME-lan" address del 9.8.7.10/24 dev lan0
}
