# What netguard's suites share: a lab of their own (netguard, or what NETGUARD_LAB says) with four containers in it;
# ways to run things there. Sourced by *.bats; everything runs in the lab's namespaces, never in the root's.
# shellcheck disable=SC2034,SC2154  # used in the suites, and set by run

export LAB_NAME=${NETGUARD_LAB:-netguard}
readonly LAB=$BATS_TEST_DIRNAME/../worlds/lab/lab
readonly SUITE=$BATS_TEST_DIRNAME/../worlds/netguard
readonly TARGET=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/cellblock/target}
readonly NETGUARD=${NETGUARD:-$TARGET/release/netguard}
readonly HOST_NET=/run/netns/$LAB_NAME-host

# shellcheck source=tests/worlds/emptying.bash
source "$SUITE/../emptying.bash"

on_host() { nsenter --net="$HOST_NET" -- "$@"; }
# With the backend that BACKEND names.
guard() {
  on_host env CELLBLOCK_POLICY="$POLICY" DOCKER_HOST="unix:///run/$LAB_NAME-lab/docker.sock" \
    "$NETGUARD" --backend "${BACKEND:-auto}" "$@"
}
# In a mount namespace of its own, where nobody else misses nft.
without_nft() {
  # shellcheck disable=SC2016  # the inner shell's own
  on_host unshare --mount -- bash -c 'mount --bind /dev/null "$(command -v nft)" && exec "$@"' - \
    env CELLBLOCK_POLICY="$POLICY" DOCKER_HOST="unix:///run/$LAB_NAME-lab/docker.sock" "$NETGUARD" "$@"
}
# The bypasses in this world, or those that could not be looked for: id and whom it is about, one a line.
shadows() {
  guard verify --format jsonl | jq -r 'select(.event.action == "shadow-checked" and .event.outcome == "'"${1:-failure}"'")
    | .rule.id + " " + (.network.name // .container.name // "host")' | sort
}

# The kernel is as planned. One shadow is what this world is made of, for the attacks need it: two members
# of the cell's network may write frames.
holds() {
  local failed
  failed=$(guard verify --format jsonl | jq -r 'select(.event.outcome != "success" and .event.action != "run-finished") | .rule.id // .message')
  [ "$failed" = neighbours-pose ] || { printf '%s\n' "verify fails on: $failed" >&2; return 1; }
}

# What was loaded holds, is loaded again, and nothing would change after that.
apply_twice_changes_nothing() {
  holds
  guard apply >/dev/null
  run -0 guard apply --check --format jsonl
  [ "${#lines[@]}" = 1 ]
}

# Connections from before the rules: one that they refuse ends with the load, one that they allow goes on. What the load
# said is in $output.
only_allowed_connections_go_on() {
  local file
  guard remove --force >/dev/null
  hold netguard-open 192.168.77.10 445 >"$BATS_TEST_TMPDIR/nas" 3>&- &
  hold netguard-open 8.8.8.8 445 >"$BATS_TEST_TMPDIR/inet" 3>&- &
  for file in nas inet; do
    for _ in {1..200}; do grep -q 'first True' "$BATS_TEST_TMPDIR/$file" && break; sleep 0.1; done
    grep -q 'first True' "$BATS_TEST_TMPDIR/$file"
  done
  run -0 guard apply --format jsonl
  touch "$BATS_TEST_TMPDIR/go"
  wait
  grep -q 'second False' "$BATS_TEST_TMPDIR/nas"
  grep -q 'second True' "$BATS_TEST_TMPDIR/inet"
}

inside() {
  local pid
  pid=$("$LAB" docker inspect --format '{{.State.Pid}}' "$1")
  shift
  nsenter --net="/proc/$pid/ns/net" -- "$@"
}
ask() { "$BATS_TEST_DIRNAME/../worlds/lab/ask.py" -s 2 "$@"; }
export -f ask
inside_ask() { inside "$1" "$BATS_TEST_DIRNAME/../worlds/lab/ask.py" -s 2 "${@:2}"; }

# Somebody answers what a container asks.
reached() { inside_ask "$@" >/dev/null; }
# Nobody does, and it was asked: ask.py says so itself. Three things prove nothing about the moat: a container that is
# down, an nsenter that fails, and no way out of the container (ENETUNREACH).
not_reached() {
  local said status=0
  said=$(inside_ask "$@" 2>&1 >/dev/null) || status=$?
  if [ "$status" = 1 ] && [[ $said == "${*:2}: "* && $said != *"[Errno 101]"* ]]; then return 0; fi
  echo "not refused, or never asked: $*: exit $status${said:+, $said}" >&2
  return 1
}

# `sealed_way_out replace|del`. An internal network has no default route: what Docker alone holds there must be held by the
# moat. Whoever joins another network gets that one's, and Docker wants no other in its way.
sealed_way_out() {
  inside netguard-sealed ip route "$1" default via 172.30.2.1
  inside netguard-sealed ip -6 route "$1" default via fd6c:6c62:2::1
}

# What the sealed network is refused, the moat refuses: what Docker itself holds of an internal network is let by. The
# question gets through as soon as the moat is gone too.
sealed_by_the_moat_alone() {
  let_by_docker -I
  not_reached netguard-sealed "$@"
  guard remove --force >/dev/null
  reached netguard-sealed "$@"
  let_by_docker -D
  guard apply >/dev/null
}
let_by_docker() {
  on_host iptables "$1" DOCKER-USER -i br-monitor -j ACCEPT
  on_host iptables "$1" DOCKER-USER -o br-monitor -j ACCEPT
  on_host iptables -t nat "$1" POSTROUTING -s 172.30.2.0/24 ! -o br-monitor -j MASQUERADE
}

# Every row of the attack table ends as it says.
attack_table() {
  mkdir -p "$BATS_TEST_TMPDIR/attack"
  run "$SUITE/attack" "$SUITE/attacks.tsv" "$BATS_TEST_TMPDIR/attack"
  printf '%s\n' "${lines[@]}"
  [ "$status" = 0 ]
}

# The shipped policy, with changes: lines of sed.
policy_with() {
  POLICY=$BATS_FILE_TMPDIR/policy-$RANDOM.toml
  sed -e "$1" "$BATS_TEST_DIRNAME/../../compose/policy.toml" >"$POLICY"
  export POLICY
}

net() {
  local name=$1 bridge=$2 number=$3
  shift 3
  "$LAB" docker network create --driver bridge --opt "com.docker.network.bridge.name=$bridge" --ipv6 \
    --subnet "172.30.$number.0/24" --subnet "fd6c:6c62:$number::/64" "$@" "$name" >/dev/null
}

box() {
  local name=$1
  shift
  "$LAB" docker run -d --name "$name" "$@" "$BASE_IMAGE" sleep infinity >/dev/null
}

# Stops the lab's engine and starts it as it was, with changes: what follows -- is added to its command line,
# what stands before to its environment.
restart_engine() {
  local pid variables=() arguments=()
  while [ "$1" != -- ]; do variables+=("$1"); shift; done
  shift
  pid=$(cat "/run/$LAB_NAME-lab/docker.pid")
  mapfile -d '' -t arguments <"/proc/$pid/cmdline"
  kill "$pid"
  while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
  on_host env "${variables[@]}" setsid "${arguments[@]}" "$@" </dev/null >>"/run/$LAB_NAME-lab/dockerd.log" 2>&1 3>&- &
  local tries
  for ((tries = 0; tries < 600; tries++)); do
    if "$LAB" docker version >/dev/null 2>&1; then return 0; fi
    sleep 0.1
  done
  echo "the lab's engine did not come back" >&2
  return 1
}

# Servers in containers: the image has none, so the machine's python runs in their namespace.
serve() {
  local pid
  pid=$("$LAB" docker inspect --format '{{.State.Pid}}' "$1")
  nsenter --net="/proc/$pid/ns/net" -- python3 -m http.server "$2" --bind :: --directory "$BATS_FILE_TMPDIR" \
    </dev/null >/dev/null 2>&1 3>&- &
  echo $! >>"$BATS_FILE_TMPDIR/pids"
}

# A LAN that has public addresses, as some do; and a host that lets senders choose routes, so that the
# control shows what the moat stops.
widen_lan() {
  local setting
  ip -n "$LAB_NAME-host" address replace 5.6.7.2/24 dev lan0
  ip -n "$LAB_NAME-host" address replace 2a0a:77::2/64 dev lan0 nodad
  ip -n "$LAB_NAME-lan" address replace 5.6.7.10/24 dev lan0
  ip -n "$LAB_NAME-lan" address replace 2a0a:77::10/64 dev lan0 nodad
  ip -n "$LAB_NAME-inet" -6 route replace 2a0a:77::/64 via fe80::2 dev up0
  for setting in all br-cell br-monitor br-free; do
    on_host sysctl -q -w "net.ipv4.conf.$setting.accept_source_route=1"
  done
}

build_world() {
  [ "$(id -u)" = 0 ] || { echo "netguard's suites need root, for namespaces and Docker" >&2; return 1; }
  [ -x "$NETGUARD" ] || { echo "$NETGUARD is missing: cargo build --release -p netguard" >&2; return 1; }
  BASE_IMAGE=${BASE_IMAGE:-$("$BATS_TEST_DIRNAME/../../scripts/setup" | sed -n 's/^BASE_IMAGE=//p')}
  export BASE_IMAGE
  "$LAB" up
  "$LAB" load "$BASE_IMAGE"
  clear_world
  net netguard-cell br-cell 1
  net netguard-monitor br-monitor 2 --internal
  net netguard-free br-free 9
  widen_lan
  box netguard-open --network netguard-cell --publish 18081:80
  box netguard-peer --network netguard-cell
  box netguard-sealed --network netguard-monitor
  sealed_way_out replace
  box netguard-control --network netguard-free
  box netguard-published --network netguard-free --publish 18080:80
  serve netguard-open 80
  serve netguard-peer 80
  serve netguard-published 80
  policy_with ''
}

clear_world() {
  on_host nft delete table inet netguard 2>/dev/null || true
  remove_all container name=netguard- "$LAB" docker
  remove_all network name=netguard- "$LAB" docker
}

leave_world() {
  local pid
  [ ! -f "$BATS_FILE_TMPDIR/pids" ] || while read -r pid; do kill "$pid" 2>/dev/null || true; done <"$BATS_FILE_TMPDIR/pids"
  clear_world
  [ -n "${KEEP_LAB:-}" ] || "$LAB" down
}

# Follows with netguard itself as the child, so that a signal reaches it.
start() {
  local out=$1
  shift
  nsenter --net="$HOST_NET" -- env CELLBLOCK_POLICY="$POLICY" DOCKER_HOST="${ENGINE:-unix:///run/$LAB_NAME-lab/docker.sock}" \
    "$NETGUARD" --backend "${BACKEND:-auto}" "$@" --format jsonl >"$out" 2>"$out.err" 3>&- &
  WATCHER=$!
}

# Waits for a line of a followed file that jq selects; 20 s, for a busy machine.
await_line() {
  local file=$1 filter=$2 tries
  for ((tries = 0; tries < 200; tries++)); do
    if jq -e -s "any(.[]; $filter)" "$file" >/dev/null 2>&1; then return 0; fi
    sleep 0.1
  done
  cat "$file" "$file.err" >&2
  return 1
}

# How many records of an action are in a followed file.
told() { jq -s --arg action "$2" '[.[] | select(.event.action == $action)] | length' "$1"; }

# Gives a follower up to 30 s to have told an action so often. What must come of it is for the test to say.
await_told() {
  local file=$1 action=$2 count=$3
  for _ in {1..300}; do
    [ "$(told "$file" "$action")" -ge "$count" ] && break
    sleep 0.1
  done
}

# What verify says after a change that somebody made, as action and id or message.
defects() { guard verify --format jsonl | jq -r 'select(.event.outcome == "failure" and (.event.action | IN("run-finished", "shadow-checked") | not)) | .event.action + " " + (.rule.id // .message)'; }

# A connection that stays open: it says `one`, waits for the file `go`, says `two`, and prints whether each was echoed.
hold() {
  local place=$1 address=$2 port=$3
  inside "$place" python3 -c '
import os, socket, sys, time
sock = socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)
sock.settimeout(3)
def echoed(word):  # the banner alone, or a late echo of another question, is no answer to this one
    seen = b""
    try:
        sock.sendall(word)
        while word not in seen and (piece := sock.recv(65536)): seen += piece
    except OSError: pass
    return word in seen
print("first", echoed(b"one"), flush=True)
while not os.path.exists(sys.argv[3]): time.sleep(0.05)
print("second", echoed(b"two"))
' "$address" "$port" "$BATS_TEST_TMPDIR/go"
}

