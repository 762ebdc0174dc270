#!/usr/bin/env bats
# The keeper before a real engine: networks as the policy has them; a certificate and a secret that reach a
# tmpfs and nothing else. Then an audit that a weak container fails, and the kill switch. The lab is one of its
# own. Weak containers are created, never started: what they ask for is there to be read, and nothing is at
# risk.

# shellcheck disable=SC2154  # bats sets $stderr
bats_require_minimum_version 1.5.0
load ../worlds/nobody
load ../worlds/networks

export LAB_NAME=sandboxctl
LAB=$BATS_TEST_DIRNAME/../worlds/lab/lab
HOUSE=$BATS_TEST_DIRNAME/../..
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
keeper() {
  [ "$1" = --format ] || set -- --format jsonl "$@"
  on_host "$SANDBOXCTL" --root "$ROOT" "$@"
}
on_host() { nsenter "--net=/run/netns/$LAB_NAME-host" -- "$@"; }
boot() { local name=$1; shift; docker run -d --name "$name" --network none "$@" "$IMAGE" sleep infinity >/dev/null; }
weak() { local name=$1; shift; docker create --name "$name" "$@" "$IMAGE" sleep infinity >/dev/null; }
outcome() { jq -r --arg id "$2" 'select(.rule.id == $id) | .event.outcome' <<<"$1"; }

waived_until() {
  printf '\n[[waiver]]\ncontrol = "cis-docker-5.13"\ncontainer = "sbx-sound"\nuntil = %s\nreason = "it writes"\n' "$1" >>"$CELLBLOCK_POLICY"
}

make_networks() { keeper render networks | create_networks docker; }

@test "the engine makes the networks as they are rendered, and the audit finds in them what the moat guards" {
  make_networks
  run keeper audit
  [ "$status" = 1 ] # no service runs
  [ "$(jq -r 'select(.rule.category == "network") | .event.outcome' <<<"$output" | sort | uniq -c | awk '{ print $2 $1 }')" = success24 ]
  [ "$(jq -r 'select(.rule.category == "engine") | .event.outcome' <<<"$output" | sort -u)" = success ]
  [ "$(jq -r 'select(.rule.id == "cellblock-running") | .event.outcome' <<<"$output" | uniq -c | awk '{ print $2 $1 }')" = failure6 ]
}

