# A Docker daemon that answers, on machines with systemd and without.

readonly ENGINE_LOG=/var/log/cellblock-dockerd.log
readonly ENGINE_PATIENCE=60   # seconds that a first start may take

engine_answers() { timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

start_engine() {
  ! engine_answers || return 0
  [ -z "${DOCKER_HOST:-}" ] || die "no Docker daemon answers at DOCKER_HOST=$DOCKER_HOST; start it, or unset DOCKER_HOST to use this machine's own"
  need_root "starting a Docker daemon"
  if [ -d /run/systemd/system ]; then
    run systemctl start docker
  else
    start_engine_directly
  fi
  wait_for_engine
}

# No service manager: a session of its own, so that the daemon outlives this shell. The `service`
# script that Debian ships fails where ulimits may not be raised (containers, small VMs).
start_engine_directly() {
  say "no systemd: starting dockerd directly, log in $ENGINE_LOG"
  printf '+ setsid dockerd\n' >&2
  setsid dockerd >>"$ENGINE_LOG" 2>&1 </dev/null &
  disown
}

wait_for_engine() {
  local end=$((SECONDS + ENGINE_PATIENCE))
  until engine_answers; do
    [ "$SECONDS" -lt "$end" ] || die "dockerd did not answer within $ENGINE_PATIENCE s; the end of its log: $(tail -n 3 "$ENGINE_LOG" 2>/dev/null || echo 'journalctl -u docker')"
    sleep 0.3
  done
}
