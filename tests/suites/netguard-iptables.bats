#!/usr/bin/env bats
# The moat without nft: the same attack table, holes, findings and removal with iptables and ipset. Both of
# iptables' variants are tried, while Docker uses the nft one. In a lab of its own, as netguard.bats.
# shellcheck disable=SC2030,SC2031  # each test runs in a process of its own, and that is meant

bats_require_minimum_version 1.5.0
load ../worlds/netguard/world.bash
export BACKEND=iptables

setup_file() {
  build_world
  # Programs find out by their own name what they are to be.
  mkdir -p "$BATS_FILE_TMPDIR/legacy"
  local name
  for name in iptables-restore ip6tables-restore iptables-save ip6tables-save; do
    ln -s "$(command -v xtables-legacy-multi)" "$BATS_FILE_TMPDIR/legacy/$name"
  done
}
teardown_file() {
  local path
  for path in "$PATH" "$BATS_FILE_TMPDIR/legacy:$PATH"; do PATH=$path guard remove --force >/dev/null || true; done
  leave_world
}
setup() { guard apply >/dev/null; }
teardown() {
  [ -z "${WATCHER:-}" ] || { kill "$WATCHER" 2>/dev/null && wait "$WATCHER"; } || true
}

# Everything of the kernel's that the moat could have left behind.
leavings() { on_host iptables-save; on_host ip6tables-save; on_host iptables-legacy-save; on_host ip6tables-legacy-save; on_host ipset list -name; }

@test "every row of the attack table comes out the same with iptables' nft variant" {
  attack_table
}

@test "every row of the attack table comes out the same with iptables' legacy variant" {
  on_host iptables-legacy -t mangle -S >/dev/null || skip "this kernel is built without the tables of legacy iptables"
  guard remove --force >/dev/null
  local PATH="$BATS_FILE_TMPDIR/legacy:$PATH"
  run -0 guard apply
  run -0 on_host iptables-legacy-save -t mangle
  [[ $output == *netguard-net-cell* ]]
  holds
  attack_table
  run -0 guard remove --force
  run -0 leavings
  [[ $output != *netguard-* ]]
}

@test "what nft would answer, as netguard.bats shows, vanishes here: in iptables' mangle nobody can answer" {
  for target in 192.168.77.10 2001:db8:77::10; do
    run -0 inside netguard-open "$SUITE/refused.py" tcp "$target" 4545
    [ "${output% *}" = silence ]
  done
}

@test "verify passes on what apply loaded, and apply twice changes nothing" {
  apply_twice_changes_nothing
}

@test "verify names the rule that is missing, the one that is new, the set, and who stands before us" {
  on_host iptables -t mangle -D netguard-net-cell -m addrtype --dst-type LOCAL,BROADCAST,ANYCAST,MULTICAST -m comment --comment cell/host -g netguard-refuse-cell
  [ "$(defects)" = "rule-verified cell/host" ]
  guard apply >/dev/null
  on_host ip6tables -t mangle -I netguard-net-cell -j ACCEPT
  [[ $(defects) == "stranger-found "*"of chain net-cell"* ]]
  guard apply >/dev/null
  on_host ipset del netguard-special4 10.0.0.0/8
  [[ $(defects) == "set-verified Set special4." ]]
  guard apply >/dev/null
  on_host iptables -t mangle -I PREROUTING -i br-cell -j ACCEPT
  [[ $(defects) == "chain-verified Chain prerouting."* ]]
  # What does so in one chain leaves the other, where the packet goes on.
  not_reached netguard-open tcp 192.168.77.10 445
  on_host iptables -t mangle -I FORWARD -i br-cell -j ACCEPT
  reached netguard-open tcp 192.168.77.10 445
  guard apply >/dev/null
  not_reached netguard-open tcp 192.168.77.10 445
  holds
  on_host iptables -t mangle -D PREROUTING -i br-cell -j ACCEPT
  on_host iptables -t mangle -D FORWARD -i br-cell -j ACCEPT
}

