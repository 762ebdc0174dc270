# A home where nobody answers, and the proof of every vantage there. Loaded by the main job's suite and by tests/host/engine,
# beside tests/worlds/world.bash.
# shellcheck shell=bash

# No cloud, no tailnet, no appliance that tells its name: from here on none of them answers.
silence_around() {
  nsenter "--net=/run/netns/${LAB_NAME:-cellblock}-inet" -- nft -f - <<'MUTE'
table inet silence {
  chain drops {
    type filter hook prerouting priority -300
    ip daddr { 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10, 169.254.0.0/16, 192.0.0.0/24, 192.0.2.0/24, 198.18.0.0/15, 240.0.0.0/4 } drop
    ip6 daddr { fc00::/7, 2001:db8::/32, 64:ff9b::/96, 64:ff9b:1::/48, 2002::/16 } drop
  }
}
MUTE
  nsenter "--net=/run/netns/${LAB_NAME:-cellblock}-lan" -- nft -f - <<'MUTE'
table inet silence {
  chain drops {
    type filter hook prerouting priority -300
    udp dport { 5353, 1900 } drop
  }
}
MUTE
}
# Also where a test did not come to its end.
noise_around() {
  local world
  in_host ip link delete stranger0 2>/dev/null || true
  for world in inet lan; do nsenter "--net=/run/netns/${LAB_NAME:-cellblock}-$world" -- nft delete table inet silence 2>/dev/null || true; done
}

# inspect_all FOLDER: the inspector's lines of every vantage, a file each. What is no success is printed.
inspect_all() {
  local folder=$1 who status=0 ended
  for who in cell monitor proxy clamd warden; do
    {
      ended=0
      ours egress-check run --container "$who" --control --moat --gate-log >"$folder/$who" || ended=$?
      echo "$ended" >"$folder/$who.status"
    } 3>&- &
  done
  wait
  for who in cell monitor proxy clamd warden; do
    jq -r 'select(.event.outcome == "unknown" or .event.outcome == "failure") | [.rule.id, .event.reason] | @tsv' "$folder/$who"
    [ "$(<"$folder/$who.status")" = 0 ] || status=1
  done
  return "$status"
}
