#!/usr/bin/env bats
# What the images do by themselves, before policy and networks come to them. They refuse with a reason what they cannot
# work with, and keep the prisoner off the vault's port and key. Every container here has no network.

bats_require_minimum_version 1.5.0
load ../worlds/compose/world.bash
load ../worlds/compose/container.bash
load ../worlds/gate/hundredth.bash

setup_file() {
  export FILES=$BATS_FILE_TMPDIR
  compose_alone config --format json >"$FILES/alone.json"
  openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=images.bats -keyout "$FILES/key.pem" -out "$FILES/cert.pem" 2>/dev/null
  openssl genrsa -out "$FILES/other.pem" 2048 2>/dev/null
}

teardown() { # --volumes: none of these has one worth keeping
  docker ps -aq --filter "label=$LABEL" | xargs -r docker rm -f --volumes >/dev/null
}

attempt() { # service, more options: runs it to its end
  local service=$1 options
  shift
  mapfile -t options < <(as_service "$service")
  timeout 60 docker run --rm --network none "${options[@]}" "$@" "cellblock/$service:local"
}

deliver() { docker exec -i "$1" install -D -m 0400 /dev/stdin "/run/secrets/vault/$2.pem" <"$3"; }

# A vault with its key, serving; nobody behind it.
serving_vault() {
  local id
  id=$(start vault --network none)
  deliver "$id" cert "$FILES/cert.pem"
  deliver "$id" key "$FILES/key.pem"
  eventually 60 docker exec "$id" healthy
  echo "$id"
}

@test "no file in our images runs as another than who starts it" {
  for service in cell clamd monitor proxy vault warden; do
    run -0 docker run --rm --network none --user 0 --entrypoint find "cellblock/$service:local" / -xdev -type f -perm /6000
    [ -z "$output" ] || { echo "$service: $output"; return 1; }
  done
}

@test "each of our images says what it was made of, and up takes it for this version's" {
  # shellcheck disable=SC2016  # for the inner shell
  run -0 env PATH="$TARGET/release:$PATH" DRY_RUN=0 HOUSE="$(realpath "$HOUSE")" bash -c '
    set -euo pipefail
    for part in say sources up.d/images; do source "$HOUSE/scripts/$part.bash"; done
    images_fit'
  [ -z "$output" ]
}

# Who calls, in Perl, which each image has: the numbers are amd64's. `ptrace` (of nobody) and AF_ALG in no service of ours; a call in
# another ABI is the end of who makes it (31 is SIGSYS). A call that no kernel has yet is unknown, as a new one is to an old kernel.
# shellcheck disable=SC2016  # the dollars are Perl's
readonly CALLS='$| = 1; sub said { print "$_[0] ", $!{EPERM} ? "refused" : "let by", "\n" }
  $! = 0; syscall(101, 17, 0, 0, 0); said("ptrace"); $! = 0; socket(my $s, 38, 5, 0); said("alg"); $! = 0; socket(my $u, 1, 1, 0); said("unix");
  $! = 0; syscall(999); print "newer ", $!{ENOSYS} ? "unknown" : "refused", "\n";
  unless (fork) { syscall(0x40000000 + 39); exit 0 } wait; print "x32 ", ($? & 127) == 31 ? "killed" : "lives", "\n"'

@test "a service of ours may not trace, ask the kernel for a cipher, or call in another ABI, as it may under the list of Docker" {
  [ "$(uname -m)" = x86_64 ] || skip "the numbers of these calls are amd64's"
  for service in clamd monitor proxy vault warden; do
    mapfile -t options < <(as_service "$service")
    run -0 docker run --rm --network none "${options[@]}" --entrypoint perl "cellblock/$service:local" -e "$CALLS"
    [ "$output" = "$(printf '%s\n' 'ptrace refused' 'alg refused' 'unix let by' 'newer unknown' 'x32 killed')" ] || { echo "$service: $output"; return 1; }
  done
  run -0 docker run --rm --network none --label "$LABEL" --entrypoint perl cellblock/vault:local -e "$CALLS"
  [ "$output" = "$(printf '%s\n' 'ptrace let by' 'alg let by' 'unix let by' 'newer unknown' 'x32 lives')" ]
}

@test "the vault waits for its key and says so, and is not healthy meanwhile" {
  id=$(start vault --network none)
  eventually 20 said "$id" 'waiting for key.pem and cert.pem'
  run -1 docker exec "$id" healthy
  [ "$output" = "no certificate delivered yet" ]
  run ! docker exec "$id" openssl s_client -connect 127.0.0.1:443
}