# The lab's stand-in answers in Tailscale's shape, from files.
@test "what Tailscale on the host exposes is found, the vault's port is not, and a host without Tailscale says so" {
  local served=$BATS_TEST_TMPDIR/tailscale
  mkdir "$served"
  asked() { TAILSCALE_STAND_IN=$served PATH=$1:$PATH keeper audit --only cellblock-tailscale | jq -r 'select(.rule.id == "cellblock-tailscale") | "\(.event.outcome) \(.cellblock.cell.control.found // .event.reason)"'; }
  [ "$(asked "$BATS_TEST_DIRNAME/../worlds/lab/stand-in")" = "success none" ]
  docker run -d --name sbx-web --network bridge -p 127.0.0.1:3000:80 "$IMAGE" sleep infinity >/dev/null
  echo '{"TCP":{"8443":{"TCPForward":"127.0.0.1:8443"},"443":{"TCPForward":"127.0.0.1:3000"}},"AllowFunnel":{"h:8443":true}}' >"$served/serve.json"
  [ "$(asked "$BATS_TEST_DIRNAME/../worlds/lab/stand-in")" = "failure serve on 443 leads to 127.0.0.1:3000, funnel, to the whole internet, on 8443 leads to 127.0.0.1:8443" ]
  # Published at all addresses, it is reached by the one in the LAN as well.
  docker run -d --name sbx-wide --network bridge -p 3001:80 "$IMAGE" sleep infinity >/dev/null
  echo '{"TCP":{"443":{"TCPForward":"192.168.77.2:3001"},"444":{"TCPForward":"192.168.77.2:3000"},"445":{"TCPForward":"192.168.77.10:3001"}}}' >"$served/serve.json"
  [ "$(asked "$BATS_TEST_DIRNAME/../worlds/lab/stand-in")" = "failure serve on 443 leads to 192.168.77.2:3001" ]
  echo 'no JSON' >"$served/status.json"
  [[ $(asked "$BATS_TEST_DIRNAME/../worlds/lab/stand-in") == "unknown tailscale status --json is not in the shape"* ]]
  command -v tailscale >/dev/null || [ "$(asked "$served")" = "success it is not installed, and was not asked" ]
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

@test "a secret that is put anew is there whole at every moment, and one that is dropped is gone" {
  policy_with 's/^# credential = .*/credential = "github-token"/'
  boot proxy --tmpfs /run/secrets:size=1m
  for letter in a b; do head -c 65536 /dev/zero | tr '\0' "$letter" >"$BATS_TEST_TMPDIR/$letter"; done
  keeper secret put github-token <"$BATS_TEST_TMPDIR/a" >/dev/null
  # Who reads it as the gate does, for each request, sees one or the other.
  docker exec proxy sh -c 'while [ ! -e /run/secrets/stop ]; do cat /run/secrets/github-token | tr -s ab; echo; done' >"$BATS_TEST_TMPDIR/seen" 3>&- &
  reader=$!
  for _ in 1 2 3 4 5 6; do for letter in b a; do keeper secret put github-token <"$BATS_TEST_TMPDIR/$letter" >/dev/null; done; done
  docker exec proxy touch /run/secrets/stop
  wait "$reader"
  [ "$(sort -u "$BATS_TEST_TMPDIR/seen" | paste -sd' ' -)" = "a b" ]
  [ "$(docker exec proxy ls -A /run/secrets | paste -sd' ' -)" = "github-token stop" ]
  run -0 keeper secret drop github-token
  [ "$(jq -r 'select(.event.action == "secret-dropped") | "\(.cellblock.cell.secret) \(.message)"' <<<"$output")" = "github-token The secret github-token was taken out of proxy." ]
  run ! docker exec proxy test -e /run/secrets/github-token
  run -1 keeper secret list
  run -0 keeper secret drop github-token
  [[ $output == *"nothing to take out"* ]]
  docker exec proxy touch /run/secrets/kept
  run -2 keeper secret drop ../run/secrets/kept
  docker exec proxy test -e /run/secrets/kept
}

@test "two who put one secret at the same time both succeed, one of the two is there whole, and nothing else stays" {
  policy_with 's/^# credential = .*/credential = "github-token"/'
  boot proxy --tmpfs /run/secrets:size=1m
  for letter in a b; do head -c 65536 /dev/zero | tr '\0' "$letter" >"$BATS_TEST_TMPDIR/$letter"; done
  for _ in 1 2 3 4 5 6; do
    keeper secret put github-token <"$BATS_TEST_TMPDIR/a" >/dev/null 3>&- &
    first=$!
    keeper secret put github-token <"$BATS_TEST_TMPDIR/b" >/dev/null 3>&- &
    wait "$first"
    wait "$!"
    [[ $(docker exec proxy cat /run/secrets/github-token | tr -s ab) == [ab] ]]
    [ "$(docker exec proxy stat -c %s /run/secrets/github-token)" = 65536 ]
  done
  [ "$(docker exec proxy ls -A /run/secrets)" = github-token ]
  # What one left behind that was killed goes with the next one. A young file may be somebody's, and goes with the
  # secret.
  docker exec proxy sh -c 'cd /run/secrets && touch .github-token.young.new .other.old.new && touch -d "5 minutes ago" .github-token.old.new .other.old.new'
  keeper secret put github-token <"$BATS_TEST_TMPDIR/a" >/dev/null
  [ "$(docker exec proxy ls -A /run/secrets | sort | paste -sd' ' -)" = ".github-token.young.new .other.old.new github-token" ]
  keeper secret drop github-token >/dev/null
  [ "$(docker exec proxy ls -A /run/secrets)" = .other.old.new ]
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
  weak sbx-open -p 0.0.0.0:9999:80 -p 127.0.0.1:81:81 --expose 22
  run -1 keeper audit sbx-weak sbx-open
  [[ $output != *correct-horse* ]]
  passed=$(jq -r 'select(.event.outcome == "success") | "\(.container.name) \(.rule.id)"' <<<"$output")
  failed=$(jq -r 'select(.event.outcome == "failure") | .rule.id // empty' <<<"$output" | sort -u)
  for id in $(jq -r '.rule.id // empty' <<<"$output" | sort -u); do
    case $id in
      cellblock-networks | cellblock-oom | cellblock-sysctls | cis-docker-5.23 | cis-docker-5.24 | cis-docker-5.28 | cis-docker-4.7 | cis-docker-4.9 | cis-docker-4.1[01]) continue ;; # asks for none of it: shown below, or refused by the engine
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
  local name=$1 network=(--network none) log=(--log-opt max-size=1m --log-opt max-file=2) health=(--health-cmd 'exit 0')
  shift
  [[ " $* " != *" --no-healthcheck "* ]] || health=()
  [[ " $* " != *" --log-driver none "* ]] || log=() # it takes no options
  [[ " $* " != *" --network "* ]] || network=()
  weak "$name" "${network[@]}" --cap-drop ALL --security-opt no-new-privileges:true --read-only --user 1000:1000 --memory 64m --memory-swap 64m \
    --pids-limit 32 --cpus 0.2 "${log[@]}" --ulimit core=0 "${health[@]}" "$@"
}
# `step NAME COMMAND`: an image with this command for its newest step, as `docker history` has it.
step() {
  local made words
  read -ra words <<<"$2"
  made=$(docker create --network none "$IMAGE" "${words[@]}")
  docker commit "$made" "$1:step" >/dev/null
  docker rm "$made" >/dev/null
}
of_step() { step "$1" "$2"; IMAGE=$1:step hard "$1"; }
# A container whose image's name belongs to another image by now.
moved() {
  docker tag "$IMAGE" "$1:step"
  IMAGE=$1:step hard "$1"
  step "$1" true
}
# The words of a row: each begins at a blank before a dash, an option's value being a word of its own.
words_of() { sed -E 's/^(-[^ =]+) (.*)$/\1\n\2/' <<<"${1// -/$'\n'-}"; }

