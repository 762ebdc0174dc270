#!/usr/bin/env bats
# What goes wrong before and while the cellblock comes up: each ends in a clear message, exit 2, and
# nothing started. All of it in the lab's host; the dry run is the one thing tried on the real one.

bats_require_minimum_version 1.5.0
load ../worlds/world
load ../worlds/nobody

HOUSE=$house
# shellcheck source=scripts/sources.bash
source "$house/scripts/sources.bash"
readonly NAMES=(cell clamd monitor proxy vault warden)

# Six empty images, labelled as made of this version's sources: here nothing gets as far as a container. The lab's own of an
# earlier run are kept beside them, for they take a minute to load.
empty_image() { tar -cT /dev/null | in_host docker import --change "LABEL cellblock.sources=$2" - "cellblock/$1:local"; }
stand_ins() {
  local name
  for name in "${NAMES[@]}"; do
    ! in_host docker image inspect "cellblock/$name:local" >/dev/null 2>&1 || in_host docker tag "cellblock/$name:local" "kept/$name:local"
    empty_image "$name" "$(image_sources "$name")"
  done
}
the_lab_s_own() {
  local name
  for name in "${NAMES[@]}"; do
    in_host docker rmi "cellblock/$name:local"
    if in_host docker image inspect "kept/$name:local" >/dev/null 2>&1; then
      in_host docker tag "kept/$name:local" "cellblock/$name:local"
      in_host docker rmi "kept/$name:local"
    fi
  done
}

setup_file() {
  [ "$(id -u)" = 0 ] || { echo "the lab needs root" >&2; return 1; }
  export world="$BATS_FILE_TMPDIR/root"
  "$lab" up 3>&-
  mkdir -p "$world"
  cp "$house/compose/policy.toml" "$world/policy.toml"
  stand_ins
}

teardown_file() { the_lab_s_own; "$lab" down 3>&-; }

up() { in_host "$house/scripts/up" --inside-lab --root "$world" "$@" 3>&-; }

nothing_started() {
  [ -z "$(in_host docker ps -aq)" ]
  [ -z "$(in_host docker network ls -q --filter label=cellblock.network)" ]
  run ! in_host nft list table inet netguard
  run ! findmnt "$world/sandbox_data/share"
}

@test "a policy with a mistake is named by line and column, and nothing is started" {
  sed 's/^memory /memroy /' "$world/policy.toml" >"$world/broken.toml"
  run -2 up --policy "$world/broken.toml"
  [[ $output == *broken.toml:8:* && $output == *memory* ]]
  nothing_started
}

@test "a policy that is not there is said" {
  run -2 up --policy "$world/absent.toml"
  [[ $output == *absent.toml* ]]
}

@test "a Docker daemon that does not answer is named with its socket, and nothing is started" {
  run -2 nsenter "--net=/run/netns/${LAB_NAME:-cellblock}-host" -- env DOCKER_HOST=unix:///run/nowhere.sock \
    "$house/scripts/up" --inside-lab --root "$world" --policy "$world/policy.toml"
  [[ $output == *nowhere.sock* ]]
  nothing_started
}

@test "after a boot up waits for a Docker daemon that is late, and no longer than it was told" {
  late=$BATS_TEST_TMPDIR/late.sock
  run -2 in_host env "DOCKER_HOST=unix://$late" "$house/scripts/up" --inside-lab --root "$world" --policy "$world/policy.toml" --wait 1
  [[ $output == *"no Docker daemon answers at unix://$late"* ]]
  (sleep 2; ln -s "/run/${LAB_NAME:-cellblock}-lab/docker.sock" "$late") 3>&- &
  # It comes as far as the port, which is taken.
  nsenter "--net=/run/netns/${LAB_NAME:-cellblock}-host" -- socat TCP-LISTEN:8443,bind=127.0.0.1,fork,reuseaddr EXEC:/bin/cat 3>&- &
  holder=$!
  run -2 in_host env "DOCKER_HOST=unix://$late" "$house/scripts/up" --inside-lab --root "$world" --policy "$world/policy.toml" --wait 60
  kill "$holder"
  wait "$holder" || true
  [[ $output == *8443*taken* ]]
  nothing_started
}

@test "without root nothing is tried" {
  run -2 setpriv --reuid 65534 --clear-groups env PATH="$PATH" CARGO_TARGET_DIR="$CARGO_TARGET_DIR" "$house/scripts/up"
  [[ $output == *root* ]]
}

@test "a port that is taken is named with its holder, and nothing is started" {
  # Not through in_host: a function in the background is a shell, and killing that leaves socat on the port.
  nsenter "--net=/run/netns/${LAB_NAME:-cellblock}-host" -- socat TCP-LISTEN:8443,bind=127.0.0.1,fork,reuseaddr EXEC:/bin/cat 3>&- &
  holder=$!
  sleep 0.5
  run -2 up --policy "$world/policy.toml"
  kill "$holder"
  wait "$holder" || true
  [[ $output == *8443*taken*socat* ]]
  nothing_started
  [[ $output != *"IPv4-only"* ]]
}

@test "a second up while one runs waits for nobody and says so" {
  lock=/run/lock/cellblock-$(printf '%s' "$world" | sha256sum | cut -c1-16)
  exec 8>"$lock"
  flock 8
  run -2 up --policy "$world/policy.toml"
  exec 8>&-
  [[ $output == *"another up or down"* ]]
  nothing_started
}

