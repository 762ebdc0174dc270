#!/usr/bin/env bats
# netguard itself sends to the kernel what nft would have made of the same plan. That is all or nothing, and
# nobody needs it where it cannot be. In a network namespace of its own, where no packet ever is.

bats_require_minimum_version 1.5.0

readonly SPACE=netguard-tx
readonly TARGET=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/cellblock/target}
readonly NETGUARD=${NETGUARD:-$TARGET/release/netguard}
POLICY=$BATS_TEST_DIRNAME/../../compose/policy.toml

setup_file() {
  [ "$(id -u)" = 0 ] || { echo "this suite needs root, for a namespace" >&2; return 1; }
  [ -x "$NETGUARD" ] || { echo "$NETGUARD is missing: cargo build --release -p netguard" >&2; return 1; }
  ip netns del "$SPACE" 2>/dev/null || true
  ip netns add "$SPACE"
  # An nft that notes what it is asked, and how many of the listed ranges it is given.
  mkdir "$BATS_FILE_TMPDIR/bin"
  cat >"$BATS_FILE_TMPDIR/bin/nft" <<EOF
#!/usr/bin/env bash
set -euo pipefail
if [ "\${1:-}" = -f ]; then
  tee "$BATS_FILE_TMPDIR/input" | "$(command -v nft)" "\$@"
  echo "load \$(grep -o '8[.]8[.]4[.]0/24' "$BATS_FILE_TMPDIR/input" | wc -l)" >>"$BATS_FILE_TMPDIR/asked"
else
  exec "$(command -v nft)" "\$@"
fi
EOF
  chmod +x "$BATS_FILE_TMPDIR/bin/nft"
}

teardown_file() { ip netns del "$SPACE" 2>/dev/null || true; }

teardown() { [ -z "${WATCHER:-}" ] || kill "$WATCHER" 2>/dev/null || true; }

setup() {
  there nft flush ruleset
  : >"$BATS_FILE_TMPDIR/asked"
}