@test "the vault with its key serves the certificate it was given, as a uid of its own, and keeps the key to that uid" {
  id=$(serving_vault)
  [ "$(docker exec "$id" healthy)" = "$(openssl x509 -in "$FILES/cert.pem" -noout -fingerprint -sha256)" ]
  [ "$(docker exec "$id" stat -c '%u %a' /run/secrets /run/secrets/vault/key.pem | paste -sd' ' -)" = "10001 700 10001 400" ]
  docker exec "$id" grep -qE '^CapEff:\s+0+$' /proc/1/status
}

@test "a vault that serves another certificate than the one that was delivered last is not healthy, and says so" {
  id=$(serving_vault)
  openssl req -x509 -key "$FILES/other.pem" -days 2 -subj /CN=other -out "$FILES/other.cert.pem" 2>/dev/null
  deliver "$id" cert "$FILES/other.cert.pem"
  run -1 docker exec "$id" healthy
  [[ $output == "443 serves $(openssl x509 -in "$FILES/cert.pem" -noout -fingerprint -sha256), "* ]]
  deliver "$id" cert "$FILES/cert.pem"
  docker exec "$id" healthy
}

@test "a vault whose certificate has another's text in its subject is not taken for that one" {
  local text
  text=$(grep -v -- ----- "$FILES/cert.pem" | tr -d '\n')
  text=${text//\//\\/}
  openssl req -x509 -key "$FILES/key.pem" -days 2 -out "$FILES/liar.cert.pem" \
    -subj "/street=-----BEGIN CERTIFICATE-----${text//+/\\+}-----END CERTIFICATE-----" 2>/dev/null
  id=$(start vault --network none)
  deliver "$id" cert "$FILES/liar.cert.pem"
  deliver "$id" key "$FILES/key.pem"
  eventually 60 docker exec "$id" healthy
  deliver "$id" cert "$FILES/cert.pem"
  run -1 docker exec "$id" healthy
  [[ $output == "443 serves "*", and not the certificate that was delivered" ]]
}

@test "the vault refuses a key that is not its certificate's" {
  id=$(start vault --network none)
  deliver "$id" cert "$FILES/cert.pem"
  deliver "$id" key "$FILES/other.pem"
  [ "$(timeout 60 docker wait "$id")" = 78 ]
  said "$id" 'does not accept its configuration or the delivered key'
}

@test "the vault goes nowhere but to loopback" {
  for address in 10.0.0.1:80 127.0.0.1 127.0.0.1:0 127.0.0.1:65536 '127.0.0.1:80;}'; do
    run -78 attempt vault --env "VAULT_UPSTREAM=$address"
    [[ $output == *"expected 127.0.0.1:PORT"* ]]
  done
}

@test "the vault lets through the Origins that it is told, and none that is no Origin reaches its configuration" {
  local vault origin
  for origin in '*' 'http://a.example' 'https://a.example/' 'https://a.example"; return 200; "'; do
    run -78 attempt vault --env "VAULT_ORIGINS=$origin"
    [[ $output == *"expected https://host"* ]]
  done
  vault=$(start vault --network none --env 'VAULT_ORIGINS=https://box.example.ts.net https://[::1]:8443')
  deliver "$vault" cert "$FILES/cert.pem"
  deliver "$vault" key "$FILES/key.pem"
  eventually 60 docker exec "$vault" healthy
  asked() {
    docker run --rm --network "container:$vault" --label "$LABEL" --pull never --entrypoint curl cellblock/cell:local \
      -sk -o /dev/null -w '%{http_code}' -H "Origin: $1" https://127.0.0.1/
  }
  for origin in https://box.example.ts.net 'https://[::1]:8443'; do [ "$(asked "$origin")" = 503 ]; done   # let through, to nobody
  for origin in https://127.0.0.1:8443 https://box.example.ts.net.evil.example; do [ "$(asked "$origin")" = 403 ]; done
}

@test "without an agent behind it the vault answers 503 and says why" {
  vault=$(serving_vault)
  run docker run --rm --network "container:$vault" --label "$LABEL" --pull never --entrypoint curl \
    cellblock/cell:local -sk -w ' %{http_code}' https://127.0.0.1/
  [[ $output == *'"error":"agent-not-ready"'*' 503' ]]
}

# What an agent answers whose WebSockets are quiet and whose events trickle.
# shellcheck disable=SC2016  # the dollars are JavaScript's
readonly QUIET_AGENT='
require("http").createServer((asked, answer) => {
  answer.writeHead(200, {"Content-Type": "text/event-stream"});
  let number = 0;
  const next = setInterval(() => number < 18 ? answer.write(`data: event ${number++}\n\n`) : (clearInterval(next), answer.end()), 500);
}).on("upgrade", (asked, socket) => {
  socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
  socket.pipe(socket);
}).listen(18789, "127.0.0.1");
'

@test "through the vault a WebSocket that is quiet for 300 s stays, and so do events that trickle for 15 minutes" {
  local vault
  hundredth <"$HOUSE/compose/images/vault/nginx.conf" >"$FILES/quick.conf"
  grep -q 'proxy_read_timeout *36000ms;' "$FILES/quick.conf"
  vault=$(start vault --network none --volume "$FILES/quick.conf:/etc/nginx/vault/nginx.conf:ro")
  deliver "$vault" cert "$FILES/cert.pem"
  deliver "$vault" key "$FILES/key.pem"
  docker run -d --network "container:$vault" --label "$LABEL" --pull never --entrypoint node cellblock/cell:local -e "$QUIET_AGENT"
  eventually 60 docker exec "$vault" healthy
  timeout 60 nsenter "--net=/proc/$(docker inspect --format '{{.State.Pid}}' "$vault")/ns/net" -- \
    "$HOUSE/tests/worlds/gate/quiet.py" 127.0.0.1 443 127.0.0.1 tls >"$FILES/quiet" 2>&1 3>&- &
  eventually 45 grep -x echo "$FILES/quiet"
  eventually 45 grep -x 'events 18' "$FILES/quiet"
}

# The prisoner's binder: tries for the port in a loop, in both families and on single addresses, and says when it got it.
readonly BINDER='
import socket, sys, time
places = [(socket.AF_INET, "0.0.0.0"), (socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::")]
options = [(), (socket.SO_REUSEADDR,), (socket.SO_REUSEPORT,)]
port, end = int(sys.argv[1]), time.time() + float(sys.argv[2])
while time.time() < end:
    for family, address in places:
        for chosen in options:
            s = socket.socket(family, socket.SOCK_STREAM)
            try:
                if family == socket.AF_INET6: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                for option in chosen: s.setsockopt(socket.SOL_SOCKET, option, 1)
                s.bind((address, port)); s.listen()
                print("BOUND", address, port, flush=True); sys.exit(0)
            except OSError: s.close()
    time.sleep(0.001)
print("never bound", flush=True)
'

prisoner() { # vault's id, port, seconds, docker options; prints the container's id
  local vault=$1 port=$2 seconds=$3 options
  shift 3
  mapfile -t options < <(as_service cell)
  docker run -d "${options[@]}" --network "container:$vault" --entrypoint python3 "$@" cellblock/cell:local -c "$BINDER" "$port" "$seconds"
}

@test "the prisoner cannot take the vault's port, not even in the moment when the vault dies" {
  vault=$(serving_vault)
  prisoner=$(prisoner "$vault" 443 6)
  sleep 2
  docker kill --signal KILL "$vault" >/dev/null
  timeout 60 docker wait "$prisoner"
  [ "$(docker logs "$prisoner")" = "never bound" ]
}

@test "and it is the cell's sysctl that stops it: with the vault's own, the port is the prisoner's at once" {
  vault=$(serving_vault)
  prisoner=$(prisoner "$vault" 443 20 --sysctl net.ipv4.ip_unprivileged_port_start=443)
  sleep 2
  docker kill --signal KILL "$vault" >/dev/null
  timeout 60 docker wait "$prisoner"
  [[ $(docker logs "$prisoner") == "BOUND "* ]]
}

@test "the prisoner sees neither the vault's files nor its processes, and cannot change the namespace" {
  vault=$(serving_vault)
  mapfile -t options < <(as_service cell)
  in_cell() { docker run --rm "${options[@]}" --network "container:$vault" --entrypoint bash cellblock/cell:local -c "$1"; }
  run ! in_cell 'ls /run/secrets/vault'
  run ! in_cell 'grep -l nginx /proc/[0-9]*/comm'
  run ! in_cell 'echo 0 >/proc/sys/net/ipv4/ip_unprivileged_port_start'
  [ "$(in_cell 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start')" = 1024 ]
  run ! in_cell 'grep -a @ /proc/net/unix'
}

@test "the cell without its share says what is missing, and ends" {
  run -78 attempt cell
  [[ $output == *"cannot write to /sandbox"*"start the cell with scripts/up"* ]]
}

@test "a cell that is alone in its network namespace is not healthy, and says what to do" {
  run -1 docker run --rm --network none --label "$LABEL" --pull never --entrypoint healthy cellblock/cell:local
  [ "$output" = "the vault's network is gone: run scripts/up" ]
}

@test "the gate without a configuration, or with a broken one, says so and ends" {
  run -78 attempt proxy
  [[ $output == *"no configuration at /etc/nginx/gate/nginx.conf"* ]]
  mkdir -p "$FILES/gate"
  echo 'events {} http { server { listn 80; } }' >"$FILES/gate/nginx.conf"
  run -78 attempt proxy --volume "$FILES/gate:/etc/nginx/gate:ro"
  [[ $output == *'unknown directive "listn"'* ]]
}

# clamd with no way out, and a folder of files that it may look at.
serving_clamd() {
  local id
  mkdir -p "$FILES/files"
  chmod 0755 "$FILES/files"
  id=$(start clamd --network none --env CELLBLOCK_FRESHCLAM=0 --tmpfs /run/clamav:uid=10004,mode=0750 \
    --tmpfs /var/lib/clamav:uid=10004,mode=0750 --volume "$FILES/files:/files:ro" --volume /usr/share/clamav-testfiles:/debian:ro)
  eventually 60 docker exec "$id" healthy
  echo "$id"
}

# With files as open descriptors, as scanwatch does. Exit 1 when something is found.
scan_in() { docker exec "$1" clamdscan --config-file=/etc/clamav/clamd.conf --no-summary --fdpass "$2"; }

# A git that complains without end, by more than the monitor's /tmp holds, and then fails.
readonly COMPLAINER='#!/bin/sh
head -c 200000000 /dev/zero | tr "\\0" x >&2
exit 3'

@test "what a git complains of without end is kept by its beginning, and the monitor's rounds go on" {
  local id
  echo "$COMPLAINER" >"$FILES/git"
  chmod +x "$FILES/git"
  id=$(start monitor --network none --env CELLBLOCK_INTERVAL=5 --volume "$FILES/git:/usr/local/bin/git:ro" \
    --volume "$(realpath "$HOUSE")/compose/policy.toml:/etc/cellblock/policy.toml:ro" --tmpfs /var/lib/cellblock:uid=10003,gid=10003,mode=0700,size=16m)
  eventually 60 said "$id" 'git ended with 3: xxx'
  [ "$(docker exec "$id" stat -c %s /tmp/errors)" = 4096 ]
  docker exec "$id" healthy
  run -1 said "$id" 'No space left'
}

@test "clamd starts with no official database, says so, and knows the EICAR file and Debian's 44 test files" {
  id=$(serving_clamd)
  [[ $(docker exec "$id" healthy) == "official database absent: only the shipped test signatures are known;"* ]]
  # shellcheck disable=SC2016  # the test file's own bytes, in pieces
  printf '%s%s%s' 'X5O!P%@AP[4\PZX54(P^)7CC)7}$' EICAR-STANDARD '-ANTIVIRUS-TEST-FILE!$H+H*' >"$FILES/files/eicar"
  tar cz -C "$FILES/files" -f "$FILES/files/eicar.tgz" eicar
  echo nothing >"$FILES/files/clean"
  run -1 scan_in "$id" /files/eicar
  [[ $output == *"Eicar-Test-Signature.UNOFFICIAL FOUND" ]]
  run -1 scan_in "$id" /files/eicar.tgz
  [[ $output == *"Eicar-Test-Signature.UNOFFICIAL FOUND" ]]
  run -0 scan_in "$id" /files/clean
  run -1 scan_in "$id" /debian
  [ "$(grep -c 'ClamAV-Test-File.UNOFFICIAL FOUND' <<<"$output")" = 44 ]
}

@test "a file over clamd's limit is no clean file" {
  id=$(serving_clamd)
  truncate -s 513M "$FILES/files/large"
  run -1 scan_in "$id" /files/large
  [[ $output == *"Heuristics.Limits.Exceeded.MaxFileSize FOUND" ]]
}

@test "clamd that dies of a file is there again, and its container never went away" {
  id=$(serving_clamd)
  docker exec "$id" sh -c 'kill -SEGV $(pidof clamd)'
  eventually 30 said "$id" 'clamd died of signal 11; starting it again'
  eventually 60 docker exec "$id" healthy
  [ "$(docker inspect -f '{{.RestartCount}} {{.State.Running}}' "$id")" = "0 true" ]
}