# How many flows the kernel holds in a set, and a fresh start for sets that count.
held() {
  case "${BACKEND:-auto}" in
    iptables) on_host ipset save "netguard-$1" | grep -c '^add ' || true ;;
    *) on_host nft -j list set inet netguard "$1" | jq '[.nftables[].set.elem? // [] | .[]] | length' ;;
  esac
}
forget() {
  local set family
  for set in "$@"; do
    case "${BACKEND:-auto} $set" in
      "iptables budget-"*) for family in 4 6; do on_host ipset flush "netguard-budget$family-${set#budget-}"; done ;;
      iptables*) on_host ipset flush "netguard-$set" ;;
      *) on_host nft flush set inet netguard "$set" ;;
    esac
  done
}
fresh_counts() { forget flows4-cell budget-cell flows4-monitor budget-monitor; }

# So many datagrams to as many addresses, from a member of the cell's network, as fast as they go.
flood() {
  python3 -c 'for n in range(int("'"$1"'")): print(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}")' |
    inside netguard-open python3 "$SUITE/knock.py" 172.30.1.1 fd6c:6c62:1::1 >/dev/null
}
recorded() { guard denied --format jsonl | jq -e -s --arg who "$1" --argjson port "$2" 'any(.[]; .container.name == $who and .destination.port == $port)' >/dev/null; }

