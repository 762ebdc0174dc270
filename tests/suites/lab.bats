#!/usr/bin/env bats
# The lab keeps its promises: everything in it answers whoever is not held back, so that a later
# "blocked" means something. Nothing leaves it, and nothing is left of it.
#
# All of it runs in a second lab (LAB_NAME), so that it disturbs none that is up.

bats_require_minimum_version 1.5.0

setup_file() {
  [ "$(id -u)" = 0 ] || { echo "the lab needs root" >&2; return 1; }
  export LAB_NAME=labtest
  export ROOT=$BATS_TEST_DIRNAME/../.. LAB=$BATS_TEST_DIRNAME/../worlds/lab/lab ASK=$BATS_TEST_DIRNAME/../worlds/lab/ask.py
  export STATE=/run/labtest-lab DATA=/var/lib/labtest-lab
  BASE_IMAGE=${BASE_IMAGE:-$("$ROOT/scripts/setup" | sed -n 's/^BASE_IMAGE=//p')}
  export BASE_IMAGE
  "$LAB" down
  "$LAB" up
  "$LAB" load "$BASE_IMAGE"
  "$LAB" docker run -d --name prisoner "$BASE_IMAGE" sleep infinity
  PRISONER=$("$LAB" docker inspect --format '{{.State.Pid}}' prisoner)
  export PRISONER
}

teardown_file() { "$LAB" down --purge; }

# Asks from inside a container on Docker's default bridge.
from_container() { nsenter --net="/proc/$PRISONER/ns/net" -- "$ASK" "$@"; }

from_host() { "$LAB" exec host "$ASK" "$@"; }

# Every protocol that a later probe uses, at one address of one world.
everything_answers() {
  local asker=$1 world=$2 address=$3 shown=$3
  case "$address" in *:*) shown="[$address]" ;; esac
  [ "$("$asker" tcp "$address" 22)" = "cellblock-lab $world $shown:22" ]
  [ "$("$asker" udp "$address" 123)" = "cellblock-lab $world $shown:123" ]
  [ "$("$asker" http "$address")" = "cellblock-lab $world $shown:80" ]
  [ "$("$asker" dns "$address")" = "dns status 0, 1 records" ]
  [ "$("$asker" dns-tcp "$address")" = "dns status 0, 1 records" ]
  [ "$("$asker" ping "$address")" = "ping answered" ]
}

@test "from a container on the default bridge, the internet answers on every protocol, over IPv4 and IPv6" {
  everything_answers from_container inet 8.8.8.8
  everything_answers from_container inet 2606:4700:4700::1111
}

@test "from a container on the default bridge, the cloud's metadata address answers, and looks like one" {
  everything_answers from_container inet 169.254.169.254
  everything_answers from_container inet fd00:ec2::254
  nsenter --net="/proc/$PRISONER/ns/net" -- curl -sS -m 5 http://169.254.169.254/latest/meta-data/ | grep -q instance-id
}

@test "from a container on the default bridge, the tailnet answers through the host" {
  everything_answers from_container inet 100.64.9.9
  everything_answers from_container inet 100.127.255.1
  everything_answers from_container inet fd7a:115c:a1e0::9
}

@test "from a container on the default bridge, NAS and router answer, at private and global addresses" {
  local address
  for address in 192.168.77.10 192.168.77.1 2001:db8:77::10 2001:db8:77::1 81.2.69.161; do
    everything_answers from_container lan "$address"
  done
}

@test "from a container on the default bridge, the host answers on every address it has" {
  local address
  for address in 192.168.77.2 2001:db8:77::2 100.101.102.103 fd7a:115c:a1e0::53 172.17.0.1 fd6c:6c62:ffff::1; do
    everything_answers from_container host "$address"
  done
}

@test "a port nobody chose answers too, in lan and inet" {
  [ "$(from_container tcp 203.0.113.9 31337)" = "cellblock-lab inet 203.0.113.9:31337" ]
  [ "$(from_container udp 2a00:1450::9 31337)" = "cellblock-lab inet [2a00:1450::9]:31337" ]
  [ "$(from_container tcp 192.168.77.10 445)" = "cellblock-lab lan 192.168.77.10:445" ]
}

@test "the DNS log shows who asked for which name, also for names that do not exist" {
  local name
  name=unique-$RANDOM$RANDOM.example
  run ! grep -q "$name" "$STATE/dns.log"
  [ "$(from_container dns 9.9.9.9 "$name")" = "dns status 3, 0 records" ]
  grep -qE "^[0-9T:.Z-]+ 192\.168\.77\.2 $name A 9\.9\.9\.9:53 udp inet$" "$STATE/dns.log"
}

@test "a hostile name can not forge a line of the DNS log" {
  from_container dns 9.9.9.9 $'x\nforged 1.2.3.4 y A'
  grep -qF 'x\010forged\0321' "$STATE/dns.log"
  run ! grep -q '^forged' "$STATE/dns.log"
}

@test "the packet filters of the lab count what arrived, as a witness beside the servers" {
  from_container udp 45.33.7.99 4567
  "$LAB" seen | grep -qx 'inet 192.168.77.2 45.33.7.99 udp 4567 1'
  run ! grep -q ' 45.33.7.98 ' <("$LAB" seen)
}

