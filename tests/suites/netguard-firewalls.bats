#!/usr/bin/env bats
# The moat beside the firewalls that people have: real ufw, firewalld and nftables.service go on, reload and go off on
# the lab's host. Meanwhile `netguard watch` keeps the rules, with each backend. They run in a container that shares
# the lab host's network. The lab is netguard's.

bats_require_minimum_version 1.5.0
load ../worlds/netguard/world.bash

setup_file() {
  build_world
  docker build -q --build-arg BASE_IMAGE="$BASE_IMAGE" -t cellblock/firewalls:test "$SUITE/firewalls" >/dev/null
  "$LAB" load cellblock/firewalls:test
  "$LAB" docker run -d --name netguard-firewall --privileged --network host cellblock/firewalls:test sleep infinity >/dev/null
}
teardown_file() {
  BACKEND=iptables guard remove --force >/dev/null || true
  leave_world
  docker rmi cellblock/firewalls:test >/dev/null 2>&1 || true
}
setup() { PORT=$((20000 + RANDOM % 20000)); }
# What a firewall flushed of Docker's own comes back with the engine, and the containers with it.
teardown() {
  [ -z "${WATCHER:-}" ] || { kill "$WATCHER" 2>/dev/null && wait "$WATCHER"; } || true
  firewall sh -c 'ufw disable; pkill firewalld; pkill dbus-daemon; true' >/dev/null 2>&1 || true
  BACKEND=nft guard remove --force >/dev/null || true
  BACKEND=iptables guard remove --force >/dev/null || true
}

firewall() { "$LAB" docker exec netguard-firewall "$@"; }

# Begins to watch, with a backend.
watching() {
  export BACKEND=$1
  guard apply >/dev/null
  start "$BATS_TEST_TMPDIR/watch" watch
  await_line "$BATS_TEST_TMPDIR/watch" '.event.action == "moat-watched"'
}

# The rules are back or were never away, and it is they that refuse: what the cell tries now is in their record.
# Where Docker's own rules are gone too, silence alone would prove nothing.
await_moat() {
  local tries
  for ((tries = 0; tries < 150; tries++)); do
    if [ -z "$(defects)" ]; then break; fi
    sleep 0.2
  done
  run defects
  [ -z "$output" ] || { printf '%s\n' "not as planned after $1:" "$output" >&2; return 1; }
  PORT=$((PORT + 1))
  not_reached netguard-open tcp 192.168.77.10 "$PORT"
  recorded netguard-open "$PORT" || { echo "what the cell tried after $1 was not refused by the moat" >&2; return 1; }
}

# ufw says that it cannot set kernel parameters from a container, and goes on.
ufw_comes_and_goes() {
  firewall ufw --force enable >/dev/null
  firewall ufw status | grep -q 'Status: active'
  await_moat "ufw enable"
  firewall ufw reload >/dev/null
  await_moat "ufw reload"
  firewall ufw disable >/dev/null
  await_moat "ufw disable"
}

firewalld_comes_and_goes() {
  firewall sed -i "s/^FirewallBackend=.*/FirewallBackend=$1/" /etc/firewalld/firewalld.conf
  firewall sh -c 'mkdir -p /run/dbus; rm -f /run/dbus/pid; dbus-daemon --system --fork'
  "$LAB" docker exec -d netguard-firewall firewalld --nofork --nopid
  local tries
  for ((tries = 0; tries < 300; tries++)); do firewall firewall-cmd --state >/dev/null 2>&1 && break; sleep 0.2; done
  firewall firewall-cmd --state | grep -q running
  await_moat "the start of firewalld"
  firewall firewall-cmd --reload >/dev/null
  await_moat "firewall-cmd --reload"
  firewall firewall-cmd --complete-reload >/dev/null
  await_moat "firewall-cmd --complete-reload"
  firewall pkill firewalld
  await_moat "the end of firewalld"
}

@test "the probe that the moat refuses here does get through where no moat stands (control)" {
  inside_ask netguard-control tcp 192.168.77.10 "$PORT" >/dev/null
  inside_ask netguard-open tcp 192.168.77.10 "$PORT" >/dev/null
}

@test "ufw beside the nft backend" {
  watching nft
  ufw_comes_and_goes
}

@test "ufw beside the iptables backend" {
  watching iptables
  ufw_comes_and_goes
}

@test "firewalld, with nftables, beside the nft backend" {
  watching nft
  firewalld_comes_and_goes nftables
}

@test "firewalld, with iptables, beside the iptables backend: it flushes every table of iptables, and the rules come back" {
  watching iptables
  firewalld_comes_and_goes iptables
  [ "$(told "$BATS_TEST_TMPDIR/watch" moat-restored)" -ge 1 ]
}

@test "nftables.service, whose file begins with flush ruleset, beside either backend" {
  watching nft
  firewall nft -f /etc/nftables.conf
  await_told "$BATS_TEST_TMPDIR/watch" moat-restored 1
  await_moat "nft -f /etc/nftables.conf"
  [ "$(told "$BATS_TEST_TMPDIR/watch" moat-restored)" -ge 1 ]
  kill "$WATCHER"
  wait "$WATCHER" || true
  guard remove --force >/dev/null
  watching iptables
  firewall nft -f /etc/nftables.conf
  await_moat "nft -f /etc/nftables.conf, with iptables"
}
