# What is tried, and may be seen from outside: requests at the gate, the harmless test virus on the share. Only with --try.

readonly BURST=60          # requests at once: more than rate and burst of the shipped policy let by
readonly SOON=1000         # milliseconds from the write to the tombstone
readonly PATIENCE=6        # seconds until what was written or asked must be seen

tried() { line acceptance try-evaluated "$@"; }

# On the share. Nobody else is in the way.
try_the_share() { if rests_on try scan || rests_on try tmp || rests_on try jail || rests_on try tombstone; then try_the_warden; fi; }

# At the gate: after the inspector, for a burst of ours would take its requests' place.
try_the_gate() {
  if rests_on try logged; then try_logged; fi
  if rests_on try tls; then try_tls; fi
  if rests_on try rate; then try_rate; fi
}

# The first address that the policy lists for the monitor, and the gate's address on its network.
listed_url() {
  egress-check plan --container monitor --policy "$POLICY" --root "$ROOT" --format jsonl |
    jq -rn 'first(inputs | select(.rule.id // "" | startswith("monitor.gate.listed."))) | "http://\(.url.domain)\(.url.path)"'
}

gate_address() { docker inspect --format '{{(index .NetworkSettings.Networks "cellblock-monitor").IPAddress}}' proxy; }

# curl as the monitor, whatever the name: the gate is asked.
at_the_gate() { within_network_of monitor curl -s -m 20 --noproxy '*' --connect-to "::$(gate_address):" "$@"; }

# How soon the line came is the record's own word. The answer may take longer, on a machine that has just started.
try_logged() {
  local url mark asked took end
  mark=acceptance-$RANDOM$RANDOM
  url=$(listed_url)
  [ -n "$url" ] || { tried unknown logged 'the policy lists nothing for the monitor'; return 0; }
  asked=$(date +%s%3N)
  at_the_gate -o /dev/null "$url$mark" || { tried unknown logged "the gate did not answer for $url$mark"; return 0; }
  end=$((SECONDS + 5 * PATIENCE))
  until took=$(logged_after "$asked" "$mark") && [ -n "$took" ]; do
    [ "$SECONDS" -lt "$end" ] || { tried failure logged "$url$mark is not in the record after $((5 * PATIENCE)) s"; return 0; }
    sleep 0.5
  done
  if [ "$took" -le "$((1000 * PATIENCE))" ]; then tried success logged "$url$mark, after $took ms"
  else tried failure logged "$url$mark came into the record after $took ms, and $PATIENCE s are long enough"
  fi
}

# `logged_after MILLISECONDS MARK`: how long after that time the record has a line of the gate's with the mark.
logged_after() {
  auditdb query "SELECT epoch_ms(received) - $1 AS took FROM records WHERE provider = 'egress-proxy' AND received >= make_timestamp($1 * 1000) AND raw LIKE '%$2%' LIMIT 1" \
    --policy "$POLICY" --root "$ROOT" --format jsonl | jq -r .took
}