@test "each weakness that was tried from outside is found by the control that names it, and a hard container has none" {
  local id what words number=0 row group layers=()
  # A group of its own for the lab's socket, as a host's has one.
  group=4242
  chgrp "$group" "/run/$LAB_NAME-lab/docker.sock"
  printf '%s' '{"defaultAction":"SCMP_ACT_LOG"}' >"$BATS_TEST_TMPDIR/log.json"
  printf '%s' '{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read","unshare","bpf"],"action":"SCMP_ACT_ALLOW"}]}' >"$BATS_TEST_TMPDIR/wide.json"
  echo 'API_TOKEN=s3cr3tPw9x' >"$BATS_TEST_TMPDIR/app.env"
  printf 'services: {}\nx-environment:\n  - DB_PASSWORD=s3cr3tPw9x\n' >"$BATS_TEST_TMPDIR/compose.yaml"
  hard sbx-hard
  while IFS=$'\t' read -r id what words; do
    [[ $id == \#* ]] && continue
    number=$((number + 1))
    words=${words//PROFILES/$BATS_TEST_TMPDIR} words=${words//SOCKETGROUP/$group} words=${words//SOCKET//run/$LAB_NAME-lab/docker.sock}
    case $words in
      layers:*) layered "sbx-$number" "${words#layers: }"; layers+=("sbx-$number") ;;
      image:*) of_step "sbx-$number" "${words#image: }" ;;
      moved:*) moved "sbx-$number" ;;
      *) mapfile -t row < <(words_of "$words"); hard "sbx-$number" "${row[@]}" ;;
    esac
    printf '%s\t%s\t%s\n' "sbx-$number" "$id" "$what" >>"$BATS_TEST_TMPDIR/wanted"
  done <"$BATS_TEST_DIRNAME/../worlds/sandboxctl/weaknesses.tsv"
  [ "$number" -ge 60 ]
  mapfile -t row < <(cut -f1 "$BATS_TEST_TMPDIR/wanted")
  keeper audit sbx-hard "${row[@]}" >"$BATS_TEST_TMPDIR/told" || [ $? = 1 ]
  keeper audit --only cis-docker-4.8,cellblock-layer-secret "${layers[@]}" >>"$BATS_TEST_TMPDIR/told" || [ $? = 1 ]
  # It was never started, and so it neither runs nor is it well; nothing else is wrong with it.
  [ "$(jq -r 'select(.container.name == "sbx-hard" and .event.outcome == "failure") | .rule.id' "$BATS_TEST_TMPDIR/told" | sort | tr '\n' ' ')" = "cellblock-running cis-docker-5.27 " ]
  jq -r 'select(.event.outcome == "failure" and .container.name) | "\(.container.name)\t\(.rule.id)"' "$BATS_TEST_TMPDIR/told" | sort >"$BATS_TEST_TMPDIR/failed"
  cut -f1,2 "$BATS_TEST_TMPDIR/wanted" | sort | comm -23 - "$BATS_TEST_TMPDIR/failed" >"$BATS_TEST_TMPDIR/missed"
  cat "$BATS_TEST_TMPDIR/missed"
  [ ! -s "$BATS_TEST_TMPDIR/missed" ]
  run ! grep -q 's3cr3tPw9x\|b3c4d5e6\|sk-ant-\|ghp_' "$BATS_TEST_TMPDIR/told"
}

# `layered NAME STEPS...`: a container of an image with one layer for each step, a command for a shell.
layered() {
  local name=$1 image=$IMAGE step
  for step in "${@:2}"; do
    docker run --name "$name-made" --network none --user 0 "$image" sh -ec "$step" >/dev/null
    image=$name:layer
    docker commit "$name-made" "$image" >/dev/null
    docker rm "$name-made" >/dev/null
  done
  IMAGE=$image weak "$name" --network none
}
# `judged NAME ID`: verdict, and what was found or why it is not known.
judged() { jq -r --arg name "$1" --arg id "$2" 'select(.container.name == $name and .rule.id == $id) | "\(.event.outcome) \(.cellblock.cell.control.found // .event.reason)"' "$BATS_TEST_TMPDIR/told"; }

@test "a secret that a later layer removed, and a set-uid file, are found in the layers of an image, and nothing in a clean one" {
  local bare='find / -xdev -perm /6000 -type f -exec chmod a-s {} +' secret=DB_PASSWORD=s3cr3tPw9x
  layered sbx-clean "$bare; echo 'DB_PASSWORD=\${DB_PASSWORD}' >/srv/.env"
  layered sbx-layers "$bare; echo $secret >/srv/.env; cp /bin/true /opt/run; chmod 4755 /opt/run" 'rm /srv/.env'
  weak sbx-twin --network none -e "$secret"
  run -1 keeper audit sbx-clean
  [[ $output != *cis-docker-4.8* && $output != *cellblock-layer-secret* ]]
  keeper audit --layers sbx-clean sbx-layers sbx-twin >"$BATS_TEST_TMPDIR/told" || [ $? = 1 ]
  [ "$(judged sbx-clean cis-docker-4.8)" = "success none" ]
  [ "$(judged sbx-clean cellblock-layer-secret)" = "success none" ]
  [ "$(judged sbx-layers cis-docker-4.8)" = "failure /opt/run" ]
  [[ $(judged sbx-layers cellblock-layer-secret) =~ ^"failure layer 2: srv/.env, line 1 (named so, 10 characters, mark "[0-9a-f]{12}", same as in sbx-twin)"$ ]]
  [[ $(judged sbx-twin cellblock-env-secret) == *", same as in sbx-layers)" ]]
  run ! grep -q s3cr3tPw9x "$BATS_TEST_TMPDIR/told"
  [ "$(stat -c '%a %s' "$ROOT/audit.key/marks")" = "600 32" ]
}

