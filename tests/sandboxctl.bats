#!/usr/bin/env bats
# The keeper before a real engine: networks as the policy has them, a certificate and a secret that reach a
# tmpfs and nothing else, an audit that a weak container fails, and the kill switch. The lab is one of its own.
# Weak containers are created, never started: what they ask for is there to be read, and nothing is at risk.

# shellcheck disable=SC2154  # bats sets $stderr
bats_require_minimum_version 1.5.0

export LAB_NAME=sandboxctl
LAB=$BATS_TEST_DIRNAME/lab/lab
HOUSE=$BATS_TEST_DIRNAME/..
TARGET=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/cellblock/target}
SANDBOXCTL=${SANDBOXCTL:-$TARGET/release/sandboxctl}
IMAGE=${BASE_IMAGE:-cellblock/base:bookworm}

setup_file() {
  [ "$(id -u)" = 0 ] || { echo "the lab needs root" >&2; return 1; }
  [ -x "$SANDBOXCTL" ] || { echo "sandboxctl is not built: cargo build --release" >&2; return 1; }
  "$LAB" up 3>&-
  "$LAB" load "$IMAGE" 3>&-
}

teardown_file() { "$LAB" down 3>&-; }

setup() {
  export DOCKER_HOST=unix:///run/$LAB_NAME-lab/docker.sock CELLBLOCK_POLICY=$BATS_TEST_TMPDIR/policy.toml
  export ROOT=$BATS_TEST_TMPDIR/root
  mkdir -p "$ROOT"
  policy_with ''
}

teardown() {
  docker ps -aq | xargs -r docker rm -f >/dev/null
  docker network ls -q --filter label=cellblock.network | xargs -r docker network rm >/dev/null
}

policy_with() { sed -e "$1" "$HOUSE/compose/policy.toml" >"$CELLBLOCK_POLICY"; }
keeper() { on_host "$SANDBOXCTL" --root "$ROOT" --format jsonl "$@"; }
on_host() { nsenter "--net=/run/netns/$LAB_NAME-host" -- "$@"; }
boot() { local name=$1; shift; docker run -d --name "$name" --network none "$@" "$IMAGE" sleep infinity >/dev/null; }
weak() { local name=$1; shift; docker create --name "$name" "$@" "$IMAGE" sleep infinity >/dev/null; }
outcome() { jq -r --arg id "$2" 'select(.rule.id == $id) | .event.outcome' <<<"$1"; }

waived_until() {
  printf '\n[[waiver]]\ncontrol = "cis-docker-5.13"\ncontainer = "sbx-sound"\nuntil = %s\nreason = "it writes"\n' "$1" >>"$CELLBLOCK_POLICY"
}

make_networks() {
  local line args
  while read -r line; do
    mapfile -t args < <(jq -r '.args[]' <<<"$line")
    docker network create "${args[@]}" >/dev/null
  done < <(keeper render networks)
}

@test "the engine makes the networks as they are rendered, and the audit finds in them what the moat guards" {
  make_networks
  run keeper audit
  [ "$status" = 1 ] # no service runs
  [ "$(jq -r 'select(.rule.category == "network") | .event.outcome' <<<"$output" | sort | uniq -c | awk '{ print $2 $1 }')" = success24 ]
  [ "$(jq -r 'select(.rule.category == "engine") | .event.outcome' <<<"$output" | sort -u)" = success ]
  [ "$(jq -r 'select(.rule.id == "cellblock-running") | .event.outcome' <<<"$output" | uniq -c | awk '{ print $2 $1 }')" = failure6 ]
}

@test "in the proxied shape too, with the cell's network internal and one more for its port" {
  policy_with 's/^network .*/network = "proxied"/'
  make_networks
  [ "$(docker network inspect -f '{{.Internal}}' cellblock-cell cellblock-ingress | paste -sd' ' -)" = "true false" ]
  run keeper audit
  [ "$(jq -r 'select(.rule.category == "network") | .event.outcome' <<<"$output" | sort | uniq -c | awk '{ print $2 $1 }')" = success30 ]
}