@test "after another program flushed the table, verify fails on every rule of it, and apply mends" {
  on_host iptables -t mangle -F
  on_host ip6tables -t mangle -F
  reached netguard-open tcp 192.168.77.10 445
  run -1 guard verify --format jsonl
  [ "$(jq -s '[.[] | select(.event.action == "rule-verified" and .event.outcome == "success")] | length' <<<"$output")" = 0 ]
  guard apply >/dev/null
  not_reached netguard-open tcp 192.168.77.10 445
}

@test "remove refuses while containers are on a guarded bridge, and leaves not one rule, chain or set when forced" {
  run -1 guard remove --format jsonl
  [[ $output == *br-cell* && $output == *br-monitor* ]]
  holds
  run -0 guard remove --force
  run -0 leavings
  [[ $output != *netguard* ]]
  reached netguard-open tcp 192.168.77.10 445
  run -0 guard remove
  run -1 guard verify
}

@test "a moat that nft or the other variant loaded is told, and remove leaves nothing of either" {
  on_host iptables-legacy -t mangle -S >/dev/null || skip "this kernel is built without the tables of legacy iptables"
  holds
  PATH="$BATS_FILE_TMPDIR/legacy:$PATH" guard apply >/dev/null
  [ "$(shadows | grep second-moat)" = "second-moat host" ]
  run -1 guard remove
  run -0 guard remove --force
  run -0 leavings
  [[ $output != *netguard* ]]
  guard apply >/dev/null
  holds
  BACKEND=nft guard apply >/dev/null
  [ "$(shadows | grep second-moat)" = "second-moat host" ]
  BACKEND=auto guard remove --force >/dev/null
  run -0 leavings
  [[ $output != *netguard* ]]
  run ! on_host nft list table inet netguard
}

# A rule that only nft has words for, in the table that is iptables's: iptables tells of none at all then, and calls it
# a success.
@test "a table that iptables cannot read is no moat, and nothing is piled up in it" {
  on_host nft add rule ip mangle PREROUTING ip saddr 10.9.9.9 notrack
  run -2 guard verify
  [[ $output == *"iptables cannot say"* ]]
  run -2 guard apply
  not_reached netguard-open tcp 192.168.77.10 445
  [ "$(on_host nft list chain ip mangle PREROUTING | grep -c 'jump netguard-prerouting')" = 1 ]
  on_host nft delete table ip mangle
  guard apply >/dev/null
  holds
}

@test "a hole is one address, one port, one protocol" {
  policy_with 's/^allow = .*/allow = ["cell 192.168.77.10:53\/udp", "cell [2001:db8:77::10]:445\/tcp"]/'
  guard apply >/dev/null
  holds
  reached netguard-open dns 192.168.77.10
  reached netguard-open tcp 2001:db8:77::10 445
  not_reached netguard-open dns-tcp 192.168.77.10
  not_reached netguard-open udp 192.168.77.10 54
  not_reached netguard-open tcp 2001:db8:77::10 446
  not_reached netguard-sealed dns 192.168.77.10
  policy_with ''
}

@test "what the sealed network is refused gets through without the moat (control)" {
  sealed_by_the_moat_alone tcp 8.8.8.8 22
  sealed_by_the_moat_alone dns 192.168.77.10
}

# Sends to 200 ports of the NAS, and prints how many answered.
many() {
  inside "$1" python3 -c '
import select, socket
socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(200)]
for port, sock in enumerate(socks, 20000):
    sock.connect(("192.168.77.10", port))
    sock.send(b"anybody?")
answered = set()
while ready := select.select([sock for sock in socks if sock not in answered], [], [], 2)[0]: answered.update(ready)
print(len(answered))'
}