# What explain says of thousands of addresses is what the kernel does, which is asked by sending to each. Of
# what is denied the kernel must remember each, so only so many are asked at once.
explain_and_kernel_agree() {
  local work=$BATS_TEST_TMPDIR part
  python3 "$SUITE/addresses.py" "${SEED:-$RANDOM}" 1500 >"$work/addresses"
  guard explain --from cell - <"$work/addresses" |
    jq -r 'select(.event.action == "verdict-explained") | .destination.ip + " " + .event.type[0]' | sort -u >"$work/explained"
  split -l 1200 "$work/addresses" "$work/part."
  for part in "$work"/part.*; do
    forget flows4-cell flows6-cell budget-cell
    inside netguard-open python3 "$SUITE/knock.py" 172.30.1.1 fd6c:6c62:1::1 <"$part" >>"$work/sent"
    guard denied --format jsonl | jq -r 'select(.destination.port == 4000) | .destination.ip + " denied"' >>"$work/denied"
  done
  # Every address that was sent to and is not among the denied was let through, and counted as such.
  awk 'NR == FNR { denied[$1]; next } { print $1, ($1 in denied) ? "denied" : "allowed" }' "$work/denied" "$work/sent" |
    sort -u >"$work/kernel"
  [ "$(wc -l <"$work/kernel")" -gt 1500 ]
  [ "$(grep -c allowed "$work/kernel")" -gt 300 ]
  [ "$(grep -c denied "$work/kernel")" -gt 300 ]
  diff "$work/explained" "$work/kernel"
}