@test "a network that is not the policy's, and a stranger on one that is, are findings" {
  make_networks
  docker network rm cellblock-monitor cellblock-warden >/dev/null
  docker network create --label cellblock.network=monitor --subnet 172.30.2.0/24 cellblock-monitor >/dev/null
  docker run -d --name stranger --network cellblock-cell "$IMAGE" sleep infinity >/dev/null
  run keeper audit
  [ "$status" = 1 ]
  of() { jq -r --arg net "$1" --arg id "$2" 'select(.network.name == $net and .rule.id == $id) | .event.outcome' <<<"$output"; }
  for id in bridge subnets internal masquerade; do [ "$(of cellblock-monitor "cellblock-network-$id")" = failure ]; done
  [ "$(of cellblock-warden cellblock-network-present)" = failure ]
  [ "$(of cellblock-cell cellblock-network-members)" = failure ]
  [ "$(of cellblock-egress cellblock-network-members)" = success ]
}

@test "a certificate reaches the vault's tmpfs as its own user, whole, again and again" {
  keeper cert create >/dev/null
  boot vault --user 10001:10001 --read-only --tmpfs /run/secrets:uid=10001,gid=10001,mode=0700,size=1m
  for _ in 1 2; do
    run -0 keeper cert deliver
    [ "$(jq -r 'select(.tls) | .event.action' <<<"$output")" = certificate-delivered ]
    for file in key.pem cert.pem; do
      [ "$(docker exec vault sha256sum "/run/secrets/vault/$file" | cut -d' ' -f1)" = "$(sha256sum "$ROOT/vault/$file" | cut -d' ' -f1)" ]
      [ "$(docker exec vault stat -c '%a %u' "/run/secrets/vault/$file")" = "400 10001" ]
    done
  done
  [ "$(jq -r '.cellblock.cell.pin // empty' <<<"$output")" = "sha256:$(openssl x509 -in "$ROOT/vault/cert.pem" -outform der | sha256sum | cut -d' ' -f1)" ]
}

@test "a secret reaches the gate's tmpfs, and nothing else knows it" {
  policy_with 's/^# credential = .*/credential = "github-token"/'
  boot proxy --user 10002:10002 --read-only --tmpfs /run/secrets:uid=10002,gid=10002,mode=0700,size=1m
  secret="Bearer $(head -c 18 /dev/urandom | base64)"
  run -0 --separate-stderr keeper secret put github-token <<<"$secret"
  [ "$(docker exec proxy cat /run/secrets/github-token)" = "$secret" ]
  [ "$(docker exec proxy stat -c '%a %u' /run/secrets/github-token)" = "400 10002" ]
  [ "$(jq -r '.cellblock.cell.secret // empty' <<<"$output")" = github-token ]
  [[ "$output$stderr" != *"$secret"* ]]
  { docker inspect proxy; docker logs proxy; } >"$BATS_TEST_TMPDIR/told" 2>&1
  run -1 grep -rlF "$secret" "$BATS_TEST_TMPDIR/told" "/var/lib/$LAB_NAME-lab/docker/containers"
}

@test "the largest secret there may be arrives whole" {
  policy_with 's/^# credential = .*/credential = "github-token"/'
  boot proxy --tmpfs /run/secrets:size=1m
  head -c 49152 /dev/urandom | base64 -w0 >"$BATS_TEST_TMPDIR/secret"
  [ "$(stat -c %s "$BATS_TEST_TMPDIR/secret")" = 65536 ]
  keeper secret put github-token <"$BATS_TEST_TMPDIR/secret" >/dev/null
  [ "$(docker exec proxy sha256sum /run/secrets/github-token | cut -d' ' -f1)" = "$(sha256sum "$BATS_TEST_TMPDIR/secret" | cut -d' ' -f1)" ]
}