# The kernel keeps a set in parts: some parts of a full set have room for some more flows. So the kernel
# records some of many new flows, and some it does not.
@test "a set of denied flows that is full lets nothing by" {
  seq 20000 | awk '{ printf "add netguard-flows4-cell 172.30.1.2,tcp:9,10.0.%d.%d\n", $1 / 256, $1 % 256 }' >"$BATS_TEST_TMPDIR/full"
  run -1 on_host ipset -exist restore <"$BATS_TEST_TMPDIR/full"
  [[ $output == *full* ]]
  sed 's/flows4/other4/' "$BATS_TEST_TMPDIR/full" >"$BATS_TEST_TMPDIR/other"
  run -1 on_host ipset -exist restore <"$BATS_TEST_TMPDIR/other"
  [[ $output == *full* ]]
  [ "$(many netguard-control)" -gt 100 ]
  [ "$(many netguard-open)" = 0 ]
  not_reached netguard-open ping 192.168.77.10
  [ "$(on_host ipset save netguard-flows4-cell | grep -c ',udp:20[01]..,192.168.77.10 ')" -lt 200 ]
  on_host ipset flush netguard-flows4-cell
  on_host ipset flush netguard-other4-cell
  [ "$(many netguard-open)" = 0 ]
  [ "$(on_host ipset save netguard-flows4-cell | grep -c ',udp:20[01]..,192.168.77.10 ')" = 200 ]
}

@test "an error message about a connection between the LAN and the host is no answer, and goes nowhere" {
  error_messages_are_no_answers
}

@test "explain and iptables agree on random addresses and on both sides of every boundary" {
  explain_and_kernel_agree
}

# 2948 flows an hour for each sender. How the kernel tells senders apart depends on its version: by
# hardware address or by the sender's own address, these are two.
@test "a flood of different flows hides the first of nobody else, on its network or on another, nor through a reload" {
  fresh_counts
  flood 20000
  guard apply >/dev/null
  flood 20000
  not_reached netguard-peer udp 192.168.77.10 777
  not_reached netguard-sealed udp 172.30.2.1 778
  recorded netguard-peer 777
  recorded netguard-sealed 778
  [ "$(held flows4-cell)" -ge 2900 ]
  [ "$(held flows4-cell)" -lt 3100 ]
  guard denied --format jsonl | jq -e -s 'any(.[]; .event.action == "flows-unrecorded" and .network.name == "cell" and .source.packets > 10000)'
  holds
}

@test "without the budget of each sender the same flood does take the room of its network, and no other (control)" {
  fresh_counts
  on_host iptables-save -t mangle | grep -v -- '-A netguard-refuse-cell .*refuse/spent-' | on_host iptables-restore -T mangle
  flood 30000
  not_reached netguard-sealed udp 172.30.2.1 778
  # The kernel keeps a set in parts, so that it is full before each of them is.
  [ "$(held flows4-cell)" -gt 12000 ]
  [ "$(many netguard-peer)" = 0 ]
  [ "$(on_host ipset save netguard-flows4-cell | grep -c '172.30.1.3,udp:20[01]..,192.168.77.10 ')" -lt 200 ]
  recorded netguard-sealed 778
  fresh_counts
}

@test "denied names the container, what it tried, how often, and why not; and a reload forgets nothing" {
  not_reached netguard-open udp 192.168.77.10 4321
  guard apply >/dev/null
  not_reached netguard-open udp 192.168.77.10 4321
  not_reached netguard-open ping 2a0a:77::10
  guard denied --format jsonl >"$BATS_TEST_TMPDIR/denied"
  jq -e -s 'any(.[]; .container.name == "netguard-open" and .destination.ip == "192.168.77.10" and .destination.port == 4321
    and .network.transport == "udp" and .network.name == "cell" and .source.packets == 2 and .rule.id == "cell/special4")' "$BATS_TEST_TMPDIR/denied"
  jq -e -s 'any(.[]; .destination.ip == "2a0a:77::10" and .network.transport == "ipv6-icmp" and .rule.id == "cell/onlink6")' "$BATS_TEST_TMPDIR/denied"
}

@test "a plan that the kernel refuses changes nothing, and leaves no set half made" {
  on_host ipset list -name >"$BATS_TEST_TMPDIR/sets"
  guard plan | jq -c 'if .rule.id == "cell/refuse/drop" then .cellblock.moat.rule.verdict = {goto: "net-cell"} else . end' >"$BATS_TEST_TMPDIR/loop"
  run -2 guard apply "$BATS_TEST_TMPDIR/loop"
  [[ $output == *"nothing was changed"* ]]
  holds
  on_host ipset list -name | diff "$BATS_TEST_TMPDIR/sets" -
}

