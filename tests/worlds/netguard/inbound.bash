# What netguard-inbound.bats throws with, and how it is seen what came: members, witnesses, other programs' rules, the
# moat with and without what netguard does besides loading it. Sourced after world.bash.
# shellcheck disable=SC2034  # used in the suite

# Members: one on a guarded bridge with ways out, one on a guarded bridge with none, one beside the moat.
readonly PLACES=(inside sealed beside)

# What else could stop an attacker is out of the way: Docker's own filters, routes that nobody has, and settings that
# let senders choose a route or send to everybody.
open_doors() {
  local program setting
  for program in iptables ip6tables; do on_host "$program" -I DOCKER-USER -j ACCEPT; done
  "$LAB" exec lan ip route replace 172.30.0.0/16 via 192.168.77.2
  "$LAB" exec lan ip -6 route replace fd6c:6c62::/32 via 2001:db8:77::2
  for setting in all lan0 tailscale0 docker0; do
    on_host sysctl -q -w "net.ipv4.conf.$setting.rp_filter=0"
    on_host sysctl -q -w "net.ipv4.conf.$setting.accept_source_route=1" "net.ipv4.conf.$setting.bc_forwarding=1"
    on_host sysctl -q -w "net.ipv6.conf.$setting.seg6_enabled=1"
  done
}

# The moat in the shape that MOAT names: none, nft or iptables.
moat() { [ "${MOAT:=none}" = none ] || BACKEND=$MOAT guard apply >/dev/null; }
no_moat() { BACKEND=auto guard remove --force >/dev/null; }
# What else stands in the kernel's rules, of other programs.
strangers() { on_host nft -f -; }
strangers_leave() {
  local family
  for family in ip ip6 inet; do on_host nft delete table "$family" stranger 2>/dev/null || true; done
}

address() {
  local field=IPAddress kept=$BATS_FILE_TMPDIR/address.$1$2
  [ "$2" = 4 ] || field=GlobalIPv6Address
  [ -s "$kept" ] || "$LAB" docker inspect --format "{{range .NetworkSettings.Networks}}{{.$field}} {{end}}" "netguard-$1" | cut -d' ' -f1 >"$kept"
  cat "$kept"
}
# The network namespace of a member. Who runs in the background goes there without a shell between, which alone would be
# ended in its stead.
space() { "$LAB" docker inspect --format '/proc/{{.State.Pid}}/ns/net' "netguard-$1"; }
mac() { ip -n "$LAB_NAME-host" -json link show "$1" | jq -r '.[0].address'; }
# The host, as each world knows it.
host() {
  case "$1" in
    lan4) echo 192.168.77.2 ;;
    lan6) echo 2001:db8:77::2 ;;
    inet4) echo 100.101.102.103 ;;
    inet6) echo fd7a:115c:a1e0::53 ;;
    bridge4) echo 172.17.0.1 ;;
    bridge6) echo fd6c:6c62:ffff::1 ;;
  esac
}

# Looks at all that comes to members from now on.
witness() {
  local place
  for place in "$@"; do
    rm -f "$BATS_TEST_TMPDIR/$place.seen"
    nsenter --net="$(space "$place")" -- python3 "$SUITE/witness.py" sniff "$BATS_TEST_TMPDIR/$place.seen" eth0 </dev/null >/dev/null 2>&1 3>&- &
    echo $! >>"$BATS_TEST_TMPDIR/pids"
  done
  for place in "$@"; do await_text "$BATS_TEST_TMPDIR/$place.seen"; done
}

# Throws rows from a world: NAME WORLD.
throw() {
  local name=$1 world=$2 hosts
  hosts=("$(host "${world}4")" "$(host "${world}6")")
  case "$world" in
    lan) "$LAB" exec lan python3 "$SUITE/inbound.py" throw "$name" lan0 "$(mac lan0)" "${hosts[@]}" 192.168.77.10 2001:db8:77::10 ;;
    inet) "$LAB" exec inet python3 "$SUITE/inbound.py" throw "$name" tail0 "$(mac tailscale0)" "${hosts[@]}" 8.8.8.8 2606:4700:4700::1111 ;;
    bridge) inside netguard-attacker python3 "$SUITE/inbound.py" throw "$name" eth0 "$(mac docker0)" "${hosts[@]}" "$(address attacker 4)" "$(address attacker 6)" ;;
  esac >>"$THROWN"
}

# Rows for each of the three members, in both families: PORT KINDS.
everybody() {
  local place family
  for place in "${PLACES[@]}"; do for family in 4 6; do echo "$place$family $(address "$place" "$family") $*"; done; done
}
# Rows for what stands for a member, in both families: WORD ADDRESS4 ADDRESS6, a port for inside and one for beside, KINDS.
standins() {
  printf '%s\n' "inside4-$1 $2 $4 $6" "inside6-$1 $3 $4 $6" "beside4-$1 $2 $5 $6" "beside6-$1 $3 $5 $6"
}