@test "a secret in a file that is mounted or in a Compose file is found, and what leads elsewhere is not read" {
  local at=$BATS_TEST_TMPDIR/files pid name
  mkdir "$at"
  echo 'API_TOKEN=0a1b2c3d4e5f' >"$at/app.env"
  # shellcheck disable=SC2016  # a reference, for Compose
  echo 'API_TOKEN=${API_TOKEN}' >"$at/clean.env"
  printf 'services:\n  a:\n    env_file: app.env\n' >"$at/compose.yaml"
  # A name, and its value beside it: as Kubernetes has them, and on one line.
  printf 'env:\n- name: DB_PASSWORD\n  value: x7!hunter\n' >"$at/env.yaml"
  weak sbx-pairs --network none -v "$at/env.yaml:/etc/env.yaml:ro" --env 'CONFIG={"name":"password","value":"x7!hunter"}'
  weak sbx-clean --network none -v "$at/clean.env:/etc/app.env:ro" -v "$at/app.env:/run/secrets/app:ro" -v "$at:/x:ro"
  boot sbx-files -v "$at/app.env:/etc/app.env:ro"
  weak sbx-stopped --network none -v "$at/app.env:/etc/app.env:ro"
  weak sbx-composed --network none --label "com.docker.compose.project.config_files=$at/compose.yaml"
  weak sbx-gone --network none --label "com.docker.compose.project.config_files=$at/none.yaml"
  weak sbx-odd --network none --label "com.docker.compose.project.config_files=/dev/zero"
  keeper audit sbx-clean sbx-files sbx-stopped sbx-composed sbx-gone sbx-odd sbx-pairs >"$BATS_TEST_TMPDIR/told" || [ $? = 1 ]
  [ "$(judged sbx-clean cellblock-mounted-secret)" = "success none" ]
  for name in sbx-files sbx-stopped; do
    [[ $(judged "$name" cellblock-mounted-secret) == "failure /etc/app.env, line 1 (named so, 12 characters, mark "* ]]
  done
  [[ $(judged sbx-composed cellblock-compose-secret) == "failure $at/app.env, line 1 (named so, "* ]]
  [ -z "$(judged sbx-gone cellblock-compose-secret)" ]
  [[ $(judged sbx-odd cellblock-compose-secret) == "unknown /dev/zero: it is no regular file" ]]
  [[ $(judged sbx-pairs cellblock-mounted-secret) == "failure /etc/env.yaml, line 3 (named so, 9 characters, mark "* ]]
  [[ $(judged sbx-pairs cellblock-env-secret) == "failure CONFIG (named so, 9 characters, mark "* ]]
  run ! grep -q '0a1b2c3d4e5f\|x7!hunter' "$BATS_TEST_TMPDIR/told"
  # A name that the container's owner turned into a link to the host's: what the kernel has mounted there is read, no more.
  pid=$(docker inspect -f '{{.State.Pid}}' sbx-files)
  nsenter -t "$pid" -m -p umount /etc/app.env
  docker exec sbx-files sh -c 'rm /etc/app.env; ln -s /proc/1/root/etc/shadow /etc/app.env'
  keeper audit sbx-files >"$BATS_TEST_TMPDIR/told" || [ $? = 1 ]
  [ -z "$(judged sbx-files cellblock-mounted-secret)" ]
}