@test "a moat that the kernel refuses starts nothing" {
  run -2 in_host setpriv --bounding-set=-net_admin --inh-caps=-net_admin "$house/scripts/up" --inside-lab --root "$world" --policy "$world/policy.toml"
  [[ $output == *"did not take the moat: nothing was started"* ]]
  nothing_started
}

@test "an image of another version's sources is named with its mend, and nothing is started, at a boot neither" {
  local other how
  for other in 0123456789abcdef ''; do
    empty_image proxy "$other"
    for how in --no-build --boot; do
      run -2 up --policy "$world/policy.toml" "$how"
      [[ $output == *"cellblock/proxy:local: not there, or made of other sources"*"Run 'cellblock up'"* ]]
      nothing_started
    done
  done
  in_host docker rmi cellblock/vault:local
  run -2 up --policy "$world/policy.toml" --boot
  [[ $output == *"cellblock/proxy:local cellblock/vault:local: not there"* ]]
  empty_image proxy "$(image_sources proxy)"
  empty_image vault "$(image_sources vault)"
  # With all six of this version a boot goes on: as far as the share, which is not mounted here.
  run -2 up --policy "$world/policy.toml" --boot
  [[ $output == *"the share is not mounted"* ]]
}

@test "down with nothing up is no error" {
  run -0 in_host "$house/scripts/down" --root "$world" --policy "$world/policy.toml"
  nothing_started
}

@test "down where no Docker daemon answers took nothing down, and says so" {
  run -2 nsenter "--net=/run/netns/${LAB_NAME:-cellblock}-host" -- env DOCKER_HOST=unix:///run/nowhere.sock \
    "$house/scripts/down" --root "$world" --policy "$world/policy.toml"
  [[ $output == *nowhere.sock* && $output != *"down: down"* ]]
}

@test "compose alone, with no moat and so no networks, starts nothing" {
  run ! in_host env BASE_IMAGE=cellblock/base:bookworm docker compose -f "$house/compose/compose.yaml" up -d
  [ -z "$(in_host docker ps -q)" ]
}

@test "a dry run on the real host shows the steps and touches nothing" {
  traces() {
    nft list ruleset 2>/dev/null
    docker ps -aq 2>/dev/null
    docker network ls -q 2>/dev/null
    ip -o link
    findmnt -rn -o TARGET | grep -v "^/run/\|-lab/\|/var/lib/docker"
    git -C "$house" status --porcelain --ignored
  }
  before=$(traces)
  run -0 "$house/scripts/up" --dry-run
  [[ $output == *"'netguard' 'apply'"*"'netguard' 'verify'"*"'compose' 'up'"* ]]
  [ "$(traces)" = "$before" ]
  # `up` tells of an engine that masquerades no IPv6. Of one that does it says nothing: "a port that is taken".
  case "$(docker version --format '{{.Server.Version}} {{.Server.Experimental}}')" in
    2[0-6].*false) [[ $output == *"IPv4-only"* ]] ;;
    *) [[ $output != *"IPv4-only"* ]] ;;
  esac
}

@test "a dry run where no engine answers yet shows every step all the same" {
  run -0 env DOCKER_HOST=unix:///run/no-such-engine.sock "$house/scripts/up" --dry-run
  [[ $output == *"one docker network create for each line"*"'compose' 'up'"* ]]
}

@test "an argument nobody knows is refused by every script" {
  local script
  for script in up down collect setup build test; do
    run -2 "$house/scripts/$script" --no-such-thing
    [[ $output == *no-such-thing* ]]
    run -0 "$house/scripts/$script" --help
    [[ $output == *Usage* ]]
  done
}

@test "the completions of every tool are a script, and a reader that goes away early is no error" {
  local tool
  for tool in netguard egress-check scanwatch auditdb sandboxctl; do
    "$tool" completions bash | bash -n
    # shellcheck disable=SC2016  # for the inner shell
    run -0 bash -c 'set -o pipefail; for _ in {1..20}; do "$1" completions zsh | : || exit 1; done' - "$tool"
    [ -z "$output" ]
  done
}

@test "who finds something says so with its exit status, also when nobody reads the findings, and is quiet about that" {
  local wrong
  wrong=sha256:$(printf '0%.0s' {1..64})
  # Nothing stands here: what is read ends in the same status, and there is something to read.
  judged() { # status, command…
    local wanted=$1
    shift
    run "-$wanted" --separate-stderr in_host "$@" --policy "$world/policy.toml" --root "$world" --format jsonl
    [ -n "$output" ]
    run "-$wanted" to_nobody in_host "$@" --policy "$world/policy.toml" --root "$world" --format jsonl
    [ -z "$output" ]
  }
  judged 1 netguard verify
  judged 1 netguard apply --check
  judged 1 sandboxctl status
  judged 3 egress-check pin --pin "$wrong" wss://127.0.0.1:9
  egress-check plan --policy "$world/policy.toml" --root "$world" --format jsonl | sed -n 1,3p >"$BATS_TEST_TMPDIR/probes"
  judged 1 unshare --net egress-check run "$BATS_TEST_TMPDIR/probes"   # where no network is, no name answers
}
