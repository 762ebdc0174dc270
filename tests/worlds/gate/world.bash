# What tests/suites/gate.bats stands on: a lab of its own (LAB_NAME=gatelab), the moat, the gate as compose.yaml runs it,
# and clients on its networks. Everything runs in the lab's namespaces. Sourced, never run.
# shellcheck disable=SC2034  # used in the suite

# shellcheck source=tests/worlds/eventually.bash
source "${BASH_SOURCE[0]%/*}/../eventually.bash"
# shellcheck source=tests/worlds/walls.bash
source "${BASH_SOURCE[0]%/*}/../walls.bash"
# shellcheck source=tests/worlds/emptying.bash
source "${BASH_SOURCE[0]%/*}/../emptying.bash"
# shellcheck source=tests/worlds/networks.bash
source "${BASH_SOURCE[0]%/*}/../networks.bash"

export LAB_NAME=${LAB_NAME:-gatelab}
readonly LAB=$BATS_TEST_DIRNAME/../worlds/lab/lab
readonly STATE=/run/$LAB_NAME-lab
readonly HOUSE=$BATS_TEST_DIRNAME/../..
readonly SUITE=$BATS_TEST_DIRNAME/../worlds/gate
readonly ROOT=/var/lib/$LAB_NAME-lab/root
readonly POLICY=$ROOT/policy.toml
readonly TARGET=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/cellblock/target}
readonly SANDBOXCTL=${SANDBOXCTL:-$TARGET/release/sandboxctl}
readonly NETGUARD=${NETGUARD:-$TARGET/release/netguard}
PYTHON=/usr/bin/python3
[ -x "$PYTHON" ] || PYTHON=$(command -v python3)
readonly GATE_CELL=172.30.1.2 GATE_MONITOR=172.30.2.2 GATE_WARDEN=172.30.3.2 GATE_EGRESS=172.30.4.2

in_lab() { nsenter --net="/run/netns/$LAB_NAME-host" -- env DOCKER_HOST="unix://$STATE/docker.sock" "$@"; }
ctl() { in_lab "$SANDBOXCTL" --policy "$POLICY" --root "$ROOT" "$@"; }
ld() { "$LAB" docker "$@"; }

compose() {
  in_lab docker compose -f "$HOUSE/compose/compose.yaml" -f "$ROOT/rendered/compose.policy.yaml" "$@" 2>&1
}

# inside CONTAINER CMD…: in its network namespace, with the machine's programs.
inside() {
  local pid
  pid=$(ld inspect --format '{{.State.Pid}}' "$1")
  shift
  nsenter --net="/proc/$pid/ns/net" -- "$@"
}

as() { inside "gate-$1" "${@:2}"; }

gate_of() { case "$1" in cell) echo "$GATE_CELL" ;; monitor) echo "$GATE_MONITOR" ;; warden) echo "$GATE_WARDEN" ;; esac; }

# ask CLIENT URL [CURL…]: sets `status` (HTTP) and `output` (body); whatever the name, the gate is asked.
ask() {
  local client=$1 url=$2
  shift 2
  local body=$BATS_TEST_TMPDIR/body.$BASHPID
  : >"$body"
  status=$(as "$client" curl -s -m 20 -o "$body" -w '%{http_code}' --path-as-is --noproxy '*' \
    --cacert "$STATE/ca.pem" --connect-to "::$(gate_of "$client"):" "$@" "$url") || true
  output=$(tr -d '\0' <"$body")
}

# raw CLIENT PORT: bytes from stdin to the gate, and all that it answers.
raw() { as "$1" "$PYTHON" "$SUITE/raw.py" "$(gate_of "$1")" "$2"; }

is() { [ "$1" = "$2" ] || { printf 'got  %s\nwant %s\n' "$1" "$2" >&2; return 1; }; }

# refused STATUS ERROR: the last answer is that refusal, as JSON with its reason.
refused() {
  is "$status" "$1" && is "$(jq -r .error <<<"$output")" "$2" &&
    jq -e '.reason | length > 10' <<<"$output" >/dev/null
}

# What the lab's web servers were asked over TLS since a line of their log.
seen_mark() { wc -l <"$STATE/http.log"; }
seen_since() { tail -n "+$(($1 + 1))" "$STATE/http.log"; }

make_networks() { ctl render networks | create_networks ld; }

render() {
  install -d -m 0755 "$ROOT/rendered" "$ROOT/rendered/gate" "$ROOT/rendered/inspect"
  ctl render nginx >"$ROOT/rendered/gate/nginx.conf"
  ctl render compose >"$ROOT/rendered/compose.policy.yaml"
  cp "$STATE/ca.pem" "$ROOT/rendered/gate/trusted-ca.pem"
}

# Addresses that compose.yaml gives these services, so that what is shown here holds for them.
client() {
  ld run -d --name "gate-$1" --network "cellblock-$1" --ip "$2" --cap-drop ALL --security-opt no-new-privileges \
    --dns 9.9.9.9 cellblock/base:bookworm sleep infinity >/dev/null
}

start_gate() { compose up -d --no-build --no-deps --wait proxy; }

# Upstreams that refuse connections, and that speak no TLS where TLS belongs.
bad_upstreams() {
  nsenter --net="/run/netns/$LAB_NAME-inet" -- nft -f - <<'RULES'
table ip gatetest
delete table ip gatetest
table ip gatetest {
  chain refusing { type filter hook prerouting priority -250; ip daddr 45.33.7.41 tcp dport 443 reject with tcp reset; }
  chain plain { type nat hook prerouting priority dstnat; ip daddr 45.33.7.42 tcp dport 443 redirect to :7; }
}
RULES
}

# What `netguard verify --permit` makes where all of a cellblock stands, without which the gate does not start.
permit() {
  local permit
  permit=$("$SANDBOXCTL" render paths --policy "$POLICY" --root "$ROOT" | jq -r .permit)
  install -D -m 0444 <(in_lab readlink /proc/self/ns/net) "$permit"
}

build_world() {
  [ "$(id -u)" = 0 ] || { echo "this suite needs root, for namespaces and Docker" >&2; return 1; }
  local program
  for program in "$SANDBOXCTL" "$NETGUARD"; do
    [ -x "$program" ] || { echo "$program is missing: run scripts/build" >&2; return 1; }
  done
  "$LAB" up
  "$LAB" load cellblock/proxy:local cellblock/base:bookworm
  clear_world
  install -d -m 0700 "$ROOT/vault"   # the keys' folder
  install -d "$ROOT/share/share" "$ROOT/jail"
  cp "$SUITE/policy.toml" "$POLICY"
  render
  in_lab "$NETGUARD" --policy "$POLICY" --root "$ROOT" apply >/dev/null
  make_networks
  permit
  start_gate
  client monitor 172.30.2.4
  client cell 172.30.1.3
  client warden 172.30.3.5
  bad_upstreams
}

clear_world() {
  remove_all container '' ld
  remove_all network name=cellblock- ld
  in_lab nft delete table inet netguard 2>/dev/null || true
}

leave_world() { [ -n "${KEEP_LAB:-}" ] || "$LAB" down; }
