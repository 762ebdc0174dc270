#!/usr/bin/env bats
# Nobody gets in: the LAN, the internet and another bridge send what they can to the members of a guarded bridge. It
# comes new, and as part of what was open before. Other programs do to it on its way whatever they may do to packets.
# The same goes to a member of a bridge that nothing guards, at the same time, and arrives. A witness on the members'
# own interfaces tells what came. The lab is one of its own, as netguard.bats.
# shellcheck disable=SC2030,SC2031,SC2034  # each test runs in a process of its own; MOAT is for the files that are loaded

bats_require_minimum_version 1.5.0
load ../worlds/netguard/world.bash
load ../worlds/netguard/inbound.bash
load ../worlds/netguard/storms.bash

setup_file() {
  build_world
  box netguard-inside --network netguard-cell --publish 17000:7000/tcp --publish 17000:7000/udp
  box netguard-beside --network netguard-free --publish 18000:7000/tcp --publish 18000:7000/udp
  box netguard-attacker --network bridge
  box netguard-late --network none
  box netguard-later --network none
  local place
  for place in "${PLACES[@]}"; do
    nsenter --net="$(space "$place")" -- python3 "$SUITE/inbound.py" serve 7000 </dev/null >"$BATS_FILE_TMPDIR/$place.serves" 2>&1 3>&- &
    echo $! >>"$BATS_FILE_TMPDIR/pids"
  done
  for place in "${PLACES[@]}"; do await_text "$BATS_FILE_TMPDIR/$place.serves"; done
  open_doors
}
teardown_file() {
  "$LAB" exec lan ip route del 172.30.0.0/16 || true
  "$LAB" exec lan ip -6 route del fd6c:6c62::/32 || true
  BACKEND=iptables guard remove --force >/dev/null || true
  leave_world
}
setup() {
  THROWN=$BATS_TEST_TMPDIR/thrown
  : >"$THROWN"
  no_moat
}
teardown() {
  end_processes
  strangers_leave
  elsewhere del 2>/dev/null || true
  vanish
}

# All that is thrown, in one go.
storms() {
  witness "${PLACES[@]}"
  storm_new
  storm_untracked
  storm_routed
  storm_translated
  storm_rewritten
  storm_expected
  storm_posing
  storm_errors
  judge
}

# One line for each way that must be open and is not.
await_open() { "$@" >"$BATS_TEST_TMPDIR/said.$BASHPID" 2>&1 || echo "closed: $*" >>"$BATS_TEST_TMPDIR/closed"; }
asks() { "$BATS_TEST_DIRNAME/../worlds/lab/ask.py" -s 10 "$@"; }
host_asks() { on_host "$BATS_TEST_DIRNAME/../worlds/lab/ask.py" -s 10 "$@"; }
member_asks() { inside "netguard-$1" "$BATS_TEST_DIRNAME/../worlds/lab/ask.py" -s 10 "${@:2}"; }
# Four megabytes to a server of the internet and back.
much() {
  inside "netguard-$1" python3 -c '
import socket, sys, threading
sock = socket.create_connection((sys.argv[1], 7000), 10)
sock.settimeout(30)
data = bytes(1 << 22)
threading.Thread(target=sock.sendall, args=(data,)).start()
heard = 0
while heard < len(data):
    piece = sock.recv(1 << 16)
    if not piece: sys.exit(1)
    heard += len(piece)' "$2"
}

# What the moat must leave alone.
everything_else() {
  local place family address bridged
  for place in inside sealed beside; do
    for family in 4 6; do
      address=$(address "$place" "$family")
      await_open host_asks tcp "$address" 7000 3>&- &
      await_open host_asks udp "$address" 7000 3>&- &
      await_open host_asks ping "$address" 3>&- &
    done
  done
  for address in 127.0.0.1 192.168.77.2 ::1 2001:db8:77::2; do
    await_open host_asks tcp "$address" 17000 3>&- &
    await_open host_asks udp "$address" 17000 3>&- &
  done
  for place in inside beside; do
    for address in 8.8.8.8 2606:4700:4700::1111; do
      await_open member_asks "$place" tcp "$address" 22 3>&- &
      await_open member_asks "$place" udp "$address" 123 3>&- &
      await_open member_asks "$place" dns "$address" 3>&- &
      await_open member_asks "$place" ping "$address" 3>&- &
      await_open much "$place" "$address" 3>&- &
    done
  done
  for family in 4 6; do
    address=$(address beside "$family")
    await_open member_asks attacker tcp "$address" 7000 3>&- &
    await_open member_asks attacker udp "$address" 7000 3>&- &
    await_open member_asks attacker ping "$address" 3>&- &
    await_open member_asks control tcp "$address" 7000 3>&- &
  done
  await_open member_asks beside tcp 192.168.77.10 445 3>&- &
  wait
  # The kernel asks the rules of IP about frames between two members, or does not.
  for bridged in 1 0; do
    on_host sysctl -q -w "net.bridge.bridge-nf-call-iptables=$bridged" "net.bridge.bridge-nf-call-ip6tables=$bridged"
    for family in 4 6; do
      address=$(address inside "$family")
      await_open member_asks open tcp "$address" 7000 3>&- &
      await_open member_asks open udp "$address" 7000 3>&- &
      await_open member_asks open ping "$address" 3>&- &
    done
    wait
  done
  on_host sysctl -q -w net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1
  [ ! -s "$BATS_TEST_TMPDIR/closed" ] || { cat "$BATS_TEST_TMPDIR/closed" >&2; return 1; }
}

@test "without a moat everything gets in, everywhere (control)" {
  MOAT=none
  storms
}

@test "without a moat what was open before goes on, and so does what a stranger sends elsewhere (control)" {
  MOAT=none
  open_before moat
  open_while_absent moat
  end_processes
  strangers_leave
  open_outward moat
}

@test "nothing new gets in, of whatever kind, whatever other programs do to it on its way" {
  MOAT=nft
  moat
  storms
}

@test "of what the LAN had open with members not one more packet gets in" {
  MOAT=nft
  open_before moat
}

@test "the rules alone stop what the LAN had open with members, where the kernel was not told to forget it" {
  MOAT=nft
  open_before kept_rules
}

@test "what the LAN had open with addresses of nobody does not get in when they become a member's" {
  MOAT=nft
  open_while_absent moat
}

@test "nor where the rules alone come between" {
  MOAT=nft
  open_while_absent kept_rules
}

@test "of what members had open that a stranger sends to the LAN or to the host not one more packet gets there" {
  MOAT=nft
  open_outward moat
}

@test "the rules alone stop what members had open with the LAN and the host by a stranger's doing" {
  MOAT=nft
  open_outward kept_rules
}

@test "the host reaches members, members the internet and each other, and others whomever they reached before" {
  MOAT=nft
  moat
  everything_else
}

@test "all of it holds with iptables too" {
  MOAT=iptables
  moat
  storms
  end_processes
  everything_else
  local how
  for how in moat kept_rules; do
    no_moat
    open_before "$how"
    end_processes
    no_moat
    open_outward "$how"
    end_processes
    strangers_leave
  done
  no_moat
  open_while_absent kept_rules
}
