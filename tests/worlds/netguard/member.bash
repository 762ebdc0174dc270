# Three namespaces with no way out and no engine: a member on br-cell, the host, and the internet with 8.8.8.8. Suites
# source it, and set WORLD before: the namespaces' names begin with it.

: "${WORLD:?}"
readonly HOST=$WORLD-host MEMBER=$WORLD-member INTERNET=$WORLD-internet

make_namespaces() {
  leave_namespaces
  local space
  for space in "$HOST" "$MEMBER" "$INTERNET"; do ip netns add "$space"; ip -n "$space" link set lo up; done
  ip -n "$HOST" link add br-cell type bridge
  ip -n "$HOST" link add member0 type veth peer name eth0 netns "$MEMBER"
  ip -n "$HOST" link add up0 type veth peer name eth0 netns "$INTERNET"
  ip -n "$HOST" link set member0 master br-cell
  ip -n "$HOST" address add 172.30.1.1/24 dev br-cell
  ip -n "$HOST" address add 9.9.1.1/24 dev up0
  ip -n "$MEMBER" address add 172.30.1.9/24 dev eth0
  ip -n "$INTERNET" address add 9.9.1.2/24 dev eth0
  ip -n "$INTERNET" address add 8.8.8.8/32 dev lo
  for space in br-cell member0 up0; do ip -n "$HOST" link set "$space" up; done
  ip -n "$MEMBER" link set eth0 up
  ip -n "$INTERNET" link set eth0 up
  ip -n "$MEMBER" route add default via 172.30.1.1
  ip -n "$HOST" route add 8.8.8.8 via 9.9.1.2
  ip -n "$INTERNET" route add 172.30.1.0/24 via 9.9.1.1
  ip netns exec "$HOST" sysctl -q -w net.ipv4.ip_forward=1
}
# The lock of a watch goes with its namespace.
leave_namespaces() {
  local space
  [ ! -e "/run/netns/$HOST" ] || rm -f "/run/cellblock/watch.$(stat -Lc %i "/run/netns/$HOST")"
  for space in "$HOST" "$MEMBER" "$INTERNET"; do ip netns del "$space" 2>/dev/null || true; done
}

in_host() { ip netns exec "$HOST" "$@"; }
