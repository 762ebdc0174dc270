#!/usr/bin/env bats
# Nothing is left of a lab that went down: after a day's work, and after its `up` or its daemons were
# killed. The state of the machine is compared, by means that the lab itself does not use.

bats_require_minimum_version 1.5.0

setup_file() {
  [ "$(id -u)" = 0 ] || { echo "the lab needs root" >&2; return 1; }
  export LAB_NAME=labtest
  export ROOT=$BATS_TEST_DIRNAME/../.. LAB=$BATS_TEST_DIRNAME/../worlds/lab/lab
  export STATE=/run/labtest-lab DATA=/var/lib/labtest-lab
  BASE_IMAGE=${BASE_IMAGE:-$("$ROOT/scripts/setup" | sed -n 's/^BASE_IMAGE=//p')}
  export BASE_IMAGE
  "$LAB" down --purge
}

teardown_file() { "$LAB" down --purge; }

# The machine as it is, less what comes and goes with containers of its own Docker and with other labs.
machine() { everything | awk '/labtest/ || !/[a-z]+-(host|lan|inet|lab)|veth|docker|br-/'; }

everything() {
  echo "# namespaces"; ip netns list | awk '{ print $1 }' | sort
  echo "# devices"; ip -o link show | awk '{ print $2 }' | sort
  echo "# addresses"; ip -o addr show | awk '{ print $2, $4 }' | sort
  echo "# routes"; ip route show table all | sort; ip -6 route show table all | sort
  echo "# forwarding"; cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding
  echo "# tables"; nft list tables | sort
  echo "# mounts"; awk '{ print $5 }' /proc/self/mountinfo | sort
  echo "# loop devices"; losetup -a | sort
  echo "# control groups"; find /sys/fs/cgroup -type d -path '*labtest*'
  echo "# files"; find /run /var/lib -maxdepth 1 -name 'labtest*' ! -path "$DATA"
}

# Every daemon and server of the lab has its folder in its arguments; containers are looked for by pid.
processes() { pgrep -af '/labtest-lab' || true; }

nothing_is_left() {
  [ "$(processes)" = "" ] || { processes >&2; return 1; }
  diff <(echo "$BEFORE") <(machine)
}

working_lab() {
  "$LAB" up
  "$LAB" load "$BASE_IMAGE"
  "$LAB" docker volume create keep
  "$LAB" docker network create --subnet 172.30.99.0/24 extra
  "$LAB" docker run -d --network extra -v keep:/keep -p 127.0.0.1:8443:8443 "$BASE_IMAGE" sleep infinity
  "$LAB" docker run -d "$BASE_IMAGE" sleep infinity
}

container_pids() { "$LAB" docker ps -q | xargs "$LAB" docker inspect --format '{{.State.Pid}}'; }

