# How long an audit of so many running containers takes. Sourced by ../sandboxctl.
# shellcheck shell=bash disable=SC2154  # work and the helpers are its own

hard_one() {
  on_host docker run -d --name "$1" --network none --cap-drop ALL --security-opt no-new-privileges:true --read-only --user 1000:1000 \
    --memory 64m --memory-swap 64m --pids-limit 32 --cpus 0.2 --log-opt max-size=1m --log-opt max-file=2 --ulimit core=0 \
    "$IMAGE" sleep infinity >/dev/null
}

# `beside PREFIX`: the same containers, by the peer.
beside() {
  local bench=${DOCKER_BENCH:-}
  [ -n "$bench" ] || { echo '  docker-bench-security: no copy (DOCKER_BENCH=FOLDER)'; return 0; }
  [ -x "$bench/docker-bench-security.sh" ] || die "DOCKER_BENCH=$bench has no docker-bench-security.sh"
  : >"$work/bench"
  (cd "$bench" && timed bench on_host ./docker-bench-security.sh -c container_images,container_runtime -i "$1")
  printf '  docker-bench-security, once: %s ms\n' "$(median "$work/bench")"
}

bench_audit() {
  local count made=0 round names=()
  for count in ${COUNTS:-10 50 200}; do
    while [ "$made" -lt "$count" ]; do
      made=$((made + 1))
      hard_one "bench-$made"
      names+=("bench-$made")
    done
    rm -f "$work/named" "$work/all"
    for ((round = 0; round < TIMES; round++)); do timed named kept audit "${names[@]}"; done
    for ((round = 0; round < TIMES; round++)); do timed all kept audit; done
    printf 'audit of %d containers: %s ms by name, %s us each; plain audit with as many strangers: %s ms\n' "$count" \
      "$(median "$work/named")" "$(awk -v ms="$(median "$work/named")" -v count="$count" 'BEGIN { printf "%.0f", ms * 1000 / count }')" \
      "$(median "$work/all")"
    beside bench-
  done
  on_host docker rm -f "${names[@]}" >/dev/null
}