@test "a secret goes to no disk: no tmpfs, a volume on it, a container that stands still, a tmpfs of another user" {
  policy_with 's/^# credential = .*/credential = "github-token"/'
  refused() { run -2 --separate-stderr keeper secret put github-token <<<hunter2; [[ $stderr == *"$1"* && $stderr$output != *hunter2* ]]; docker rm -f proxy >/dev/null; }
  run -2 --separate-stderr keeper secret put github-token <<<hunter2
  [[ $stderr == *"no container proxy"* ]]
  boot proxy
  refused "not on a tmpfs"
  boot proxy --tmpfs /run/secrets --mount type=volume,dst=/run/secrets/github-token
  refused "not on a tmpfs"
  weak proxy --tmpfs /run/secrets
  refused "not running"
  boot proxy --user 10002 --tmpfs /run/secrets:mode=0700,uid=0
  refused "ermission denied"
  boot proxy --tmpfs /run/secrets:size=4k,noexec
  docker exec proxy sh -c 'head -c 8192 /dev/zero >/run/secrets/full 2>/dev/null || true'
  refused "No space left"
}

@test "a container as weak as can be fails every control that it can fail, and no secret of its is shown" {
  weak sbx-weak --privileged --pid host --ipc host --uts host --network host --userns host --cap-add SYS_ADMIN \
    --security-opt seccomp=unconfined --device /dev/null --restart always --tmpfs /t -e API_TOKEN=correct-horse \
    -v /:/host:rshared -v "/run/$LAB_NAME-lab/docker.sock:/docker.sock" --ulimit nofile=1048576 --cgroup-parent /sbx --group-add 0 \
    --add-host host:host-gateway -e DOCKER_HOST=tcp://10.0.0.5:2375
  weak sbx-open -p 0.0.0.0:9999:80 -p 127.0.0.1:81:81
  run -1 keeper audit sbx-weak sbx-open
  [[ $output != *correct-horse* ]]
  passed=$(jq -r 'select(.event.outcome == "success") | "\(.container.name) \(.rule.id)"' <<<"$output")
  failed=$(jq -r 'select(.event.outcome == "failure") | .rule.id // empty' <<<"$output" | sort -u)
  for id in $(jq -r '.rule.id // empty' <<<"$output" | sort -u); do
    case $id in
      cellblock-networks | cellblock-oom | cellblock-sysctls | cis-docker-5.23 | cis-docker-5.24) continue ;; # asks for none of it: shown below, or refused by the engine
    esac
    grep -qx "$id" <<<"$failed" || { echo "$id never fails"; echo "$passed"; return 1; }
  done
  [ "$(grep -c . <<<"$failed")" -ge 28 ]
  make_networks
  weak sbx-guest --network cellblock-cell
  run -1 keeper audit sbx-guest
  [ "$(outcome "$output" cellblock-networks)" = failure ]
}

# A hard container, but for the words that follow.
hard() {
  local name=$1 network=(--network none)
  shift
  [[ " $* " != *" --network "* ]] || network=()
  weak "$name" "${network[@]}" --cap-drop ALL --security-opt no-new-privileges:true --read-only --user 1000:1000 --memory 64m --memory-swap 64m \
    --pids-limit 32 --cpus 0.2 --log-opt max-size=1m --log-opt max-file=2 --ulimit core=0 --health-cmd 'exit 0' "$@"
}
# The words of a row: each begins at a blank before a dash, an option's value being a word of its own.
words_of() { sed -E 's/^(-[^ =]+) (.*)$/\1\n\2/' <<<"${1// -/$'\n'-}"; }