# A machine of the LAN has a connection to the host. Members of two networks tell that machine by ICMP that the host
# cannot be reached, and quote the connection: the kernel takes it for part of the connection. Only the one beside the
# moat gets through.
error_messages_are_no_answers() {
  error_messages_about 192.168.77.10 192.168.77.2
  error_messages_about 2a0a:77::10 2a0a:77::2
}
error_messages_about() {
  local client=$1 server=$2 work pids=() place
  work=$(mktemp -d -p "$BATS_TEST_TMPDIR")
  on_host python3 "$SUITE/complain.py" listen "$server" >"$work/server" 3>&- & pids+=($!)
  await_text "$work/server"
  "$LAB" exec lan python3 "$SUITE/complain.py" connect "$server" "$(cat "$work/server")" "$client" >"$work/client" 3>&- & pids+=($!)
  await_text "$work/client"
  nsenter --net="/run/netns/$LAB_NAME-lan" -- python3 "$SUITE/witness.py" sniff "$work/seen" lan0 3>&- & pids+=($!)
  await_text "$work/seen"
  for place in open control; do
    inside "netguard-$place" python3 "$SUITE/complain.py" send "$client" "$(cat "$work/client")" "$server" "$(cat "$work/server")" "$place"
  done
  for _ in {1..200}; do grep -q control "$work/seen" && break; sleep 0.1; done
  kill "${pids[@]}"
  grep -qx control "$work/seen"
  run ! grep -qx open "$work/seen"
}
# Waits until somebody has written to a file; 20 s, for a busy machine.
await_text() {
  local tries
  for ((tries = 0; tries < 200; tries++)); do [ -s "$1" ] && return 0; sleep 0.1; done
  echo "nothing was written to $1" >&2
  return 1
}
