# Attacks from inside, each with a control from outside that shows the target answers.

# What a policy cannot know: the machines of this LAN, at their private and their global addresses.
readonly LAN_TARGETS=(
  --target 192.168.77.10 --target 2001:db8:77::10 --target 192.168.77.10:445 --target '[2001:db8:77::10]:445'
  --target 192.168.77.1 --target 2001:db8:77::1 --target 169.254.169.254:80 --target 100.101.102.9:80
  --target '[fd7a:115c:a1e0::9]:80' --target 192.168.77.10:53/udp --target '[2001:db8:77::10]:53/udp'
)

counts() { jq -r 'select(.event.action == "run-finished").cellblock.counts | "\(.checked) probes: \(.passed) as the policy says, \(.failed) not, \(.unknown) unknown"' <<<"$1"; }

# `probe CONTAINER OPTION…` prints the lines, puts them into the record, and returns the inspector's status.
probe() {
  local container=$1 lines status=0
  shift
  lines=$(ours egress-check run --container "$container" --control --moat "$@") || status=$?
  into_record egress-check <<<"$lines"
  printf '%s\n' "$lines"
  return "$status"
}

nothing_gets_out_of_the_cell() {
  local lines status=0
  lines=$(probe cell "${LAN_TARGETS[@]}") || status=$?
  judge 'from the cell: the policy and nothing else' "$status" "$(counts "$lines")"
  show_failures "$lines"
  forged_replies_get_nowhere
}

nothing_gets_out_of_the_monitor() {
  local lines status=0
  lines=$(probe monitor --dns-log "$LAB_STATE/dns.log" "${LAN_TARGETS[@]}") || status=$?
  judge 'from the monitor: the listed name, through the gate' "$status" "$(counts "$lines")"
  show_failures "$lines"
  no_query_of_the_monitor_leaves
}

# That it asked, the probe says itself: what never ran left nothing in the log either.
no_query_of_the_monitor_leaves() {
  local name=never-$RANDOM$RANDOM.lab.test said promise='no DNS query of the monitor leaves'
  said=$(in_container monitor "$HOUSE/tests/worlds/lab/ask.py" -s 3 dns 9.9.9.9 "$name" 2>&1) || true
  if grep -q "$name" "$LAB_STATE/dns.log"; then
    row "$promise" FAILED "$name is in the lab's DNS log"
  elif [[ $said != "dns 9.9.9.9 $name: "* ]]; then
    row "$promise" unknown "the probe did not say that nobody answered: $said"
  elif in_lab "$HOUSE/tests/worlds/lab/ask.py" -s 3 dns 9.9.9.9 "control-$name" >/dev/null && grep -q "control-$name" "$LAB_STATE/dns.log"; then
    row "$promise" ok "$name is not in the lab's DNS log, the control is"
  else
    row "$promise" unknown 'the control did not reach the DNS log either'
  fi
}

# The others of the sandbox, where they sit. What names left is asked of the lab's DNS log too.
nothing_gets_out_of_the_others() {
  local container lines status
  for container in proxy clamd warden; do
    status=0
    lines=$(probe "$container" --dns-log "$LAB_STATE/dns.log") || status=$?
    judge "from the $container: the policy and nothing else" "$status" "$(counts "$lines")"
    show_failures "$lines"
  done
}

# Runs a command of this machine in a container's network namespace.
in_container() {
  local pid
  pid=$(in_lab docker inspect --format '{{.State.Pid}}' "$1")
  shift
  nsenter "--net=/proc/$pid/ns/net" -- "$@"
}

# A packet that claims to answer for somebody else: from a source the bridge does not hold. The lab's own
# counters say whether any packet of it reached the LAN; the control is the same from the host.
forged_replies_get_nowhere() {
  local before after control
  before=$(seen_from 172.20.99.99)
  in_container cell "$here/forge.py" 172.20.99.99 192.168.77.10 || { row 'a forged source gets nowhere' unknown 'the forger did not run'; return 0; }
  after=$(seen_from 172.20.99.99)
  in_lab "$here/forge.py" 172.20.99.99 192.168.77.10
  control=$(seen_from 172.20.99.99)
  if [ "$after" != "$before" ]; then
    row 'a forged source gets nowhere' FAILED "the LAN saw $((after - before)) packets from 172.20.99.99"
  elif [ "$control" = "$before" ]; then
    row 'a forged source gets nowhere' unknown 'the control from the host was not seen either'
  else
    row 'a forged source gets nowhere' ok "the LAN saw none from the cell, $((control - after)) from the host"
  fi
}

seen_from() { "$LAB" seen | awk -v source="$1" '$2 == source { sum += $NF } END { print sum + 0 }'; }

show_failures() { jq -r 'select(.event.outcome and .event.outcome != "success" and .event.action != "run-finished") | "    \(.event.outcome): \(.message) (\(.event.reason // ""))"' <<<"$1" >&2; }
