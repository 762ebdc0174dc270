#!/usr/bin/env bats
# A kernel that was booted with ipv6.disable=1, as far as it shows in /proc: there are no settings of IPv6. Everything is
# made of IPv4 alone then, and says so. This kernel has IPv6; what sockets do without it takes another boot.

bats_require_minimum_version 1.5.0
load ../worlds/world.bash

setup() { cp "$house/compose/policy.toml" "$BATS_TEST_TMPDIR/policy.toml"; }

# A command in a network namespace of its own, whose /proc shows IPv4 and no IPv6.
without_ipv6() {
  # shellcheck disable=SC2016  # expanded by the bash inside
  unshare --net --mount -- bash -c '
    aside=$1; shift
    mkdir -p "$aside"; mount --bind /proc/sys/net/ipv4 "$aside"
    mount -t tmpfs -o mode=755 none /proc/sys/net; mkdir /proc/sys/net/ipv4
    mount --bind "$aside" /proc/sys/net/ipv4
    exec "$@"' - "$BATS_TEST_TMPDIR/aside" "$@"
}
rendered() { sandboxctl render "$@" --policy "$BATS_TEST_TMPDIR/policy.toml" --root "$BATS_TEST_TMPDIR"; }
export -f rendered
guarded() { "$CARGO_TARGET_DIR/release/netguard" --policy "$BATS_TEST_TMPDIR/policy.toml" --root "$BATS_TEST_TMPDIR" "$@"; }
export -f guarded

@test "networks and services are rendered with IPv4 alone; with IPv6 where there is some (control)" {
  local what
  for what in 'networks --engine 26.1.5' 'networks --engine 28.5.2' compose; do
    # shellcheck disable=SC2086  # words
    run -0 rendered $what
    [[ $output == *fd6c:6c62:* ]]
    # shellcheck disable=SC2086
    run -0 without_ipv6 bash -c "rendered $what"
    [[ $output != *fd6c:6c62:* ]]
    [[ $output != *ipv6* ]]
    [[ $output == *172.30.* ]]
  done
}

@test "the gate listens on IPv4 alone" {
  run -0 without_ipv6 bash -c 'rendered nginx'
  [[ $output == *"listen 172.30."* ]]
  [[ $output != *"listen ["* ]]
  run -0 rendered nginx
  [[ $output == *"listen [fd6c:"* ]]
}

@test "the moat is loaded and verified, nothing of it is left unknown, and what is not there is said" {
  # shellcheck disable=SC2016  # expanded by the bash inside
  run -0 --separate-stderr without_ipv6 bash -c 'ip link add br-cell type bridge && guarded apply --format jsonl && { guarded verify --format jsonl || [ $? = 3 ]; }'
  [[ $stderr == *"this kernel has no IPv6 (ipv6.disable=1)"* ]]
  jq -e -s 'all(.[] | select(.event.action | endswith("-verified")); .event.outcome == "success")
    and ([.[] | select(.rule.id | IN("redirects", "router-advertisements", "forward-policy", "source-route"))] | length > 3 and all(.event.outcome == "success"))' <<<"$output"
}

@test "up says it in one sentence, before it makes anything" {
  run -0 without_ipv6 "$house/scripts/up" --dry-run --policy "$BATS_TEST_TMPDIR/policy.toml" --root "$BATS_TEST_TMPDIR"
  [ "$(grep -c '^up: this kernel has no IPv6 (ipv6.disable=1): every network is made with IPv4 alone' <<<"$output")" = 1 ]
  [[ ${output%%"up: this kernel has no IPv6"*} != *"'install'"* ]]
  [[ $output == *"'docker' 'network' 'create'"* ]]
  [[ $output != *"'--ipv6'"* ]]
}

@test "where IPv6 is off by sysctl alone everything is made with it, as ever" {
  # shellcheck disable=SC2016
  run -0 --separate-stderr unshare --net -- bash -c 'sysctl -q -w net.ipv6.conf.all.disable_ipv6=1; ip link set lo up
    rendered networks --engine 26.1.5; guarded apply --format jsonl; guarded verify --format jsonl || [ $? = 3 ]'
  [[ $output == *'"--ipv6"'* ]]
  [[ $stderr != *"no IPv6"* ]]
  grep -v '"definition"' <<<"$output" | jq -e -s 'all(.[] | select(.event.action | endswith("-verified")); .event.outcome == "success")'
}