there() { nsenter --net="/run/netns/$SPACE" -- "$@"; }
guard() { there env "PATH=$BATS_FILE_TMPDIR/bin:$PATH" DOCKER_HOST=unix:///nowhere "$NETGUARD" --backend nft --policy "$POLICY" "$@"; }
# As under the systemd unit: no privilege to make a namespace.
confined() { there setpriv --bounding-set=-sys_admin env "PATH=$BATS_FILE_TMPDIR/bin:$PATH" "$NETGUARD" --backend nft --policy "$POLICY" "$@"; }
as_planned() { guard apply --check --format jsonl | jq -e -s 'length == 1'; }
# The rules, sets and ranges, without what differs from load to load.
listed() { there nft list table inet netguard; }

# The shipped policy, with changes: lines of sed.
policy_with() {
  POLICY=$BATS_TEST_TMPDIR/policy.toml
  sed -e "$1" "$BATS_TEST_DIRNAME/../../compose/policy.toml" >"$POLICY"
}

# A deny list with ranges at both ends of both families, beside each other, and single addresses.
with_ranges() {
  cat >"$BATS_TEST_TMPDIR/list.txt" <<EOF
8.8.4.0/24
8.8.5.0/25
0.0.0.0/32
0.0.0.2/31
1.1.1.1
255.255.255.255
255.255.255.252/31
::
::2/127
2a00:1::/32
2a00:2::1
ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127
ff00::/9
EOF
  policy_with "s/\"on-link\"\]/\"on-link\", \"list.txt\"]/; s/^allow = .*/allow = [\"cell 192.168.77.10:53\/udp\", \"cell [2001:db8:77::10]:445\/tcp\"]/"
}

# The same plan by way of both; what nft was given tells which way it was.
same_by_both() {
  guard apply >/dev/null
  listed >"$BATS_TEST_TMPDIR/by-us"
  as_planned
  there nft flush ruleset
  # Where nft had to load them, netguard says so, and why.
  [[ $(confined apply --format jsonl | jq -r 'select(.event.action == "moat-applied").event.reason') == *"by the program nft"*"ermi"* ]]
  listed >"$BATS_TEST_TMPDIR/by-nft"
  diff "$BATS_TEST_TMPDIR/by-us" "$BATS_TEST_TMPDIR/by-nft"
}

@test "what we send ourselves is listed as what nft loads of the same plan" {
  same_by_both
  grep -q 'chain net-cell' "$BATS_TEST_TMPDIR/by-us"
}

@test "so it is with holes, and with ranges at both ends of both families; and only one way gave nft the ranges" {
  with_ranges
  same_by_both
  grep -qE '8\.8\.4\.0/24, .*255\.255\.255\.255|255\.255\.255\.255' "$BATS_TEST_TMPDIR/by-us"
  [ "$(cat "$BATS_FILE_TMPDIR/asked")" = $'load 0\nload 1' ]
}

@test "a reload in place of other rules ends with the same, and sets that count stay as they were" {
  with_ranges
  guard apply >/dev/null
  listed >"$BATS_TEST_TMPDIR/first"
  there nft add element inet netguard flows4-cell '{ "br-cell" . 172.30.1.2 . 10.0.0.1 . tcp . 9 }'
  there nft add rule inet netguard net-cell accept
  there nft add chain inet netguard strange
  there nft delete element inet netguard listed4 '{ 8.8.4.0/24 }'
  run ! as_planned
  guard apply >/dev/null
  as_planned
  there nft list set inet netguard flows4-cell | grep -q 10.0.0.1
  there nft flush set inet netguard flows4-cell
  listed | diff <(sort "$BATS_TEST_TMPDIR/first") <(sort /dev/stdin)
  grep -q 'load 0' "$BATS_FILE_TMPDIR/asked"
  run ! grep -q 'load 1' "$BATS_FILE_TMPDIR/asked"
}

@test "the kernel holds exactly the ranges of random lists, as somebody else merges them" {
  local round
  with_ranges
  for round in {1..6}; do
    python3 - "$round" "$BATS_TEST_TMPDIR" <<'EOF'
import ipaddress, random, sys
seed, folder = int(sys.argv[1]), sys.argv[2]
random.seed(seed)
nets = []
for kind, bits in ((ipaddress.IPv4Network, 32), (ipaddress.IPv6Network, 128)):
    at = 0
    for _ in range(random.choice([0, 1, 2, 30, 300])):
        at = random.choice([random.getrandbits(bits), 0, 2**bits - 1, at, at ^ 1, (at + random.randint(0, 512)) % 2**bits])
        length = random.choice([bits, bits, bits - 1, random.randint(1, bits)])
        net = kind((at, length), strict=False)
        nets.append(net)
        at = int(net.broadcast_address)
open(f"{folder}/list.txt", "w").writelines(f"{net}\n" for net in nets)
for version in (4, 6):
    merged = ipaddress.collapse_addresses(net for net in nets if net.version == version)
    spans = sorted((int(net.network_address), int(net.broadcast_address)) for net in merged)
    open(f"{folder}/wanted{version}", "w").writelines(f"{first} {last}\n" for first, last in spans)
EOF
    guard apply >/dev/null
    for family in 4 6; do
      there nft -j list set inet netguard "listed$family" | python3 -c '
import ipaddress, json, sys
spans = []
for item in json.load(sys.stdin)["nftables"]:
    for one in item.get("set", {}).get("elem", []):
        if isinstance(one, str): first = last = ipaddress.ip_address(one)
        elif "prefix" in one:
            net = ipaddress.ip_network("%s/%d" % (one["prefix"]["addr"], one["prefix"]["len"])); first, last = net[0], net[-1]
        else: first, last = map(ipaddress.ip_address, one["range"])
        spans.append((int(first), int(last)))
for first, last in sorted(spans): print(first, last)
' | diff "$BATS_TEST_TMPDIR/wanted$family" -
    done
    as_planned
  done
  run ! grep -v 'load 0' "$BATS_FILE_TMPDIR/asked"
}

@test "what the kernel refuses changes nothing, and without the reason for it the same is loaded" {
  local owner
  coproc OWNER { there nft -i; }
  owner=$OWNER_PID
  echo 'add table inet netguard { flags owner; }; add chain inet netguard kept' >&"${OWNER[1]}"
  for _ in {1..100}; do there nft list table inet netguard 2>/dev/null | grep -q kept && break; sleep 0.1; done
  listed >"$BATS_TEST_TMPDIR/before"
  grep -q kept "$BATS_TEST_TMPDIR/before"
  run -2 guard apply
  [[ $output == *"nothing was changed"* ]]
  listed | diff "$BATS_TEST_TMPDIR/before" -
  echo quit >&"${OWNER[1]}"
  wait "$owner" || true
  for _ in {1..100}; do there nft list table inet netguard 2>/dev/null || break; sleep 0.1; done
  guard apply >/dev/null
  as_planned
}

@test "rules that others change all the time neither stop a load nor get into it" {
  local round noise
  with_ranges
  (exec 3>&-; while :; do there nft add table ip noise; there nft delete table ip noise; done) &
  noise=$!
  for round in {1..10}; do guard apply >/dev/null || { kill "$noise"; return 1; }; done
  kill "$noise"
  wait "$noise" || true
  as_planned
}

# Follows with netguard itself as the child.
follow() {
  : >"$BATS_TEST_TMPDIR/watch"
  nsenter --net="/run/netns/$SPACE" -- "$@" env "PATH=$BATS_FILE_TMPDIR/bin:$PATH" DOCKER_HOST=unix:///nowhere \
    "$NETGUARD" --backend nft --policy "$POLICY" watch --format jsonl >"$BATS_TEST_TMPDIR/watch" 2>"$BATS_TEST_TMPDIR/watch.err" 3>&- &
  WATCHER=$!
  await moat-watched 1
}

# Waits until there are so many records of an action; 30 s, for a busy machine.
await() {
  for _ in {1..300}; do
    [ "$(jq -s --arg action "$1" '[.[] | select(.event.action == $action)] | length' "$BATS_TEST_TMPDIR/watch")" -ge "$2" ] && return 0
    sleep 0.1
  done
  cat "$BATS_TEST_TMPDIR/watch" "$BATS_TEST_TMPDIR/watch.err" >&2
  return 1
}

# The rules are lost three times and come back whole. netguard asks nothing of nft but what it asked before.
back_without_nft() {
  local round
  cp "$BATS_FILE_TMPDIR/asked" "$BATS_TEST_TMPDIR/asked"
  for round in 1 2 3; do
    there nft flush ruleset
    await moat-restored "$round"
    as_planned
  done
  kill "$WATCHER"
  wait "$WATCHER"
  diff "$BATS_TEST_TMPDIR/asked" "$BATS_FILE_TMPDIR/asked"
}

@test "watch brings rules and ranges back with no nft that loads anything" {
  with_ranges
  seq 0 2999 | awk '{ printf "20.%d.%d.0/24\n", $1 / 128, $1 % 128 * 2 }' >>"$BATS_TEST_TMPDIR/list.txt"
  follow env
  back_without_nft
}

# The groups of the packet filter's news that somebody in the namespace hears, one socket a line.
ears() { there cat /proc/net/netlink | awk '$2 == 12 && $4 != "00000000"'; }

# Waits until something is so; 30 s.
until_so() {
  for _ in {1..300}; do "$@" && return 0; sleep 0.1; done
  return 1
}
nobody_listens() { [ -z "$(ears)" ]; }
# For two seconds after any change, so a change is made for each look.
somebody_listens() {
  there nft add table ip noise
  there nft delete table ip noise
  [ -n "$(ears)" ]
}

@test "watch listens only while something changes, and misses nothing when it does not" {
  follow env
  until_so nobody_listens
  there nft flush ruleset
  await moat-restored 1
  as_planned
  until_so nobody_listens
  there nft delete element inet netguard special4 '{ 10.0.0.0/8 }'
  await moat-restored 2
  as_planned
  until_so nobody_listens
  until_so somebody_listens
  kill "$WATCHER"
  wait "$WATCHER"
}

@test "watch brings them back so where it may make no namespace too, from the rules that stood" {
  with_ranges
  follow setpriv --bounding-set=-sys_admin
  [ "$(cat "$BATS_FILE_TMPDIR/asked")" = 'load 1' ]
  listed >"$BATS_TEST_TMPDIR/first"
  back_without_nft
  listed | diff "$BATS_TEST_TMPDIR/first" -
}