@test "a rebinding name answers with another address each time" {
  local first second
  first=$("$LAB" exec host curl -sS -m 5 http://rebind.lab.test/ | head -n 1)
  second=$("$LAB" exec host curl -sS -m 5 http://rebind.lab.test/ | head -n 1)
  [ "$first" != "$second" ]
}

@test "git ls-remote reads the refs over TLS that the lab's CA vouches for, and over no other" {
  local refs
  refs=$("$LAB" exec host env GIT_SSL_CAINFO="$STATE/ca.pem" git ls-remote https://github.com/openclaw/openclaw)
  [ "$refs" = "$("$BATS_TEST_DIRNAME/../worlds/lab/origin" refs | tr ' ' '\t')" ]
  grep -q $'\trefs/tags/v2026.9.5^{}$' <<<"$refs"
  grep -q $'\trefs/pull/1/head$' <<<"$refs"
  run -128 "$LAB" exec host env GIT_SSL_CAINFO=/etc/ssl/certs/ca-certificates.crt git ls-remote https://github.com/openclaw/openclaw
  [[ "$output" == *"certificate"* ]]
}

@test "a tag that is moved at the origin has another id, and its kind stays" {
  local old new
  read -r old new < <("$BATS_TEST_DIRNAME/../worlds/lab/origin" move-tag v2026.9.5)
  [ "$old" != "$new" ]
  "$LAB" exec host env GIT_SSL_CAINFO="$STATE/ca.pem" git ls-remote https://github.com/openclaw/openclaw >"$BATS_TEST_TMPDIR/refs"
  grep -qx "$new"$'\trefs/tags/v2026.9.5' "$BATS_TEST_TMPDIR/refs"
  grep -q $'\trefs/tags/v2026.9.5^{}$' "$BATS_TEST_TMPDIR/refs"
  run ! grep -q "$old" "$BATS_TEST_TMPDIR/refs"
}

fetch() { "$LAB" exec host curl -sS -m 5 --cacert "$STATE/ca.pem" "https://$1/"; }

@test "a good certificate is accepted; expired, self-signed and wrong-name ones are refused, each for its reason" {
  [[ "$(fetch openclaw.ai)" == "cellblock-lab inet "* ]]
  run -60 fetch expired.lab.test
  [[ "$output" == *expired* ]]
  run -60 fetch self-signed.lab.test
  [[ "$output" == *self-signed* ]]
  run -60 fetch wrong-name.lab.test
  [[ "$output" == *"subject name"* ]]
}

@test "five hundred connections at once all get their answer" {
  run -0 "$LAB" exec host python3 - <<'PY'
import asyncio
async def one(i):
    reader, writer = await asyncio.open_connection(f"45.34.{i // 250}.{i % 250 + 1}", 22)
    line = await asyncio.wait_for(reader.readline(), 20)
    writer.close()
    return b"cellblock-lab inet 45.34." in line
async def main():
    assert all(await asyncio.gather(*(one(i) for i in range(500))))
asyncio.run(main())
PY
}

@test "the machine's own address, asked in the lab, is answered by the lab: there is no way out" {
  local address
  # Whatever the machine is called outside, in here it is one more address of inet.
  while read -r address; do
    [[ "$(from_host http "${address%/*}")" == "cellblock-lab inet "* ]]
  done < <(ip -o addr show scope global | awk '$2 !~ /^(docker|br-|veth)/ { print $4 }')
}

# Devices of the machine's own namespace whose other end is in the lab.
joined() { ip -o link show | grep -o "link-netns $LAB_NAME-[a-z]*" || true; }

@test "no device joins the lab to the machine's own network" {
  local world
  [ -z "$(joined)" ]
  # The check sees one when there is one; it carries no address and is never up.
  ip link add labtest0 type veth peer name out0 netns "$LAB_NAME-inet"
  run joined
  ip link del labtest0
  [ "$output" = "link-netns $LAB_NAME-inet" ]
  # Only cables and bridges: a macvlan or tunnel could ride on a device outside.
  for world in host lan inet; do
    run ! grep -vE ' (veth|bridge) |loopback' <(ip -n "$LAB_NAME-$world" -d -o link show)
  done
}

@test "load copies an image once and knows it the second time" {
  run -0 "$LAB" load "$BASE_IMAGE"
  [ -z "$output" ]
  [ "$("$LAB" docker image inspect --format '{{.Id}}' "$BASE_IMAGE")" = "$(docker image inspect --format '{{.Id}}' "$BASE_IMAGE")" ]
  run -2 "$LAB" load no-such-image:ever
  [[ "$output" == *no-such-image:ever* ]]
}

@test "a second up is a no-op: the same processes serve on" {
  local before
  before=$("$LAB" status)
  run -0 "$LAB" up
  [ -z "$output" ]
  [ "$("$LAB" status)" = "$before" ]
  [ "$("$LAB" docker inspect --format '{{.State.Running}}' prisoner)" = true ]
}

@test "an up mends a server that died, and status tells it in between" {
  kill -9 "$(pgrep -f "serve.py inet $STATE ")"
  run -1 "$LAB" status
  [[ "$output" == *"servers      down"* ]]
  run -1 from_host -s 1 tcp 8.8.8.8 22
  "$LAB" up
  run -0 "$LAB" status
  [ "$(from_host tcp 8.8.8.8 22)" = "cellblock-lab inet 8.8.8.8:22" ]
}

@test "a wrong word gets a usage error, exit 2" {
  run -2 "$LAB" upp
  [[ "$output" == *"upp"* ]]
  run -2 "$LAB" exec elsewhere true
  run -2 "$BATS_TEST_DIRNAME/../worlds/lab/origin" move-tag no-such-tag
  [[ "$output" == *no-such-tag* ]]
}