# containerd's shims listen outside the lab's folders.
shim_sockets() { awk '{ sub("^unix://", ""); print }' "$STATE"/containerd/state/io.containerd.runtime.v2.task/moby/*/address; }

# A loop file mounted below the project root, as the share of the cell is.
mount_a_share() {
  mkdir -p "$DATA/root/sandbox_data/share"
  truncate -s 8M "$DATA/root/sandbox_data/share.img"
  mkfs.ext4 -q "$DATA/root/sandbox_data/share.img"
  mount -o loop,nosuid,nodev "$DATA/root/sandbox_data/share.img" "$DATA/root/sandbox_data/share"
}

setup() {
  "$LAB" down
  BEFORE=$(machine)
}

# A killed orphan may stay a zombie until the machine's pid 1 looks after it; it runs no more.
ended() {
  local pid
  for pid in "$@"; do
    run cat "/proc/$pid/cmdline"
    [ -z "$output" ] || [ "$status" -ne 0 ] || { echo "$pid still runs: $output" >&2; return 1; }
  done
}

@test "a lab with containers, networks, a volume and a mounted share leaves nothing but its image store" {
  local pids
  working_lab
  mount_a_share
  [ "$(machine)" != "$BEFORE" ]
  mapfile -t pids < <(container_pids)
  [ "${#pids[@]}" = 2 ]
  "$LAB" down
  nothing_is_left
  ended "${pids[@]}"
  [ "$(ls "$DATA")" = $'containerd\ndocker' ]
  [ -z "$(ls "$DATA/docker/containers")" ]
  run -3 "$LAB" status
}

@test "down with nothing up succeeds and changes nothing" {
  run -0 "$LAB" down
  nothing_is_left
}

@test "a lab whose daemons were killed with containers running leaves nothing" {
  local pids sockets
  working_lab
  mapfile -t pids < <(container_pids)
  [ "${#pids[@]}" = 2 ]
  mapfile -t sockets < <(shim_sockets)
  [ "${#sockets[@]}" = 2 ]
  [ -S "${sockets[0]}" ]
  pkill -9 -f "^dockerd .*$STATE/"
  pkill -9 -f "^containerd .*$STATE/"
  "$LAB" down
  nothing_is_left
  ended "${pids[@]}"
  [ ! -e "${sockets[0]}" ]
  [ ! -e "${sockets[1]}" ]
}

@test "an up after the engine was killed begins with an empty engine and the images it had" {
  working_lab
  pkill -9 -f "^dockerd .*$STATE/"
  pkill -9 -f "^containerd .*$STATE/"
  run -1 "$LAB" status
  "$LAB" up
  [ -z "$("$LAB" docker ps -aq)" ]
  [ -z "$("$LAB" docker volume ls -q)" ]
  "$LAB" docker image inspect "$BASE_IMAGE" >/dev/null
  "$LAB" down
  nothing_is_left
}

@test "down from inside the lab is refused, for it would end itself half-way" {
  "$LAB" up
  run -2 "$LAB" exec host "$LAB" down
  [[ "$output" == *"from outside"* ]]
  run -0 "$LAB" status
}

@test "an up that the kernel refuses says which part failed, exits 2, and down removes the rest" {
  mkdir "$BATS_TEST_TMPDIR/bin"
  printf '#!/bin/sh\necho "nft: Operation not supported" >&2\nexit 1\n' >"$BATS_TEST_TMPDIR/bin/nft"
  chmod +x "$BATS_TEST_TMPDIR/bin/nft"
  run -2 env PATH="$BATS_TEST_TMPDIR/bin:$PATH" "$LAB" up
  [[ "$output" == *"not supported"*"net did not come up"* ]]
  "$LAB" down
  nothing_is_left
}

# killed_when TEST…: starts an up, kills it as soon as the test holds, then takes the lab down.
killed_when() {
  "$LAB" down --purge
  setsid "$LAB" up >"$BATS_TEST_TMPDIR/up.log" 2>&1 3>&- &
  local up=$! end=$((SECONDS + 30)) ended_with=0
  until "$@" 2>/dev/null; do
    [ "$SECONDS" -lt "$end" ] || { echo "never: $*" >&2; return 1; }
    sleep 0.01
  done
  kill -9 "$up"
  # 137: the kill found it running, and so in the middle.
  wait "$up" || ended_with=$?
  [ "$ended_with" = 137 ]
  "$LAB" down
  nothing_is_left
}

serves() { pgrep -f "serve.py $1 $STATE " >/dev/null; }

@test "an up killed after its first namespace leaves nothing" { killed_when test -e /run/netns/labtest-host; }
@test "an up killed among its certificates leaves nothing" { killed_when test -e "$STATE/tls/good.key"; }
@test "an up killed after its first server leaves nothing" { killed_when serves host; }
@test "an up killed while containerd starts leaves nothing" { killed_when pgrep -f "containerd --config $STATE"; }
@test "an up killed while dockerd starts leaves nothing" { killed_when pgrep -f "dockerd .*$STATE"; }

@test "two ups at once make one lab" {
  "$LAB" up 3>&- &
  "$LAB" up 3>&-
  wait
  run -0 "$LAB" status
  [ "$(pgrep -fc "serve.py inet $STATE ")" = 1 ]
  "$LAB" down
  nothing_is_left
}