# Certificates that must be refused, shown by the lab's own origin. No other origin does that on request.
try_tls() {
  local url name kind wrong=()
  in_the_lab || { tried unknown tls 'only the lab has an origin that shows a bad certificate; there it is tried'; return 0; }
  url=$(listed_url)
  name=${url#http://}
  name=${name%%/*}
  [[ $(at_the_gate -o /dev/null -w '%{http_code}' "$url") =~ ^[234] ]] || { tried unknown tls "the control, $url with a good certificate, does not pass either"; return 0; }
  for kind in expired self-signed wrong-name; do
    "$HOUSE/tests/worlds/lab/origin" certificate "$name" "$kind"
    docker exec proxy reload >/dev/null   # a connection that was kept was verified when it began
    refused_soon "$url" || { wrong+=("$kind"); break; }
  done
  "$HOUSE/tests/worlds/lab/origin" certificate "$name" good
  docker exec proxy reload >/dev/null
  if [ "${#wrong[@]}" = 0 ]; then tried success tls "$name with an expired, a self-signed and another's certificate: refused"
  else tried failure tls "the gate took for $name what is ${wrong[*]}"; fi
}

# nginx's old workers go on for a moment, with the connections that they have.
refused_soon() {
  local _
  for _ in {1..20}; do
    [ "$(at_the_gate "$1" | jq -r .error 2>/dev/null)" != certificate-refused ] || return 0
    sleep 0.1
  done
  return 1
}

try_rate() {
  local url codes limited
  url=$(listed_url)
  codes=$(at_the_gate --no-progress-meter --parallel --parallel-immediate --parallel-max "$BURST" -o /dev/null -w '%{http_code}\n' "$url?[1-$BURST]") || true
  limited=$(grep -c '^429$' <<<"$codes") || true
  if [ "$(grep -vc '^429$\|^000$' <<<"$codes")" = 0 ]; then tried unknown rate 'not one request passed, so none shows a limit'
  elif [ "$limited" = 0 ]; then tried failure rate "$BURST requests at once, and none was refused"
  else tried success rate "$limited of $BURST requests at once: 429"; fi
}

# In two halves, so that no file of this repository is taken for the test virus itself.
test_virus() { printf '%s%s' "X5O!P%@AP[4\\PZX54(P^)7CC)7}\$EICAR-STANDARD" "-ANTIVIRUS-TEST-FILE!\$H+H*"; }

in_the_cell() { timeout 10 docker exec -i "$(setting .cell.container)" "$@"; }

# What stands in a file of the share, as the cell sees it. On the host a link or a pipe of the prisoner's would lead
# root astray, or hold it for ever.
stands_in() { in_the_cell head -c 600 "/sandbox/$1" 2>/dev/null | tr -d '\0'; }

# As the prisoner writes. What is believed is the jail, which only root can open: a tombstone anybody on the share can write.
try_the_warden() {
  local folder=acceptance-$RANDOM$RANDOM took word
  if ! in_the_cell mkdir "/sandbox/$folder"; then
    for took in scan tombstone jail tmp; do tried unknown "$took" 'nothing can be written in the cell'; done
    return 0
  fi
  test_virus | in_the_cell tee "/sandbox/$folder/found.com" >/dev/null
  if took=$(until_jailed "$folder/found.com"); then
    tried "$(if [ "$took" -le "$SOON" ]; then echo success; else echo failure; fi)" scan "the test virus was in the jail after $took ms"
    word=$(stands_in "$folder/found.com" | tr '\n' ' ' | cut -c1-60)
    if [[ $word == *'The file that was here'* ]]; then tried success tombstone "it says why, and how to get the file back"
    else tried failure tombstone 'something else stands in the place of what was found'; fi
    try_a_tmp "$folder"
  else
    tried failure scan "the test virus is not in the jail after $PATIENCE s"
    tried failure tombstone "nothing was found within $PATIENCE s"
    tried failure tmp 'nothing is found, under whatever name'
  fi
  try_the_jail "$folder/found.com"
  in_the_cell rm -rf "/sandbox/$folder" || true
}

# The facts of an entry of the jail, by the file that it was: its path below the share.
entry_of() { grep -lsE -- "\"path\": *\"(.*/)?$1\"" "$(setting .jail.path)"/*.json | head -n 1; }

# Milliseconds from now until the jail's entry was made, by the entry's own time: how often we look adds nothing.
until_jailed() {
  local began end entry made
  began=$(date +%s%3N)
  end=$((SECONDS + PATIENCE))
  while [ "$SECONDS" -lt "$end" ]; do
    entry=$(entry_of "$1")
    if [ -n "$entry" ] && made=$(stat -c %.3Y "$entry"); then echo $((${made/./} > began ? ${made/./} - began : 0)); return 0; fi
    sleep 0.05
  done
  return 1
}

try_the_jail() {
  local jail
  jail=$(setting .jail.path)
  if [ "$(stat -c '%a %u' "$jail")" != '700 0' ]; then tried failure jail "$jail is not root's alone"
  elif [ -z "$(entry_of "$1")" ]; then tried failure jail "what was written just now is not in $jail"
  else tried success jail "it is in $jail, which only root can open"; fi
}

try_a_tmp() {
  local folder=$1 took
  test_virus | in_the_cell tee "/sandbox/$folder/half.tmp" >/dev/null
  sleep 1.5
  if [[ $(stands_in "$folder/half.tmp") != *EICAR-STANDARD* ]]; then tried failure tmp 'half.tmp was taken while it was being written'; return 0; fi
  in_the_cell mv "/sandbox/$folder/half.tmp" "/sandbox/$folder/whole"
  if took=$(until_jailed "$folder/whole"); then tried success tmp "left alone as half.tmp, found $took ms after it got its name"
  else tried failure tmp "not found within $PATIENCE s after it got its name"; fi
}
