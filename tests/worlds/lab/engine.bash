# The lab's own Docker: containerd and dockerd inside the host namespace, with nothing in common with
# the machine's. Its images stay between labs; containers, networks and volumes never do.

readonly SOCKET=$STATE/docker.sock
readonly CONTAINERD=$STATE/containerd/containerd.sock
readonly ENGINE_PATIENCE=60            # seconds for a first start with an empty data root

# LAB_ENGINE=TREE runs the Docker of another Debian: the root tree of one, as mmdebstrap makes it. Its programs see its
# own /usr, and everything else as it is here. What is mounted in the lab's data while they run they see too. dockerd and
# containerd must share one such view: the one mounts what the other starts.
readonly USERLAND=$STATE/userland
userland=()
[ -z "${LAB_ENGINE:-}" ] || userland=(nsenter "--mount=$USERLAND" --)

make_userland() {
  [ -n "${LAB_ENGINE:-}" ] || return 0
  [ -x "$LAB_ENGINE/usr/sbin/dockerd" ] || die "LAB_ENGINE=$LAB_ENGINE has no Docker: mmdebstrap --include=docker.io"
  mountpoint -q "$DATA" || run mount --bind "$DATA" "$DATA"
  run mount --make-shared "$DATA"
  touch "$USERLAND"
  run unshare "--mount=$USERLAND" --propagation slave mount --bind "$LAB_ENGINE/usr" /usr
}

lab_docker() { docker --host "unix://$SOCKET" "$@"; }

engine_up() { [ -S "$SOCKET" ] && timeout 10 docker --host "unix://$SOCKET" version >/dev/null 2>&1; }

engine_says() { lab_docker info --format "{{.ServerVersion}} {{.Driver}}, $SOCKET"; }

engine_start() {
  stop_engine
  mkdir -p "$STATE/containerd" "$DATA/containerd" "$DATA/docker"
  make_userland
  containerd_start
  dockerd_start
  empty_engine
}

# A containerd of our own: dockerd would otherwise join the machine's, where a system service runs it.
containerd_start() {
  printf 'version = 2\nroot = "%s"\nstate = "%s"\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "%s"\n' \
    "$DATA/containerd" "$STATE/containerd/state" "$CONTAINERD" >"$STATE/containerd/config.toml"
  printf '+ containerd in %s-host\n' "$LAB" >&2
  in_world host "${userland[@]}" setsid containerd --config "$STATE/containerd/config.toml" >>"$STATE/containerd.log" 2>&1 </dev/null 9>&- &
  await "containerd" test -S "$CONTAINERD"
}

# --config-file: the machine's daemon.json is not ours. --dns: nor is its resolv.conf. IPv6 NAT needs
# --experimental --ip6tables on engine 26; later ones have it and take the flags.
dockerd_start() {
  echo '{}' >"$STATE/daemon.json"
  printf '+ dockerd in %s-host\n' "$LAB" >&2
  in_world host "${userland[@]}" setsid dockerd --config-file "$STATE/daemon.json" --host "unix://$SOCKET" --containerd "$CONTAINERD" \
    --data-root "$DATA/docker" --exec-root "$STATE/docker" --pidfile "$STATE/docker.pid" \
    --dns 9.9.9.9 --experimental --ip6tables --ipv6 --fixed-cidr-v6 fd6c:6c62:ffff::/64 \
    --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/$CGROUP" >>"$STATE/dockerd.log" 2>&1 </dev/null 9>&- &
  await "dockerd" engine_up
}

await() {
  local what=$1 end=$((SECONDS + ENGINE_PATIENCE))
  shift
  until "$@"; do
    jobs %% >/dev/null 2>&1 || die "$what ended at once: $(tail -n 2 "$STATE/$what.log")"
    [ "$SECONDS" -lt "$end" ] || die "$what did not answer within $ENGINE_PATIENCE s: $(tail -n 2 "$STATE/$what.log")"
    sleep 0.05
  done
}

# What an earlier lab left in the data root, when nobody could stop it in order.
empty_engine() {
  remove_all container '' lab_docker
  lab_docker network prune -f >/dev/null
  remove_all volume '' lab_docker
}

load() {
  [ "$#" -gt 0 ] || die "load: expected the name of an image"
  local image ours
  for image in "$@"; do
    ours=$(docker image inspect --format '{{.Id}}' "$image" 2>/dev/null) || die "load: the machine's own Docker has no image '$image'"
    if [ "$ours" != "$(lab_docker image inspect --format '{{.Id}}' "$image" 2>/dev/null || true)" ]; then
      say "loading $image"
      docker save "$image" | lab_docker load -q >&2
    fi
  done
}