@test "each weakness that was tried from outside is found by the control that names it, and a hard container has none" {
  local id what words number=0 row group
  # A group of its own for the lab's socket, as a host's has one.
  group=4242
  chgrp "$group" "/run/$LAB_NAME-lab/docker.sock"
  printf '%s' '{"defaultAction":"SCMP_ACT_LOG"}' >"$BATS_TEST_TMPDIR/log.json"
  printf '%s' '{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read","unshare","bpf"],"action":"SCMP_ACT_ALLOW"}]}' >"$BATS_TEST_TMPDIR/wide.json"
  hard sbx-hard
  while IFS=$'\t' read -r id what words; do
    [[ $id == \#* ]] && continue
    number=$((number + 1))
    words=${words//PROFILES/$BATS_TEST_TMPDIR} words=${words//SOCKETGROUP/$group} words=${words//SOCKET//run/$LAB_NAME-lab/docker.sock}
    mapfile -t row < <(words_of "$words")
    hard "sbx-$number" "${row[@]}"
    printf '%s\t%s\t%s\n' "sbx-$number" "$id" "$what" >>"$BATS_TEST_TMPDIR/wanted"
  done <"$BATS_TEST_DIRNAME/sandboxctl/weaknesses.tsv"
  [ "$number" -ge 60 ]
  mapfile -t row < <(cut -f1 "$BATS_TEST_TMPDIR/wanted")
  keeper audit sbx-hard "${row[@]}" >"$BATS_TEST_TMPDIR/told" || [ $? = 1 ]
  # It was never started, and so it neither runs nor is it well; nothing else is wrong with it.
  [ "$(jq -r 'select(.container.name == "sbx-hard" and .event.outcome == "failure") | .rule.id' "$BATS_TEST_TMPDIR/told" | sort | tr '\n' ' ')" = "cellblock-running cis-docker-5.27 " ]
  jq -r 'select(.event.outcome == "failure" and .container.name) | "\(.container.name)\t\(.rule.id)"' "$BATS_TEST_TMPDIR/told" | sort >"$BATS_TEST_TMPDIR/failed"
  cut -f1,2 "$BATS_TEST_TMPDIR/wanted" | sort | comm -23 - "$BATS_TEST_TMPDIR/failed" >"$BATS_TEST_TMPDIR/missed"
  cat "$BATS_TEST_TMPDIR/missed"
  [ ! -s "$BATS_TEST_TMPDIR/missed" ]
  run ! grep -q 's3cr3tPw9x\|b3c4d5e6\|sk-ant-\|ghp_' "$BATS_TEST_TMPDIR/told"
}

@test "a name that nobody has costs that name only, and one that is asked for twice is told once" {
  weak sbx-there
  run -1 keeper audit sbx-there sbx-nowhere "$(docker inspect -f '{{.Id}}' sbx-there)"
  [ "$(jq -r 'select(.container.name == "sbx-nowhere") | "\(.event.outcome) \(.event.reason)"' <<<"$output")" = "unknown there is no container sbx-nowhere; docker ps -a lists those there are" ]
  [ "$(jq -r 'select(.container.name == "sbx-there" and .rule.id == "cis-docker-5.4") | .event.outcome' <<<"$output")" = failure ]
  run -3 keeper audit sbx-nowhere
  # Whichever controls are asked for: of one that is not there nothing is known.
  run -3 keeper audit --only cis-docker-5.5 sbx-there sbx-nowhere
  [ "$(jq -r 'select(.rule.id == "cis-docker-5.5") | "\(.container.name) \(.event.outcome)"' <<<"$output")" = "sbx-there success" ]
  run -3 keeper audit --severity critical sbx-nowhere
}

@test "a person's own rules know secrets too, and what is no file of rules says so" {
  printf '[[rules]]\nid = "house-key"\nregex = '"'''"'house-[0-9a-f]{12}'"'''"'\n' >"$BATS_TEST_TMPDIR/rules.toml"
  weak sbx-own -e 'SETTING=house-0a1b2c3d4e5f'
  run -1 keeper audit sbx-own
  [ "$(outcome "$output" cellblock-env-secret)" = success ]
  run -1 keeper audit --rules "$BATS_TEST_TMPDIR/rules.toml" sbx-own
  [ "$(jq -r 'select(.rule.id == "cellblock-env-secret") | .cellblock.cell.control.found' <<<"$output")" = "SETTING (house-key)" ]
  run -2 keeper audit --rules /dev/null sbx-own
  [[ $output == *"--rules /dev/null"* ]]
}

# What Docker was told stays as it was: only the kernel knows.
@test "a process that an ended privileged exec left behind is found, and so is a limit that somebody raised" {
  local group
  boot sbx-strict --user 10001 --cap-drop ALL --security-opt no-new-privileges:true --memory 64m --memory-swap 64m --cpus 0.5 --pids-limit 20
  effects() { keeper audit "${1:-sbx-strict}" | jq -r 'select(.event.outcome == "failure" and (.rule.id // "" | test("-in-(effect|force)$"))) | .rule.id' | sort | paste -sd' ' -; }
  [ -z "$(effects)" ]
  run keeper audit sbx-strict
  [ "$(outcome "$output" cellblock-capabilities-in-effect)" = success ]
  [ "$(outcome "$output" cellblock-memory-in-force)" = success ]
  docker exec --user 0 --privileged sbx-strict sh -c 'sleep 300 >/dev/null 2>&1 &'
  run keeper audit sbx-strict
  [ "$(outcome "$output" cis-docker-5.23)" = success ] # the exec is over: Docker has nothing to tell
  [ "$(outcome "$output" cellblock-capabilities-in-effect)" = failure ]
  [ "$(effects)" = cellblock-capabilities-in-effect ]
  docker restart -t 0 sbx-strict >/dev/null
  [ -z "$(effects)" ]
  group=$(find /sys/fs/cgroup -type d -name "$(docker inspect --format '{{.Id}}' sbx-strict)" -exec test -e '{}/pids.max' \; -print -quit)
  echo 4000 >"$group/pids.max"
  [ "$(effects)" = cellblock-processes-in-force ]
  boot sbx-loose --user 10001 --cap-drop ALL --security-opt seccomp=unconfined
  [ "$(effects sbx-loose)" = "cellblock-privileges-in-effect cellblock-seccomp-in-effect" ]
}

@test "a process that Docker is just putting into a container is none without a filter" {
  boot sbx-busy --user 10001 --cap-drop ALL --security-opt no-new-privileges:true
  (for _ in {1..60}; do docker exec sbx-busy true; done) 3>&- &
  for _ in {1..15}; do
    run keeper audit sbx-busy
    [ "$(jq -r 'select(.event.outcome == "failure" and (.rule.id // "" | test("-in-effect$"))) | .rule.id' <<<"$output")" = "" ]
  done
  wait
}

@test "a container that asks for nothing passes every control, and a known weakness passes until its day" {
  boot sbx-sound --user 10009:10009 --read-only --cap-drop ALL --security-opt no-new-privileges --memory 64m --memory-swap 64m \
    --cpus 0.5 --pids-limit 16 --log-opt max-size=1m --ulimit core=0 --health-cmd true --health-interval 1s
  for _ in $(seq 50); do
    [ "$(docker inspect -f '{{.State.Health.Status}}' sbx-sound)" = healthy ] && break
    sleep 0.2
  done
  run -0 keeper audit sbx-sound
  [ "$(jq -r 'select(.rule) | .event.outcome' <<<"$output" | sort -u)" = success ]
  [ "$(jq -r 'select(.rule) | .rule.id' <<<"$output" | wc -l)" -ge 28 ]
  docker rm -f sbx-sound >/dev/null
  boot sbx-sound --user 10009:10009 --cap-drop ALL --security-opt no-new-privileges --memory 64m --memory-swap 64m \
    --cpus 0.5 --pids-limit 16 --log-opt max-size=1m --ulimit core=0 --health-cmd true --health-interval 1s
  sleep 2
  run -1 keeper audit sbx-sound
  [ "$(jq -r 'select(.event.outcome == "failure") | .rule.id // empty' <<<"$output")" = cis-docker-5.13 ]
  waived_until 2999-01-01
  run -0 keeper audit sbx-sound
  [ "$(jq -r 'select(.rule.id == "cis-docker-5.13") | "\(.event.outcome) \(.event.severity) \(.cellblock.cell.control.waived.reason)"' <<<"$output")" = "success 21 it writes" ]
  policy_with ''
  waived_until 2020-01-01
  run -1 keeper audit sbx-sound
  [[ $(jq -r 'select(.rule.id == "cis-docker-5.13") | .event.reason' <<<"$output") == *"its waiver ended on 2020-01-01"* ]]
}

@test "the cell in another namespace than the vault's is found out" {
  boot vault
  docker run -d --name cell --network container:vault "$IMAGE" sleep infinity >/dev/null
  run -1 keeper audit cell
  [ "$(outcome "$output" cellblock-networks)" = success ]
  docker restart -t 0 vault >/dev/null # its namespace is a new one, and the cell is in the old one still
  [ "$(docker exec vault readlink /proc/self/ns/net)" != "$(docker exec cell readlink /proc/self/ns/net)" ]
  run -1 keeper audit cell
  [ "$(outcome "$output" cellblock-networks)" = failure ]
  docker rm -f vault >/dev/null
  boot vault
  run -1 keeper audit cell
  [ "$(outcome "$output" cellblock-networks)" = failure ]
}

@test "a folder of the host behind a volume, and a stranger in the vault's namespace, are found out" {
  docker volume create -o type=none -o o=bind -o device=/etc sbx-etc >/dev/null
  docker volume create sbx-plain >/dev/null
  weak sbx-masked -v sbx-etc:/x
  weak sbx-open -v sbx-plain:/x
  run -1 keeper audit sbx-masked
  for id in cis-docker-5.6 cellblock-mounts; do [ "$(outcome "$output" "$id")" = failure ]; done
  run -1 keeper audit sbx-open
  for id in cis-docker-5.6 cellblock-mounts; do [ "$(outcome "$output" "$id")" = success ]; done
  make_networks
  docker run -d --name vault --network cellblock-cell "$IMAGE" sleep infinity >/dev/null
  weak parasite --network container:vault
  run -1 keeper audit
  [ "$(outcome "$(jq -c 'select(.container.name == "parasite")' <<<"$output")" cellblock-networks)" = failure ]
  [ "$(jq -r 'select(.container.name == "sbx-open")' <<<"$output")" = "" ]
  docker rm -f sbx-masked sbx-open >/dev/null
  docker volume rm sbx-etc sbx-plain >/dev/null
}

@test "a container is the same by its name and by its id" {
  boot vault
  id=$(docker inspect -f '{{.Id}}' vault)
  by() { keeper audit "$1" | jq -c 'select(.rule) | [.rule.id, .event.outcome, .container.name]'; }
  [ "$(by vault)" = "$(by "$id")" ]
}

@test "a privileged command that somebody started in a container is found out while it runs" {
  boot sbx-host
  run -1 keeper audit sbx-host
  [ "$(outcome "$output" cis-docker-5.23)" = success ]
  docker exec -d --privileged sbx-host sleep 60
  run -1 keeper audit sbx-host
  [ "$(outcome "$output" cis-docker-5.23)" = failure ]
}

@test "a frozen cell stands still and reaches nothing, and is as before when it is thawed" {
  make_networks
  docker run -d --name vault --network cellblock-cell --ip 172.30.1.3 --ip6 fd6c:6c62:1::3 "$IMAGE" sleep infinity >/dev/null
  docker run -d --name cell --network container:vault "$IMAGE" sleep infinity >/dev/null
  for _ in 1 2; do
    run -0 keeper freeze
    [ "$(docker inspect -f '{{.State.Paused}}' cell)" = true ]
    [ "$(docker inspect -f '{{len .NetworkSettings.Networks}}' vault)" = 0 ]
  done
  run -0 keeper thaw
  [ "$(docker inspect -f '{{.State.Paused}}' cell)" = false ]
  [ "$(docker inspect -f '{{(index .NetworkSettings.Networks "cellblock-cell").IPAddress}}' vault)" = 172.30.1.3 ]
  [ "$(docker inspect -f '{{(index .NetworkSettings.Networks "cellblock-cell").GlobalIPv6Address}}' vault)" = fd6c:6c62:1::3 ]
}

is_up() { on_host ip -json link show dev "$1" | jq -e '.[0].flags | index("UP")' >/dev/null; }

@test "the kill switch does what it can without a vault, and without a cell" {
  make_networks
  docker run -d --name cell --network cellblock-cell "$IMAGE" sleep infinity >/dev/null
  is_up br-cell
  run -0 keeper freeze
  [ "$(docker inspect -f '{{.State.Paused}} {{len .NetworkSettings.Networks}}' cell)" = "true 0" ]
  run ! is_up br-cell
  docker rm -f cell >/dev/null
  run -0 keeper freeze
  [[ $output == *"is not there"* ]]
}

@test "the kill switch closes the cell's bridges where no engine answers, and says that the cell may run on" {
  make_networks
  docker run -d --name vault --network cellblock-cell --ip 172.30.1.3 "$IMAGE" sleep infinity >/dev/null
  docker run -d --name cell --network container:vault "$IMAGE" sleep infinity >/dev/null
  is_up br-cell
  DOCKER_HOST=unix:///run/nowhere.sock run -3 keeper freeze
  [[ $output == *"may run on"* ]]
  run ! is_up br-cell
  run -0 keeper thaw
  is_up br-cell
}

# Docker is told a name; what is behind it is the host's own folder.
@test "a volume that is the host's run folder is found by what the kernel has, whatever its type says" {
  docker volume create --driver local --opt type=tmpfs --opt o=bind --opt device=/run sbx-innocent >/dev/null
  docker run -d --name sbx-volume --network none --volume sbx-innocent:/data "$IMAGE" sleep infinity >/dev/null
  docker exec sbx-volume test -d "/data/$LAB_NAME-lab" # the control: it is the host's
  run -1 keeper audit sbx-volume
  [ "$(outcome "$output" cis-docker-5.32)" = failure ]
  [ "$(outcome "$output" cis-docker-5.6)" = failure ]
  [ "$(outcome "$output" cellblock-mounts)" = failure ]
  docker rm -f sbx-volume >/dev/null
  weak sbx-created --network none --volume sbx-innocent:/data
  run -1 keeper audit sbx-created
  [ "$(outcome "$output" cis-docker-5.6)" = failure ]
  docker rm -f sbx-created >/dev/null
  docker volume rm sbx-innocent >/dev/null
  docker volume create --driver local --opt type=tmpfs --opt device=tmpfs --opt o=size=1m sbx-memory >/dev/null
  docker run -d --name sbx-plain --network none --volume sbx-memory:/data "$IMAGE" sleep infinity >/dev/null
  run -1 keeper audit sbx-plain
  [ "$(outcome "$output" cellblock-mounts)" = success ]
  [ "$(outcome "$output" cis-docker-5.32)" = success ]
  docker rm -f sbx-plain >/dev/null
  docker volume rm sbx-memory >/dev/null
}

@test "a reader that leaves early does not turn findings into success, and a context that leads elsewhere is refused" {
  boot sbx-weak
  # shellcheck disable=SC2016  # for the inner shell
  run -1 bash -c '"$@" | head -c 1 >/dev/null; exit "${PIPESTATUS[0]}"' - nsenter "--net=/run/netns/$LAB_NAME-host" -- "$SANDBOXCTL" --root "$ROOT" --format jsonl audit sbx-weak
  mkdir -p "$BATS_TEST_TMPDIR/docker/contexts/meta/$(printf far | sha256sum | cut -d' ' -f1)"
  echo '{"Name":"far","Endpoints":{"docker":{"Host":"tcp://127.0.0.1:2375"}}}' \
    >"$BATS_TEST_TMPDIR/docker/contexts/meta/$(printf far | sha256sum | cut -d' ' -f1)/meta.json"
  run -2 on_host env -u DOCKER_HOST DOCKER_CONFIG="$BATS_TEST_TMPDIR/docker" DOCKER_CONTEXT=far "$SANDBOXCTL" --root "$ROOT" audit
  [[ $output == *"only a Unix socket"* ]]
  run -1 keeper audit sbx-weak
  [ "$(jq -r 'select(.event.action == "run-finished") | .cellblock.engine.version' <<<"$output")" = "$(docker version --format '{{.Server.Version}}')" ]
}

@test "what the engine does is told as it happens, and what it started is audited at once" {
  "$SANDBOXCTL" --root "$ROOT" --format jsonl events >"$BATS_TEST_TMPDIR/events" 3>&- &
  pid=$!
  sleep 1
  boot sbx-late -e API_TOKEN=correct-horse
  for _ in $(seq 50); do grep -q '"cis-docker-5.13"' "$BATS_TEST_TMPDIR/events" && break; sleep 0.1; done
  kill -TERM "$pid"
  wait "$pid" || [ $? = 1 ]
  events=$(<"$BATS_TEST_TMPDIR/events")
  [ "$(jq -r 'select(.event.action == "engine-event-seen" and .event.type == ["start"]) | .container.name' <<<"$events")" = sbx-late ]
  [ "$(outcome "$events" cis-docker-5.13)" = failure ]
  [ "$(tail -n 1 <<<"$events" | jq -r .event.action)" = run-finished ]
  [[ $events != *correct-horse* ]]
}

@test "status tells a share that is a plain folder from one that is bounded" {
  policy_with 's/^share .*/share = { path = "sandbox_data", size = "16MiB" }/'
  mkdir -p "$ROOT/sandbox_data/share" "$ROOT/jail" "$ROOT/audit"
  share() { jq -r 'select(.cellblock.cell.storage.name == "share") | .event.outcome' <<<"$output"; }
  run -1 keeper status
  [ "$(share)" = failure ]
  [ "$(jq -r 'select(.cellblock.cell.service) | .cellblock.cell.service.state' <<<"$output" | sort -u)" = absent ]
  mount -t tmpfs -o size=16m,nosuid,nodev tmpfs "$ROOT/sandbox_data/share"
  head -c 1048576 /dev/zero >"$ROOT/sandbox_data/share/file"
  run -1 keeper status
  umount "$ROOT/sandbox_data/share"
  [ "$(share)" = success ]
  [ "$(jq -r '.cellblock.cell.storage | select(.name == "share") | .used' <<<"$output")" = 1048576 ]
}

@test "a vault that serves already shows the new certificate as soon as it is delivered" {
  env -u DOCKER_HOST "$LAB" load cellblock/vault:local 3>&-
  served() { docker exec vault openssl s_client -connect 127.0.0.1:443 </dev/null 2>/dev/null | openssl x509 -outform der 2>/dev/null | sha256sum | cut -d' ' -f1; }
  shows() {
    local wanted
    wanted=$(keeper cert fingerprint | jq -r 'select(.tls) | .tls.server.hash.sha256')
    for _ in $(seq 100); do [ "$(served)" = "$wanted" ] && return; sleep 0.1; done
    return 1
  }
  keeper cert create >/dev/null
  docker run -d --name vault --network none --user 10001:10001 --read-only --sysctl net.ipv4.ip_unprivileged_port_start=443 \
    --tmpfs /run/secrets:uid=10001,gid=10001,mode=0700,size=1m --tmpfs /run/nginx:uid=10001,gid=10001,mode=0700,size=4m \
    cellblock/vault:local >/dev/null
  keeper cert deliver >/dev/null
  shows
  keeper cert create --next >/dev/null
  keeper cert create --renew >/dev/null
  [ "$(served)" != "$(openssl x509 -in "$ROOT/vault/cert.pem" -outform der | sha256sum | cut -d' ' -f1)" ] # not before
  keeper cert deliver >/dev/null
  shows
  [ "$(docker inspect -f '{{.State.Running}} {{.RestartCount}}' vault)" = "true 0" ]
}

@test "the published port is closed while the cell is frozen, and answers again after the thaw" {
  env -u DOCKER_HOST "$LAB" load cellblock/vault:local 3>&-
  port() { nsenter --net=/run/netns/$LAB_NAME-host -- curl -sk -m 2 -o /dev/null https://127.0.0.1:8443/; }
  opens() { for _ in $(seq 50); do port && return; sleep 0.1; done; return 1; }
  make_networks
  keeper cert create >/dev/null
  docker run -d --name vault --network cellblock-cell --ip 172.30.1.3 --ip6 fd6c:6c62:1::3 -p 127.0.0.1:8443:443 \
    --user 10001:10001 --read-only --sysctl net.ipv4.ip_unprivileged_port_start=443 \
    --tmpfs /run/secrets:uid=10001,gid=10001,mode=0700,size=1m --tmpfs /run/nginx:uid=10001,gid=10001,mode=0700,size=4m \
    cellblock/vault:local >/dev/null
  docker run -d --name cell --network container:vault "$IMAGE" sleep infinity >/dev/null
  keeper cert deliver >/dev/null
  opens
  keeper freeze >/dev/null
  run ! port
  keeper thaw >/dev/null
  opens
}
