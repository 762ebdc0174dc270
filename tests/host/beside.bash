# What is asked in each situation beside somebody else's firewall, VPN or engine, and how to print it. Sourced by
# together.
# shellcheck shell=bash disable=SC2016  # what the machine's own shell expands

readonly NAS=192.168.77.10 SOMEBODY=1.1.1.1   # of the lab's LAN, and of its internet, which answers for every address
PORT=20000

# Who answers a container, the host, or the LAN's router, at an address: the first line of the lab's servers.
ask() {
  local there="exec 3<>/dev/tcp/$2/$3; read -r line <&3; printf %s \"\$line\""
  case "$1" in
    router) "$LAB_TOOL" exec lan timeout 3 bash -c "$there" ;;
    host) inside "timeout 3 bash -c '$there'" ;;
    *) inside "$ENGINE exec $1 timeout 3 bash -c '$there'" ;;
  esac 2>/dev/null
}
answered() { ask "$@" | grep -q "^cellblock-lab "; }

# A page of the host's own server, which has no line to say first.
answered_by_a_page() { inside "docker exec $1 timeout 3 bash -c 'exec 3<>/dev/tcp/$2/80'"; }

# Refused, and by the moat: it counts more packets of the cell to this very address and port.
refused_by_the_moat() {
  local before
  before=$(denied "$@") && ! answered cell "$1" "$2" && [ "$(denied "$@")" -gt "$before" ]
}
denied() {
  inside "netguard denied $OURS --format jsonl" |
    jq -es --arg ip "$1" --argjson port "$2" '[.[] | select(.destination.ip == $ip and .destination.port == $port) | .source.packets] | add // 0'
}
lan_is_refused() { answered "$1" "$NAS" "$PORT" && refused_by_the_moat "$NAS" "$PORT"; }

# What verify does not pass, as "id: reason", one a line.
complaints() {
  inside "netguard verify $OURS --format jsonl" |
    jq -r 'select(.event.outcome != "success" and .event.action != "run-finished") | (.rule.id // .message) + ": " + .event.reason'
}
# What status says of the cell's way out.
way_out() { inside "sandboxctl status $OURS --format jsonl" | jq -r 'select(.event.action == "promise-checked") | .event.outcome'; }

# All that is not ours: every table of the packet filter but the moat's, without counters; rules and routes.
theirs() {
  inside 'nft list tables | grep -v "^table inet netguard$" | while read -r _ family name; do nft -s list table "$family" "$name"; done
    ip rule; ip -6 rule; ip -4 route show table all; docker network ls; docker ps --format "{{.ID}} {{.Names}} {{.CreatedAt}}"'
}

# Everything of ours runs: the rules are taken away, and its watch writes them anew; the units start again; all is asked.
ours_runs() {
  inside 'nft delete table inet netguard'
  within 10 rules
  inside 'systemctl restart cellblock-moat-watch cellblock-moat'
  inside "netguard verify $OURS; sandboxctl status $OURS"
}
leaves_theirs_alone() {
  local before
  before=$(theirs)
  ours_runs >&2 || true
  [ -n "$before" ] && [ "$(theirs)" = "$before" ]
}

# `situation NAME CONTROL INTERNET [COMPLAINT…]`: CONTROL gets through to the LAN: a container by the same way; where its
# owner's firewall or VPN keeps it off too, `host` or the LAN's own `router`. INTERNET stands or is lost, and then status
# says so. verify says these complaints, and nothing else.
situation() {
  local name=$1 control=$2 internet=$3 said ids
  said=$(printf '%s\n' "${@:4}")
  ids=$(cut -d : -f 1 <<<"$said" | paste -sd ' ')
  PORT=$((PORT + 1))
  holds "$name: the LAN is refused to the cell, by the moat (control: $control gets through)" lan_is_refused "$control"
  case "$internet" in
    stands) holds "$name: the internet stands" answered cell "$SOMEBODY" "$PORT" ;;
    lost)
      holds "$name: the internet is lost" not answered cell "$SOMEBODY" "$PORT"
      holds "$name: status tells of it" is failure way_out ;;
  esac
  holds "$name: verify says ${ids:-nothing}" within 10 is "$said" complaints
  holds "$name: nothing of theirs is touched" leaves_theirs_alone
  holds "$name: the neighbour never stopped" untouched
}
