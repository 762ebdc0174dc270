#!/usr/bin/env bats
# The kernel knows a pair of addresses that all rules let by for some seconds. Its packets pass by one rule. What that
# could be good for to a prisoner is tried here. Each pair is put there by hand, to stay, so that no test depends on how
# fast the machine is. The lab is netguard's.

bats_require_minimum_version 1.5.0
load ../worlds/netguard/world.bash

setup_file() {
  build_world
  "$LAB" docker network connect netguard-free netguard-control 2>/dev/null || true
}
teardown_file() { leave_world; }
setup() { guard apply >/dev/null; }
teardown() {
  ip -n "$LAB_NAME-host" address delete 4.4.4.4/32 dev lan0 2>/dev/null || true
  ip -n "$LAB_NAME-host" address delete 2a00:44::4/128 dev lan0 2>/dev/null || true
  ip -n "$LAB_NAME-host" address delete 4.4.7.2/24 dev lan0 2>/dev/null || true
  [ -z "${WATCHER:-}" ] || kill "$WATCHER" 2>/dev/null || true
}

# The address of a container on the first network it joined.
address4() { "$LAB" docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' "$1" | cut -d' ' -f1; }
address6() { "$LAB" docker inspect --format '{{range .NetworkSettings.Networks}}{{.GlobalIPv6Address}} {{end}}' "$1" | cut -d' ' -f1; }
# Addresses of IPv4 are plain numbers there: bits of a header, which nft knows no other name for.
known() {
  local source=$3 destination=$4
  if [ "$1" = judged4 ]; then source=$(number "$source") destination=$(number "$destination"); fi
  on_host nft add element inet netguard "$1" "{ \"$2\" . $source . $destination timeout 1h }"
}
number() { local IFS=.; local -a part; read -ra part <<<"$1"; echo "$(((part[0] << 24) + (part[1] << 16) + (part[2] << 8) + part[3]))"; }
pairs() {
  on_host nft -j list set inet netguard "$1" | jq -r 'def dotted: [16777216, 65536, 256, 1] as $of | . as $n | [$of[] | ($n / . | floor) % 256 | tostring] | join(".");
    .nftables[].set.elem? // [] | .[].elem.val.concat | [.[0], (.[1:][] | if type == "number" then dotted else . end)] | join(" ")'
}
# Without one of the rules, by its chain and id.
without() {
  local handle
  handle=$(on_host nft -a list chain inet netguard "$1" | sed -n "s|.* comment \"$2\" # handle ||p")
  on_host nft delete rule inet netguard "$1" handle "$handle"
}
counted() { on_host nft -j list chain inet netguard "$1" | jq --arg id "$2" '[.nftables[].rule? | select(.comment == $id) | .expr[].counter?.packets // empty] | add // 0'; }

@test "what reached the internet is known, in both families, and only that" {
  reached netguard-open tcp 8.8.8.8 22
  reached netguard-open tcp 2606:4700:4700::1111 22
  not_reached netguard-open tcp 192.168.77.10 445
  not_reached netguard-open tcp 2001:db8:77::10 445
  not_reached netguard-sealed tcp 8.8.8.8 22
  recorded netguard-sealed 22
  [[ $(pairs judged4) == *"br-cell $(address4 netguard-open) 8.8.8.8"* ]]
  [[ $(pairs judged6) == *"br-cell $(address6 netguard-open) 2606:4700:4700::1111"* ]]
  [[ $(pairs judged4) != *br-monitor* && $(pairs judged4) != *192.168.77.10* && $(pairs judged6) != *2001:db8:77::10* ]]
  # The bits where IPv4 has its addresses are the sender's to choose in IPv6: they make no pair of IPv4.
  [ "$(pairs judged4 | grep -vc '^br-cell 172\.30\.1\.')" = 0 ]
}

@test "a pair is forgotten after seconds, and its packets meet every rule again" {
  local before tries
  reached netguard-open tcp 8.8.8.8 22
  before=$(counted net-cell cell/internet)
  for ((tries = 0; tries < 60; tries++)); do
    [[ $(pairs judged4) != *8.8.8.8* ]] && break
    sleep 1
  done
  reached netguard-open tcp 8.8.8.8 22
  [ "$(counted net-cell cell/internet)" -gt "$before" ]
}

@test "a known destination that becomes the host's own is refused, with the ports that Docker publishes there" {
  local own4 own6
  own4=$(address4 netguard-open) own6=$(address6 netguard-open)
  reached netguard-open tcp 4.4.4.4 22
  reached netguard-open tcp 2a00:44::4 22
  on_host nft flush set inet netguard judged4
  on_host nft flush set inet netguard judged6
  known judged4 br-cell "$own4" 4.4.4.4
  known judged6 br-cell "$own6" 2a00:44::4
  ip -n "$LAB_NAME-host" address add 4.4.4.4/32 dev lan0
  ip -n "$LAB_NAME-host" address add 2a00:44::4/128 dev lan0 nodad
  reached netguard-control tcp 4.4.4.4 22
  reached netguard-control tcp 2a00:44::4 22
  reached netguard-control http 4.4.4.4 18080
  not_reached netguard-open tcp 4.4.4.4 22
  not_reached netguard-open udp 4.4.4.4 123
  not_reached netguard-open ping 4.4.4.4
  not_reached netguard-open http 4.4.4.4 18080
  not_reached netguard-open tcp 2a00:44::4 22
  # Without the rules about the host it would answer: the pair does not keep what they refuse.
  without net-cell cell/host
  without host-cell cell/host/rest
  reached netguard-open tcp 4.4.4.4 22
}

@test "a connection to a known destination that becomes the host's own ends there" {
  local own4
  own4=$(address4 netguard-open)
  ip -n "$LAB_NAME-host" address add 4.4.4.4/32 dev lan0
  known judged4 br-cell "$own4" 4.4.4.4
  # As if it had begun before: who opens one is asked in prerouting.
  without prerouting cell/out
  without prerouting outside/source4
  not_reached netguard-open tcp 4.4.4.4 22
  not_reached netguard-open http 4.4.4.4 18080
  [ "$(counted host-cell cell/host/rest)" -gt 0 ]
  without host-cell cell/host/rest
  reached netguard-open tcp 4.4.4.4 22
}

@test "a pair of one network is worth nothing on another, nor to another source" {
  known judged4 br-cell "$(address4 netguard-sealed)" 8.8.8.8
  known judged4 br-cell "$(address4 netguard-peer)" 192.168.77.10
  known judged4 br-free "$(address4 netguard-sealed)" 8.8.4.4
  not_reached netguard-sealed tcp 8.8.8.8 22
  not_reached netguard-sealed tcp 8.8.4.4 22
  not_reached netguard-open tcp 192.168.77.10 445
  # Nor to whom it is about, as long as a new connection is asked where it comes in.
  not_reached netguard-peer tcp 192.168.77.10 445
  without prerouting cell/out
  without prerouting outside/source4
  not_reached netguard-open tcp 192.168.77.10 445
  reached netguard-peer tcp 192.168.77.10 445
}

@test "a pair of another network's is worth nothing to the sealed one, which reaches what it names without the moat (control)" {
  known judged4 br-cell "$(address4 netguard-sealed)" 8.8.8.8
  known judged4 br-free "$(address4 netguard-sealed)" 8.8.8.8
  sealed_by_the_moat_alone tcp 8.8.8.8 22
}

@test "verify names a pair that the rules refuse or that stays, and apply forgets it" {
  holds
  known judged4 br-cell "$(address4 netguard-open)" 192.168.77.10
  run defects
  [ "$output" = "set-verified Set judged4." ] || { echo "$output" >&2; false; }
  guard apply >/dev/null
  not_reached netguard-open tcp 192.168.77.10 445
  holds
  known judged4 br-cell "$(address4 netguard-open)" 8.8.8.8
  run defects
  [[ $output == *judged4* ]]
  guard apply >/dev/null
  holds
}

@test "what the policy denies from now on is forgotten with the load that denies it" {
  reached netguard-open tcp 8.8.4.4 22
  on_host nft flush set inet netguard judged4
  known judged4 br-cell "$(address4 netguard-open)" 8.8.4.4
  policy_with 's/"on-link"\]/"on-link", "8.8.4.0\/24"]/'
  guard apply >/dev/null
  not_reached netguard-open tcp 8.8.4.4 22
  policy_with ''
}

@test "a network that the host joins is denied to those who knew addresses there" {
  start "$BATS_TEST_TMPDIR/watch" watch
  await_line "$BATS_TEST_TMPDIR/watch" '.event.action == "moat-watched"'
  reached netguard-open tcp 4.4.7.10 22
  on_host nft flush set inet netguard judged4
  known judged4 br-cell "$(address4 netguard-open)" 4.4.7.10
  ip -n "$LAB_NAME-host" address add 4.4.7.2/24 dev lan0
  await_told "$BATS_TEST_TMPDIR/watch" moat-restored 1
  local tries
  for ((tries = 0; tries < 200; tries++)); do
    on_host nft list set inet netguard onlink4 | grep -qF 4.4.7 && break
    sleep 0.1
  done
  [[ $(pairs judged4) != *4.4.7.10* ]]
  not_reached netguard-open tcp 4.4.7.10 22
}

@test "a set of known pairs that is full costs speed and lets nothing by" {
  python3 -c 'print("add element inet netguard judged4 {", ", ".join(f"1 . 1 . {n} timeout 1h" for n in range(16384)), "}")' >"$BATS_TEST_TMPDIR/full"
  on_host nft flush set inet netguard judged4
  on_host nft -f "$BATS_TEST_TMPDIR/full"
  local before
  before=$(counted net-cell cell/internet)
  reached netguard-open tcp 8.8.8.8 22
  [ "$(counted net-cell cell/internet)" -gt "$((before + 1))" ]
  not_reached netguard-open tcp 192.168.77.10 445
  [[ $(pairs judged4) != *8.8.8.8* ]]
}