@test "100,000 listed ranges, and half of everything twice, are denied and verified" {
  seq 0 99999 | awk '{ printf "8.%d.%d.%d/31\n", 32 + $1 / 8192, $1 / 32 % 256, $1 % 32 * 8 }' >"$BATS_TEST_TMPDIR/list"
  policy_with "s|\"on-link\"\]|\"on-link\", \"$BATS_TEST_TMPDIR/list\", \"::/0\"]|"
  run -0 guard apply --format jsonl
  [ "$(jq -s '[.[] | select(.event.action == "moat-applied")][0].cellblock.moat.tally.ranges' <<<"$output")" -gt 100000 ]
  holds
  not_reached netguard-open tcp 8.32.0.8 445
  not_reached netguard-open tcp 2606:4700:4700::1111 445
  reached netguard-open tcp 8.32.0.10 445
  policy_with ''
}

@test "a connection from before the rules ends with them, and one that they allow goes on" {
  only_allowed_connections_go_on
}

# What other programs do to the rules, one way a line; OLD is a file that iptables-save wrote before there was a moat.
watch_mends() {
  local way count=0
  start "$BATS_TEST_TMPDIR/watch" watch
  await_line "$BATS_TEST_TMPDIR/watch" '.event.action == "moat-watched"'
  while read -r way; do
    read -ra words <<<"$way"
    on_host "${words[@]}"
    count=$((count + 1))
    await_told "$BATS_TEST_TMPDIR/watch" moat-restored "$count"
    holds
  done
  [ "$count" -gt 0 ]
  not_reached netguard-open tcp 192.168.77.10 445
}

@test "watch brings the rules back after other programs took them, and follows the host's networks" {
  guard remove --force >/dev/null
  on_host iptables-save -t mangle >"$BATS_TEST_TMPDIR/old"
  guard apply >/dev/null
  watch_mends <<WAYS
iptables -t mangle -F
ip6tables -t mangle -D PREROUTING 1
iptables -t mangle -I netguard-net-cell -j RETURN
iptables -t mangle -I PREROUTING -j ACCEPT
iptables-restore $BATS_TEST_TMPDIR/old
nft delete table ip mangle
ipset flush
ipset add netguard-onlink4 1.2.3.4
WAYS
  ip -n "$LAB_NAME-host" address add 9.8.7.2/24 dev lan0
  await_line "$BATS_TEST_TMPDIR/watch" '.event.action == "moat-restored" and (.event.reason | contains("onlink4: 1 ranges are missing"))'
  ip -n "$LAB_NAME-host" address del 9.8.7.2/24 dev lan0
}

@test "watch brings the legacy variant's rules back too" {
  on_host iptables-legacy -t mangle -S >/dev/null || skip "this kernel is built without the tables of legacy iptables"
  guard remove --force >/dev/null
  local PATH="$BATS_FILE_TMPDIR/legacy:$PATH"
  guard apply >/dev/null
  watch_mends <<'WAYS'
iptables-legacy -t mangle -F
ip6tables-legacy -t mangle -D PREROUTING 1
ipset flush netguard-special4
WAYS
  kill "$WATCHER"
  wait "$WATCHER"
  WATCHER=
  guard remove --force >/dev/null
}

@test "where nft is not installed, iptables is what is found" {
  guard remove --force >/dev/null
  run -0 without_nft apply
  holds
  run -2 without_nft verify --backend nft
  [[ $output == *"nftables"* ]]
}

@test "without privilege every command says so, and nothing passes for verified" {
  run -2 on_host setpriv --bounding-set=-net_admin --inh-caps=-net_admin env CELLBLOCK_POLICY="$POLICY" "$NETGUARD" verify --backend iptables
  [[ $output == *root* ]]
}