# Marks that were thrown and came, or did not, of those that a pattern selects.
marks() { comm "$1" <(grep -E "$2" "$THROWN" | sort -u) <(sort -u "$BATS_TEST_TMPDIR"/*.seen); }
came() { marks -12 "$1"; }
missing() { marks -23 "$1"; }
# What a pattern selects did come, all of it; 20 s, for a busy machine.
await_marks() {
  local tries
  grep -qE "$1" "$THROWN"
  for ((tries = 0; tries < 200; tries++)); do [ -n "$(missing "$1")" ] || return 0; sleep 0.1; done
  missing "$1" | sed 's/^/did not come: /' >&2
  return 1
}
# Nobody but the member beside the moat was reached: it got all, the others nothing.
only_beside() {
  await_marks /beside || return 1
  grep -qE '/inside' "$THROWN"
  [ -z "$(came '/(inside|sealed)')" ] || { came '/(inside|sealed)' | sed 's/^/got in: /' >&2; return 1; }
}

# What must come of what was thrown since the last time, with the moat that there is.
judge() {
  if [ "$MOAT" = none ]; then await_marks . || return 1; else only_beside || return 1; fi
  : >"$THROWN"
}

# Opens connections from a world, as rows say that come on stdin, and waits until they are open: NAME WORLD.
hold_open() {
  local name=$1 space=$2 tries
  case "$space" in
    lan | host) space=/run/netns/$LAB_NAME-$space ;;
    *) space=$(space "$space") ;;
  esac
  rm -f "$BATS_TEST_TMPDIR/$name.held" "$BATS_TEST_TMPDIR/go"
  cat >"$BATS_TEST_TMPDIR/$name.rows"
  nsenter --net="$space" -- python3 "$SUITE/inbound.py" hold "$name" "$BATS_TEST_TMPDIR/go" \
    <"$BATS_TEST_TMPDIR/$name.rows" >"$BATS_TEST_TMPDIR/$name.held" 2>"$BATS_TEST_TMPDIR/$name.error" 3>&- &
  echo $! >>"$BATS_TEST_TMPDIR/pids"
  for ((tries = 0; tries < 300; tries++)); do
    if grep -qsx all "$BATS_TEST_TMPDIR/$name.held"; then return 0; fi
    sleep 0.1
  done
  echo "not all of $name was opened: $(tail -n 1 "$BATS_TEST_TMPDIR/$name.error")" >&2
  return 1
}
# All that are open say one thing more, which is looked for as what is thrown is: NAME…
go_on() {
  local name
  for name in "$@"; do awk -v name="$name" '{ print name "/" $2 "/" $1 "/after" }' "$BATS_TEST_TMPDIR/$name.rows" >>"$THROWN"; done
  touch "$BATS_TEST_TMPDIR/go"
}
# The port from which the row of a place was opened: NAME PLACE.
own_port() { awk -v place="$2" '$2 == place { print $3 }' "$BATS_TEST_TMPDIR/$1.held"; }

# The moat's rules as they were loaded, and no more: what netguard does besides, such as to have the kernel forget
# connections, is not among it.
keep_rules() {
  moat
  if [ "$MOAT" = nft ]; then
    on_host nft -s list table inet netguard >"$BATS_TEST_TMPDIR/kept"
  else
    on_host ipset save | grep ' netguard-' >"$BATS_TEST_TMPDIR/kept"
    on_host iptables-save -t mangle >"$BATS_TEST_TMPDIR/kept4"
    on_host ip6tables-save -t mangle >"$BATS_TEST_TMPDIR/kept6"
  fi
  no_moat
}
kept_rules() {
  if [ "$MOAT" = nft ]; then
    on_host nft -f "$BATS_TEST_TMPDIR/kept"
  else
    on_host ipset restore <"$BATS_TEST_TMPDIR/kept"
    on_host iptables-restore -T mangle <"$BATS_TEST_TMPDIR/kept4"
    on_host ip6tables-restore -T mangle <"$BATS_TEST_TMPDIR/kept6"
  fi
  BACKEND=$MOAT holds
}

# Looks at what comes to a world: WORLD, and how (witness.py).
watch_world() {
  local world=$1
  nsenter --net="/run/netns/$LAB_NAME-$world" -- python3 "$SUITE/witness.py" "$2" "$BATS_TEST_TMPDIR/$world.seen" "${@:3}" </dev/null >/dev/null 2>&1 3>&- &
  echo $! >>"$BATS_TEST_TMPDIR/pids"
  await_text "$BATS_TEST_TMPDIR/$world.seen"
}

# Ends whoever looks or holds, and waits for it: what they look at may go away next.
end_processes() {
  local pid tries
  [ -f "$BATS_TEST_TMPDIR/pids" ] || return 0
  while read -r pid; do
    kill "$pid" 2>/dev/null || true
    for ((tries = 0; tries < 100; tries++)); do kill -0 "$pid" 2>/dev/null || break; sleep 0.02; done
  done <"$BATS_TEST_TMPDIR/pids"
  rm "$BATS_TEST_TMPDIR/pids"
}