@test "every stranger on the engine that can touch the composition is named with how, and a harmless one is not" {
  local says words number=0 row
  mkdir -p "$ROOT/sandbox_data/share" "$ROOT/vault"
  touch "$ROOT/vault/key.pem"
  mknod "$ROOT/disk" b 7 250
  mkdir "$ROOT/disks"
  make_networks
  weak vault --network cellblock-cell
  weak cell --network container:vault -v sbx-notes:/notes
  for row in 'sbx-alone --network none' 'sbx-link --network container:vault' 'sbx-near --network cellblock-cell'; do
    read -ra words <<<"$row"
    weak "${words[@]}"
  done
  docker start sbx-alone >/dev/null # one that runs is looked at by the kernel's list of mounts
  while IFS=$'\t' read -r says words; do
    [[ $says == \#* ]] && continue
    number=$((number + 1)) says=${says//ROOT/$ROOT} words=${words//ROOT/$ROOT}
    mapfile -t row < <(words_of "${words//SOCKET//run/$LAB_NAME-lab/docker.sock}")
    weak "sbx-$number" "${row[@]}"
    printf '%s\t%s\n' "sbx-$number" "$says" >>"$BATS_TEST_TMPDIR/wanted"
  done <"$BATS_TEST_DIRNAME/../worlds/sandboxctl/strangers.tsv"
  [ "$number" -ge 30 ]
  keeper audit --only cellblock-strangers >"$BATS_TEST_TMPDIR/told" || [ $? = 1 ]
  while IFS=$'\t' read -r row says; do
    words=$(jq -r --arg name "$row" 'select(.container.name == $name) | "\(.event.outcome) \(.event.reason)"' "$BATS_TEST_TMPDIR/told")
    case $says in
      -) [ -z "$words" ] || { echo "$row: $words"; return 1; } ;;
      *) [[ $words == failure*"$says"* ]] || { echo "$row: wanted $says, told $words"; return 1; } ;;
    esac
  done <"$BATS_TEST_TMPDIR/wanted"
  [ "$(jq -r 'select(.container.name == "sbx-alone")' "$BATS_TEST_TMPDIR/told")" = "" ]
  # Strangers that come and go while it looks are not told as unknown.
  (until [ -e "$BATS_TEST_TMPDIR/enough" ]; do docker run --rm --network none "$IMAGE" true; done) 3>&- &
  for _ in {1..8}; do keeper audit --only cellblock-strangers || [ $? = 1 ]; done >"$BATS_TEST_TMPDIR/restless"
  touch "$BATS_TEST_TMPDIR/enough"
  wait $!
  [ "$(grep -c '"run-finished"' "$BATS_TEST_TMPDIR/restless")" = 8 ]
  [ "$(jq -r 'select(.rule.id == "cellblock-strangers" and .event.outcome == "unknown") | .event.reason' "$BATS_TEST_TMPDIR/restless")" = "" ]
  docker ps -aq | xargs docker rm -f >/dev/null
  docker volume rm sbx-notes sbx-other >/dev/null
}

# `put NAME OPTION...`: a process in the control group of the container, in the namespaces that these options of nsenter
# name; prints the number of nsenter's own, which waits for it.
put() {
  local group id
  id=$(docker inspect -f '{{.Id}}' "$1")
  group=$(find /sys/fs/cgroup -type d -name "*$id*" -exec test -e '{}/cgroup.procs' \; -print -quit)
  nsenter "${@:2}" sleep 60 >/dev/null 2>&1 3>&- &
  for _ in {1..50}; do
    ! cat "/proc/$!/task/$!/children" 2>/dev/null | tr ' ' '\n' | head -1 | tee "$group/cgroup.procs" | grep -q . || break
    sleep 0.1
  done
  echo $!
}
pid_of() { docker inspect -f '{{.State.Pid}}' "$1"; }
# All namespaces of the one, but for the other's network.
at() { printf '%s\n' -t "$(pid_of "$1")" --mount --ipc --pid "--net=/proc/$(pid_of "$2")/ns/net"; }

@test "a stranger's process that entered the cell's network is named by inode, and one that stays at home is not" {
  local name pids=() guest home
  for name in cell sbx-guest sbx-home sbx-host; do boot "$name"; done
  mapfile -t guest < <(at sbx-guest cell)
  mapfile -t home < <(at sbx-home sbx-home)
  pids=("$(put sbx-guest "${guest[@]}")" "$(put sbx-home "${home[@]}")" "$(put sbx-host -t "$(pid_of sbx-host)" --pid --ipc --net)")
  keeper audit --only cellblock-strangers >"$BATS_TEST_TMPDIR/told" || [ $? = 1 ]
  pkill -P "$(IFS=,; echo "${pids[*]}")"
  [ "$(docker inspect -f '{{.HostConfig.NetworkMode}}' sbx-guest)" = none ] # Docker knows nothing of it
  [ "$(judged sbx-guest cellblock-strangers)" = "failure the network namespace of cell, by a process that entered it" ]
  [ "$(judged sbx-host cellblock-strangers)" = "failure the host's mount namespace, by a process that entered it" ]
  [ -z "$(judged sbx-home cellblock-strangers)" ]
  keeper audit --only cellblock-strangers >"$BATS_TEST_TMPDIR/told" || [ $? = 1 ]
  [ -z "$(judged sbx-guest cellblock-strangers)" ]
}

# `through PATTERN [STATUS COMMAND…]`: an audit of all, or another command, through an engine that answers 500 where the
# pattern is.
through() {
  local engine=$BATS_TEST_TMPDIR/engine.sock pid status=0 wanted=${2:-1} command=("${@:3}")
  [ "$#" -gt 1 ] || command=(audit)
  "$BATS_TEST_DIRNAME/../worlds/sandboxctl/faulty-engine" "${DOCKER_HOST#unix://}" "$engine" "$1" >/dev/null 2>&1 3>&- &
  pid=$!
  for _ in {1..50}; do [ ! -S "$engine" ] || break; sleep 0.1; done
  DOCKER_HOST=unix://$engine keeper "${command[@]}" || status=$?
  kill "$pid"
  rm "$engine"
  [ "$status" = "$wanted" ]
}

@test "what a broken engine does not tell of strangers, networks and images is unknown, and hides nothing else" {
  local lines
  weak sbx-harmless --network none
  weak sbx-host --network none --pid host
  weak cell --network none
  says() { jq -r --arg name "$1" --arg id "$2" 'select(.container.name == $name and .rule.id == $id) | "\(.event.outcome) \(.event.reason)"' <<<"$lines"; }
  lines=$(through nothing-at-all)
  [ "$(says sbx-harmless cellblock-strangers)" = "" ]
  [ "$(says cell cis-docker-4.7)" = "success null" ]
  lines=$(through '/networks$')
  [[ $(says sbx-harmless cellblock-strangers) == unknown*"did not list its networks"*"broken on purpose"* ]]
  [[ $(says sbx-host cellblock-strangers) == failure*"the host's pid namespace"* ]]
  lines=$(through '/containers/sbx-h[a-z]*/json')
  [[ $(says sbx-harmless cellblock-strangers) == unknown*"broken on purpose"* && $(says sbx-host cellblock-strangers) == unknown* ]]
  lines=$(through '/info')
  [[ $(says sbx-harmless cellblock-strangers) == unknown*"where it keeps containers"* ]]
  lines=$(through '/history')
  [[ $(says cell cis-docker-4.7) == unknown*"broken on purpose"* && -z $(says sbx-harmless cellblock-strangers) ]]
}

@test "a name that nobody has costs that name only, and one that is asked for twice is told once" {
  weak sbx-there
  run -1 keeper audit sbx-there sbx-nowhere "$(docker inspect -f '{{.Id}}' sbx-there)"
  [ "$(jq -r 'select(.container.name == "sbx-nowhere") | "\(.event.outcome) \(.event.reason)"' <<<"$output")" = "unknown there is no container sbx-nowhere; docker ps -a lists those there are" ]
  [ "$(jq -r 'select(.container.name == "sbx-there" and .rule.id == "cis-docker-5.4") | .event.outcome' <<<"$output")" = failure ]
  run -3 keeper audit sbx-nowhere
  # Whichever controls the caller asks for: the audit knows nothing of a container that is not there.
  run -3 keeper audit --only cis-docker-5.5 sbx-there sbx-nowhere
  [ "$(jq -r 'select(.rule.id == "cis-docker-5.5") | "\(.container.name) \(.event.outcome)"' <<<"$output")" = "sbx-there success" ]
  run -3 keeper audit --severity critical sbx-nowhere
}

@test "with a baseline only what is new since is told, and the record is one" {
  export PATH=$TARGET/release:$PATH
  weak sbx-old
  keeper audit sbx-old >"$BATS_TEST_TMPDIR/before" || [ $? = 1 ]
  fails() { jq -r 'select(.rule) | "\(.container.name) \(.rule.id)"' <<<"$output"; }
  run -0 keeper audit --baseline "$BATS_TEST_TMPDIR/before" sbx-old
  [ -z "$(fails)" ]
  [ "$(jq .cellblock.counts.checked <<<"$output")" -gt 10 ]
  weak sbx-new --privileged
  run -1 keeper audit --only cis-docker-5.5,cis-docker-5.13 --baseline "$BATS_TEST_TMPDIR/before" sbx-old sbx-new
  [ "$(fails)" = $'sbx-new cis-docker-5.5\nsbx-new cis-docker-5.13' ]
  run -2 keeper audit --baseline "$CELLBLOCK_POLICY" sbx-old
  run -2 keeper audit --baseline /dev/null sbx-old
  [[ $output == *"no line of an audit"* ]]
  run -2 keeper audit --baseline record sbx-old
  auditdb --root "$ROOT" ingest --provider sandboxctl - <"$BATS_TEST_TMPDIR/before" >/dev/null
  run -1 keeper audit --only cis-docker-5.5,cis-docker-5.13 --baseline record sbx-old sbx-new
  [ "$(fails)" = $'sbx-new cis-docker-5.5\nsbx-new cis-docker-5.13' ]
}

@test "a person's own rules know secrets too, and what is no file of rules says so" {
  printf '[[rules]]\nid = "house-key"\nregex = '"'''"'house-[0-9a-f]{12}'"'''"'\n' >"$BATS_TEST_TMPDIR/rules.toml"
  weak sbx-own -e 'SETTING=house-0a1b2c3d4e5f'
  run -1 keeper audit sbx-own
  [ "$(outcome "$output" cellblock-env-secret)" = success ]
  run -1 keeper audit --rules "$BATS_TEST_TMPDIR/rules.toml" sbx-own
  [[ $(jq -r 'select(.rule.id == "cellblock-env-secret") | .cellblock.cell.control.found' <<<"$output") =~ ^"SETTING (house-key, 18 characters, mark "[0-9a-f]{12}")"$ ]]
  run -2 keeper audit --rules /dev/null sbx-own
  [[ $output == *"--rules /dev/null"* ]]
}

# Docker's own answer stays as it was: only the kernel knows.
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

# What is in the container's network namespace and its processes, put there from the host.
@test "an SSH server, a tunnel and a port for remote control are found by what listens, by name and by device" {
  local space
  boot sbx-quiet --user 10001 --cap-drop ALL --security-opt no-new-privileges:true --tmpfs /run/x:size=8m,exec,mode=1777
  space=/proc/$(docker inspect --format '{{.State.Pid}}' sbx-quiet)/ns/net
  reached() { keeper audit --only cis-docker-5.7,cis-docker-5.9,cellblock-tunnels sbx-quiet | jq -r 'select(.rule) | "\(.rule.id) \(.event.outcome) \(.cellblock.cell.control.found)"'; }
  inside() { nsenter "--net=$space" -- "$@"; }
  [ "$(reached | cut -d' ' -f2 | uniq -c | awk '{ print $2 $1 }')" = success3 ]
  # The control: a server of another kind, on another port, is nobody's business.
  inside python3 -c 'import socket,time; s=socket.socket(); s.bind(("0.0.0.0",8080)); s.listen(); time.sleep(60)' 3>&- &
  for _ in {1..100}; do ! inside grep -q ':1F90 ' /proc/net/tcp || break; sleep 0.1; done
  [ "$(reached | cut -d' ' -f2 | uniq -c | awk '{ print $2 $1 }')" = success3 ]
  inside python3 -c 'import socket,time
all=[socket.socket(), socket.socket(), socket.socket(socket.AF_INET6), socket.socket(type=socket.SOCK_DGRAM)]
for s, at in zip(all, [("0.0.0.0",22), ("127.0.0.1",2375), ("::",5900), ("0.0.0.0",41641)]): s.bind(at)
for s in all[:3]: s.listen()
time.sleep(60)' 3>&- &
  inside ip link add tun7 type veth peer name other7
  docker exec -d sbx-quiet sh -c 'cp /bin/sleep /run/x/dropbear && exec /run/x/dropbear 60'
  docker exec -d sbx-quiet sh -c 'cp /bin/sleep /run/x/tailscaled && exec /run/x/tailscaled 60'
  for _ in {1..50}; do
    run reached
    [[ $output != *dropbear*tailscaled* || $output != *5900*41641* ]] || break
    sleep 0.2
  done
  [ "${lines[0]}" = "cis-docker-5.7 failure dropbear, 0.0.0.0:22/tcp" ]
  [ "${lines[1]}" = "cis-docker-5.9 failure 127.0.0.1:2375/tcp, [::]:5900/tcp" ]
  [ "${lines[2]}" = "cellblock-tunnels failure tailscaled, 0.0.0.0:41641/udp, the device tun7" ]
  kill %1 %2
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
  # As text: one page, whose lines are pasted as they stand and need a reason only.
  policy_with ''
  run -1 keeper --format text audit sbx-sound
  [[ ${lines[0]} == TARGET*OK*FAILED* && ${lines[1]} =~ ^sbx-sound\ +[0-9]+\ +1\  ]]
  [[ $output == *"FAILED  high     cis-docker-5.13 "*"fix: read_only: true; make sbx-sound anew"* && $output != *cis-docker-5.4* ]]
  sed -n '/^\[\[waiver\]\]/,/^reason/p' <<<"$output" | sed 's/^reason = ""/reason = "it writes"/' >>"$CELLBLOCK_POLICY"
  run -0 --separate-stderr keeper --format text audit sbx-sound
  [[ $output == *"WAIVED  cis-docker-5.13"* && $stderr == "" ]]
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

@test "a frozen cell stands still and reaches nothing, tells what it was at, and is as before when it is thawed" {
  make_networks
  docker run -d --name vault --network cellblock-cell --ip 172.30.1.3 --ip6 fd6c:6c62:1::3 "$IMAGE" sleep infinity >/dev/null
  docker run -d --name cell --network container:vault "$IMAGE" bash -c 'exec 5</etc/hostname 6<>/dev/udp/127.0.0.1/22222; echo last words; sleep infinity' >/dev/null
  for _ in $(seq 50); do docker logs cell | grep -q 'last words' && break; sleep 0.1; done
  for _ in 1 2; do
    run -0 keeper freeze
    [ "$(docker inspect -f '{{.State.Paused}}' cell)" = true ]
    [ "$(docker inspect -f '{{len .NetworkSettings.Networks}}' vault)" = 0 ]
  done
  # What it was at comes behind the verdict.
  [ "$(jq -r .event.action <<<"$output" | uniq | paste -sd' ' -)" = "cell-frozen evidence-kept run-finished" ]
  evidence() { jq -r "select(.event.action == \"evidence-kept\") | $1 // empty" <<<"$output"; }
  evidence .process.name | grep -qx sleep
  evidence .file.path | grep -qx /etc/hostname
  evidence .destination.port | grep -qx 22222
  evidence .message | grep -qx 'cell said: last words'
  run -0 keeper thaw
  [ "$(docker inspect -f '{{.State.Paused}}' cell)" = false ]
  [ "$(docker inspect -f '{{(index .NetworkSettings.Networks "cellblock-cell").IPAddress}}' vault)" = 172.30.1.3 ]
  [ "$(docker inspect -f '{{(index .NetworkSettings.Networks "cellblock-cell").GlobalIPv6Address}}' vault)" = fd6c:6c62:1::3 ]
}

@test "freeze goes from what takes no engine to what takes longest: bridges down, cell paused, networks cut" {
  make_networks
  docker run -d --name vault --network cellblock-cell --ip 172.30.1.3 "$IMAGE" sleep infinity >/dev/null
  docker run -d --name cell --network container:vault "$IMAGE" sleep infinity >/dev/null
  nsenter "--net=/run/netns/$LAB_NAME-host" -- stdbuf -oL ip -o -tshort monitor link dev br-cell >"$BATS_TEST_TMPDIR/link" 3>&- &
  links=$!
  docker events --format '{{.TimeNano}} {{.Type}} {{.Action}}' >"$BATS_TEST_TMPDIR/docker" 3>&- &
  events=$!
  # Both listen once they have told of something that is nobody's.
  for _ in $(seq 100); do
    on_host ip link set br-cell alias "seen"
    docker network create sbx-seen >/dev/null
    docker network rm sbx-seen >/dev/null
    [ ! -s "$BATS_TEST_TMPDIR/link" ] || [ ! -s "$BATS_TEST_TMPDIR/docker" ] || break
  done
  keeper freeze >/dev/null
  for _ in $(seq 50); do ! grep -q 'network disconnect' "$BATS_TEST_TMPDIR/docker" || break; sleep 0.1; done
  kill "$links" "$events"
  wait "$links" "$events" || true
  # Both clocks are the host's: seconds with their fraction.
  down=$(grep -m1 'br-cell' <(grep -v '[<,]UP[,>]' "$BATS_TEST_TMPDIR/link") | sed 's/^\[\([^]]*\)\].*/\1/')
  first() { awk -v what="$1" '$2 " " $3 == what { printf "%.6f\n", $1 / 1e9; exit }' "$BATS_TEST_TMPDIR/docker"; }
  in_order=$(date -d "$down" +%s.%N; first 'container pause'; first 'network disconnect')
  [ "$(wc -l <<<"$in_order")" = 3 ]
  [ "$in_order" = "$(sort -n <<<"$in_order")" ] || { echo "$in_order" >&2; return 1; }
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

@test "the kill switch pauses and cuts what the engine does not tell of, and says that it does not know" {
  make_networks
  docker run -d --name vault --network cellblock-cell --ip 172.30.1.3 "$IMAGE" sleep infinity >/dev/null
  docker run -d --name cell --network container:vault "$IMAGE" sleep infinity >/dev/null
  through '/containers/(cell|vault)/json' 3 freeze
  [ "$(docker inspect -f '{{.State.Paused}}' cell)" = true ]
  [ "$(docker inspect -f '{{len .NetworkSettings.Networks}}' vault)" = 0 ]
  run ! is_up br-cell
  run -0 keeper thaw
}

# One record a line, as the record would show it.
line_of() { # provider, severity, action
  jq -cn --arg provider "$1" --argjson severity "$2" --arg action "$3" '{"@timestamp": "2026-11-29T12:00:00Z", ecs: {version: "9.2.0"}, message: "x",
    event: {id: "id", provider: $provider, action: $action, kind: "alert", category: ["configuration"], type: ["change"], outcome: "failure", severity: $severity}}'
}

@test "at the end of a pipe, the kill switch waits for a record that is named, and for none that the prisoner wrote" {
  make_networks
  docker run -d --name vault --network cellblock-cell --ip 172.30.1.3 "$IMAGE" sleep infinity >/dev/null
  docker run -d --name cell --network container:vault "$IMAGE" sleep infinity >/dev/null
  by_record() { keeper freeze --if-severity 99 --rule refs-moved 3>&-; }
  run -0 by_record < <(line_of auditdb 73 refs-moved; line_of auditdb 99 ref-moved; line_of cell 99 refs-moved)
  [ "$(docker inspect -f '{{.State.Paused}}' cell)" = false ]
  is_up br-cell
  run -3 by_record < <(echo 'no record')
  [ "$(docker inspect -f '{{.State.Paused}}' cell)" = false ]
  # It does not wait for the end of the input.
  run -0 timeout 20 cat < <(by_record < <(line_of auditdb 99 refs-moved; exec sleep 60 3>&-))
  [ "$(docker inspect -f '{{.State.Paused}}' cell)" = true ]
  run -0 keeper thaw
}

# Docker knows a name; what is behind it is the host's own folder.
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
  run -1 to_nobody keeper audit sbx-weak
  [ -z "$output" ]
  run -1 to_nobody keeper status
  [ -z "$output" ]
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
  # It has no no_new_privs: the audit gives a process five seconds to come to have it.
  for _ in $(seq 150); do grep -q '"cis-docker-5.13"' "$BATS_TEST_TMPDIR/events" && break; sleep 0.1; done
  kill -TERM "$pid"
  wait "$pid" || [ $? = 1 ]
  events=$(<"$BATS_TEST_TMPDIR/events")
  [ "$(jq -r 'select(.event.action == "engine-event-seen" and .event.type == ["start"]) | .container.name' <<<"$events")" = sbx-late ]
  [ "$(outcome "$events" cis-docker-5.13)" = failure ]
  [ "$(tail -n 1 <<<"$events" | jq -r .event.action)" = run-finished ]
  [[ $events != *correct-horse* ]]
}

# A line of the record told by control and container.
told() { jq -c --arg id "$1" --arg name "$2" --arg outcome "${3:-}" 'select(.rule.id == $id and .container.name == $name and (.event.outcome // "" | startswith($outcome)))' "$BATS_TEST_TMPDIR/events" 2>/dev/null | grep . >/dev/null; }
soon() { for _ in $(seq 300); do ! "$@" || return 0; sleep 0.05; done; echo "not so: $*" >&2; jq -c "[.event.action,.message,.rule.id,.container.name]" "$BATS_TEST_TMPDIR/events" >&2; return 1; }

@test "events: each change is told once, at once under a storm of commands, and a privileged command that is over is seen" {
  boot sbx-noisy --user 10001 --cap-drop ALL --security-opt no-new-privileges:true
  "$SANDBOXCTL" --root "$ROOT" --format jsonl events >"$BATS_TEST_TMPDIR/events" 3>&- &
  pid=$!
  sleep 1
  # Of a command nothing is told, and there is one more before the one before has ended.
  for _ in 1 2; do (while sleep 0.05; do docker exec sbx-noisy true || exit 0; done) 3>&- & done
  boot sbx-late --privileged
  soon told cis-docker-5.5 sbx-late
  docker restart -t 0 sbx-late >/dev/null
  docker create --name sbx-made --privileged "$IMAGE" true >/dev/null
  soon told cis-docker-5.5 sbx-made
  run ! told cis-docker-5.23 sbx-noisy
  docker exec --privileged sbx-noisy true
  soon told cis-docker-5.23 sbx-noisy
  docker exec --user 0 --privileged sbx-noisy sh -c 'sleep 300 >/dev/null 2>&1 &'
  soon told cellblock-capabilities-in-effect sbx-noisy
  docker restart -t 0 sbx-noisy >/dev/null
  soon told cellblock-capabilities-in-effect sbx-noisy success
  docker rm -f sbx-noisy >/dev/null
  kill -TERM "$pid"
  wait "$pid" || [ $? = 1 ]
  # A restart gets a record, and none of the findings a second one; nor does anything tell of the composition, which is as it was.
  jq -r 'select(.event.action == "control-evaluated") | "\(.container.name) \(.rule.id) \(.event.outcome)"' "$BATS_TEST_TMPDIR/events" | sort >"$BATS_TEST_TMPDIR/findings"
  [ "$(grep -v sbx-noisy "$BATS_TEST_TMPDIR/findings" | uniq -d)" = "" ]
  [ "$(cut -d' ' -f1 "$BATS_TEST_TMPDIR/findings" | sort -u | paste -sd' ' -)" = "sbx-late sbx-made sbx-noisy" ]
  [ "$(jq -r 'select(.event.action == "engine-event-seen" and .container.name == "sbx-late") | .message' "$BATS_TEST_TMPDIR/events" | grep -c 'restart')" = 1 ]
  run ! grep -q '"exec_start\|exec_die' "$BATS_TEST_TMPDIR/events"
}

@test "status tells a share that is a plain folder from one that is bounded, and follows what changes" {
  policy_with 's/^share .*/share = { path = "sandbox_data", size = "16MiB" }/'
  mkdir -p "$ROOT/sandbox_data/share" "$ROOT/jail" "$ROOT/audit"
  share() { jq -r 'select(.cellblock.cell.storage.name == "share") | .event.outcome' <<<"$output"; }
  run -1 keeper status
  [ "$(share)" = failure ]
  [ "$(jq -r 'select(.cellblock.cell.service) | .cellblock.cell.service.state' <<<"$output" | sort -u)" = absent ]
  "$SANDBOXCTL" --root "$ROOT" --format jsonl status --follow >"$BATS_TEST_TMPDIR/followed" 3>&- &
  pid=$!
  for _ in $(seq 50); do ! grep -q '"database"' "$BATS_TEST_TMPDIR/followed" || break; sleep 0.1; done
  mount -t tmpfs -o size=16m,nosuid,nodev tmpfs "$ROOT/sandbox_data/share"
  for _ in $(seq 100); do [ "$(grep -c '"name":"share"' "$BATS_TEST_TMPDIR/followed")" = 1 ] || break; sleep 0.1; done
  kill -TERM "$pid"
  wait "$pid" || [ $? = 1 ]
  # How all stands, then what changed, and no more.
  [ "$(jq -r 'select(.cellblock.cell.storage.name == "share") | .event.outcome' "$BATS_TEST_TMPDIR/followed" | paste -sd' ' -)" = "failure success" ]
  [ "$(grep -c '"service-reported"' "$BATS_TEST_TMPDIR/followed")" = 6 ]
  [ "$(tail -n 1 "$BATS_TEST_TMPDIR/followed" | jq -r .event.action)" = run-finished ]
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
