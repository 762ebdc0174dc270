# What the suites of the inspector stand on: the lab, a container on a network of the shipped policy's shape, and one
# on an internal network. Then a small moat of their own, and words for what they expect. Loaded by the suites.
# shellcheck shell=bash source-path=SCRIPTDIR
# shellcheck disable=SC2154  # output is set by run, the rest by the world

# shellcheck source=../world.bash
source "${BASH_SOURCE[0]%/*}/../world.bash"

setup_file() {
  [ "$(id -u)" = 0 ] || { echo "the lab needs root" >&2; return 1; }
  image=${BASE_IMAGE:-$("$house/scripts/setup" | sed -n 's/^BASE_IMAGE=//p')}
  export image
  command -v egress-check >/dev/null || { echo "egress-check is not built: cargo build --release" >&2; return 1; }
  "$lab" up 3>&-
  "$lab" load "$image" 3>&-
  teardown
  cleanup
  # The shipped policy, for containers and bridges of these tests' own.
  sed -e 's/172\.30\./172.31./; s/fd6c:6c62:/fd6c:6c63:/; s/"br-/"ec-/; s/^container = "cell"/container = "egress-check-cell"/' \
    "$house/compose/policy.toml" >"$BATS_FILE_TMPDIR/policy.toml"
  export CELLBLOCK_POLICY=$BATS_FILE_TMPDIR/policy.toml
  docker network create --ipv6 --subnet 172.31.1.0/24 --subnet fd6c:6c63:1::/64 -o com.docker.network.bridge.name=ec-cell egress-check-cell >/dev/null
  docker network create --subnet 172.31.2.0/24 --internal -o com.docker.network.bridge.name=ec-monitor egress-check-monitor >/dev/null
  start egress-check-cell --cap-drop ALL --network egress-check-cell --dns 9.9.9.9
  start monitor-egress-check --cap-drop ALL --network egress-check-monitor --dns 9.9.9.9
}

teardown_file() { teardown; cleanup; "$lab" down 3>&-; }

cleanup() {
  ip netns del egress-check-nowhere 2>/dev/null || true
  docker rm -f egress-check-cell monitor-egress-check >/dev/null 2>&1 || true
  docker network rm egress-check-cell egress-check-monitor >/dev/null 2>&1 || true
  in_host nft delete table inet egress_check_test 2>/dev/null || true
}

teardown() {
  ip -n "${LAB_NAME:-cellblock}-host" link del ec-cable 2>/dev/null || true
  in_host nft delete table inet egress_check_test 2>/dev/null || true
  docker rm -f egress-check-weak proxy >/dev/null 2>&1 || true
  docker network rm egress-check-egress >/dev/null 2>&1 || true
  in_host iptables -D DOCKER-USER -j ACCEPT 2>/dev/null || true
}

netns() { printf '/run/netns/%s-%s\n' "${LAB_NAME:-cellblock}" "$1"; }
docker() { in_host docker "$@" 3>&-; }
check() { in_host egress-check "$@" --format jsonl; }
# `start NAME OPTION…`, and waits until its IPv6 addresses may be used (RFC 4862 section 5.4).
start() { local name=$1; shift; docker run -d --name "$name" "$@" "$image" sleep infinity >/dev/null; soon settled "$name"; }
settled() { local pid; pid=$(docker inspect --format '{{.State.Pid}}' "$1"); [ -z "$(nsenter "--net=/proc/$pid/ns/net" -- ip -6 address show tentative)" ]; }
# `all_are OUTCOME LIKE`: at least one probe's id is like that, and all of those ended so; else shows the others.
all_are() {
  local found
  found=$(jq -r --arg like "$2" 'select(.rule.id // "" | test($like)) | "\(.event.outcome) \(.rule.id): \(.event.reason)"' <<<"$output")
  [ -n "$found" ] || { echo "no probe like $2"; return 1; }
  if grep -v "^$1 " <<<"$found"; then return 1; fi
}
# `only LIKE` leaves of the cell's plan what has such an id, in a file that it prints the name of.
only() {
  check plan --container egress-check-cell | jq -c --arg like "$1" 'select(.rule.id // "" | test($like))' >"$BATS_TEST_TMPDIR/only"
  [ -s "$BATS_TEST_TMPDIR/only" ] && echo "$BATS_TEST_TMPDIR/only"
}
# `soon COMMAND…` waits until it succeeds, a minute at most.
soon() { local turn; for ((turn = 0; turn < 600; turn++)); do if "$@"; then return 0; fi; sleep 0.1; done; echo "never: $*"; return 1; }
outcome() { jq -r --arg id "$2" 'select(.rule.id == $id) | .event.outcome' <<<"$1"; }

# A small moat of these tests' own: private ranges of both families, groups, and the host itself. It lets
# answers in, as any has to; `moat` alone does so without a look at who sends them.
moat() {
  in_host nft -f - <<RULES
table inet egress_check_test {
  chain before {
    type filter hook prerouting priority mangle
    iifname != "ec-cell" accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
    $*
    ct direction reply accept
    ip daddr { 10.0.0.0/8, 100.64.0.0/10, 169.254.0.0/16, 172.16.0.0/12, 192.0.0.0/24, 192.0.2.0/24, 192.168.0.0/16, 198.18.0.0/15, 224.0.0.0/3 } drop
    ip6 daddr { 64:ff9b::/96, 64:ff9b:1::/48, 2001:db8::/32, 2002::/16, fc00::/7, fe80::/10, ff00::/8 } drop
    fib daddr type local drop
  }
}
RULES
}
no_forgery() { moat 'ip saddr != 172.31.1.0/24 drop; ip6 saddr != fd6c:6c63:1::/64 drop;'; }
