# The kill switch: median time from the call to each step. Bridge down and cell paused by the clocks of kernel and engine, the
# verdict, and the end with its evidence. Sourced by ../sandboxctl.
# shellcheck shell=bash disable=SC2154  # work and the helpers are its own

frozen_world() {
  kept render networks | create_networks on_host docker
  on_host docker run -d --name vault --network cellblock-cell --ip 172.30.1.3 "$IMAGE" sleep infinity >/dev/null
  # shellcheck disable=SC2016  # for the container's shell
  on_host docker run -d --name cell --network container:vault "$IMAGE" sh -c 'for _ in $(seq 99); do sleep 9999 & done; wait' >/dev/null
  # Not through on_host: a function in the background is a shell, and killing that leaves the program.
  "${HOST[@]}" docker events --format '{{.TimeNano}} {{.Action}}' >"$work/events" 2>/dev/null &
  events=$!
  "${HOST[@]}" stdbuf -oL ip -o -tshort monitor link dev br-cell >"$work/links" &
  links=$!
  sleep 1
}

bench_freeze() {
  local round begin down
  frozen_world
  for ((round = 0; round < TIMES; round++)); do
    : >"$work/events"
    : >"$work/links"
    begin=$(date +%s%N)
    kept freeze | while IFS= read -r line; do
      [[ $line != *cell-frozen* ]] || since "$begin" "$(date +%s%N)" verdict
    done
    since "$begin" "$(date +%s%N)" end
    sleep 0.5
    down=$(grep -av '[<,]UP[,>]' "$work/links" | grep -am1 br-cell | sed 's/^[^[]*\[\([^]]*\)\].*/\1/')
    since "$begin" "$(date -d "$down" +%s%N)" bridge
    since "$begin" "$(grep -a ' pause$' "$work/events" | awk '{ sub(/^[^0-9]*/, ""); print $1; exit }')" paused
    kept thaw >/dev/null
    begin=$(date +%s%N)
    on_host docker pause cell >/dev/null
    since "$begin" "$(date +%s%N)" docker
    on_host docker unpause cell >/dev/null
  done
  printf '%-44s %6s ms\n' 'bridge down' "$(median "$work/bridge")" 'cell paused' "$(median "$work/paused")" \
    'verdict printed: still, and off every network' "$(median "$work/verdict")" 'end, with the evidence' "$(median "$work/end")" \
    'docker pause cell, alone' "$(median "$work/docker")"
  kill "$events" "$links"
  on_host docker rm -f cell vault >/dev/null
}
