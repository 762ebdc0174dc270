#!/usr/bin/env bats
# A container's log goes into the record through the engine, each line once, whatever restarts. In a lab of its own.

# shellcheck disable=SC2030,SC2031,SC2154  # each test runs in a process of its own; world.bash has set lab and state
bats_require_minimum_version 1.5.0
load ../worlds/world

setup_file() {
  [ "$(id -u)" = 0 ] || { echo "the lab needs root" >&2; return 1; }
  "$lab" up 3>&-
  "$lab" load cellblock/base:bookworm 3>&-
}

teardown_file() { "$lab" down 3>&-; }

setup() { record=$BATS_TEST_TMPDIR/audit; }

teardown() {
  [ -z "${INGEST:-}" ] || kill -9 "$INGEST" 2>/dev/null || true
  in_host docker rm -f talker 2>/dev/null || true
}

# Numbers every fiftieth of a second, after one line that the engine cuts in pieces.
talk() {
  # shellcheck disable=SC2016  # the container's own shell expands it
  in_host docker run -d --name talker --restart=always cellblock/base:bookworm bash -c 'trap exit TERM
    read -r start </proc/sys/kernel/random/uuid; printf "{\"event\":{\"id\":\"%s-%040000d\"}}\n" "$start" 0
    n=0; while :; do printf "{\"event\":{\"id\":\"%s-%s\"}}\n" "$start" "$((n += 1))"; sleep 0.02; done'
}

# Not through in_host: a function in the background is a shell, and killing that is not enough.
begin_to_ingest() {
  nsenter "--net=/run/netns/${LAB_NAME:-cellblock}-host" -- env "DOCKER_HOST=unix://$state/docker.sock" auditdb ingest --directory "$record" \
    --provider vault --from-docker talker >/dev/null 2>"$BATS_TEST_TMPDIR/said" 3>&- &
  INGEST=$!
}

# What is in the spool, repeats and all, and what the engine keeps.
taken() { cat "$record"/spool/* 2>/dev/null | grep '^{"event"' | sort; }
kept() { in_host docker logs talker 2>/dev/null | sort; }
took() { [ "$(taken | wc -l)" -gt "$1" ]; }
all_taken() { cmp -s <(taken) <(kept); }
within() { local end=$((SECONDS + $1)); shift; until "$@"; do [ "$SECONDS" -lt "$end" ] || return 1; sleep 0.2; done; }
took_more() { local had; had=$(taken | wc -l); within 40 took "$had"; }

# dockerd alone, as the lab began it: its containers end with it, and those that always restart come back.
restart_engine() {
  local pid command
  pid=$(cat "$state/docker.pid")
  mapfile -d '' command <"/proc/$pid/cmdline"
  kill "$pid"
  within 40 not_there "$pid"
  in_host setsid "${command[@]}" >>"$state/dockerd.log" 2>&1 </dev/null 3>&- &
  within 40 in_host docker version >/dev/null 2>&1
}
not_there() { [ ! -e "/proc/$1" ]; }

@test "each line of a container is taken once: it restarts, the engine restarts, whoever reads is stopped and begins again" {
  begin_to_ingest
  within 5 grep -q 'there is no container talker' "$BATS_TEST_TMPDIR/said"
  talk
  took_more
  in_host docker restart talker
  took_more
  kill -TERM "$INGEST"
  wait "$INGEST"
  sleep 1
  begin_to_ingest
  took_more
  restart_engine
  took_more
  in_host docker stop talker
  within 20 all_taken
  [ "$(taken | cut -c 17-52 | sort -u | wc -l)" -ge 3 ]
}

@test "whoever reads is killed: no line is lost, and the record has each once" {
  talk
  for _ in 1 2 3; do
    begin_to_ingest
    took_more
    kill -9 "$INGEST"
    wait "$INGEST" || true
  done
  begin_to_ingest
  in_host docker stop talker
  missing() { comm -13 <(taken) <(kept); }
  nothing_missing() { [ -z "$(missing)" ]; }
  within 20 nothing_missing
  [ "$(auditdb query --directory "$record" "SELECT count(*) AS n FROM records WHERE provider = 'vault'" | jq .n)" = "$(kept | wc -l)" ]
}

# A line of the talker's own run, which `numbered` begins; its log holds 3 × 20 kB.
numbered() {
  # shellcheck disable=SC2016  # the container's own shell expands it
  in_host docker run -d --name talker --log-opt max-size=20k --log-opt max-file=3 cellblock/base:bookworm bash -c 'trap exit TERM
    read -r start </proc/sys/kernel/random/uuid; run=${start:24}; n=0
    say() { for _ in $(seq "$1"); do printf "{\"event\":{\"id\":\"%s-%s\"},\"cellblock\":{\"line\":\"%s-%s\"}}\n" "$start" "$((n += 1))" "$run" "$n"; done; }
    say 100; until [ -e /tmp/more ]; do sleep 0.1; done; say 3000; touch /tmp/done; while :; do say 1; sleep 0.1; done'
}
said_more() { in_host docker exec talker test -e /tmp/done; }
lost() { cat "$record"/spool/* | grep '"lines-lost"' | jq -s "$1"; }

@test "lines that the engine let go of while nobody read are told: how many, and between which times" {
  numbered
  begin_to_ingest
  within 20 took 99
  kill -TERM "$INGEST"
  wait "$INGEST"
  in_host docker exec talker touch /tmp/more
  within 30 said_more
  begin_to_ingest
  took_more
  grep -q 'lines of vault are lost' "$BATS_TEST_TMPDIR/said"
  kill -TERM "$INGEST"
  wait "$INGEST" || [ "$?" = 1 ]
  [ "$(lost length)" = 1 ]
  [ "$(lost '.[0] | [.event.severity, .cellblock.lost.source, .container.name, (.event.start < .event.end)]' | jq -c .)" = '[73,"vault","talker",true]' ]
  # What came and what is told to be lost are all that was written.
  local last
  last=$(taken | sed 's/.*-\([0-9]*\)"}}$/\1/' | sort -n | tail -n 1)
  [ "$(($(taken | wc -l) + $(lost '.[0].cellblock.lost.lines')))" = "$last" ]
  [ "$(lost '.[0].cellblock.lost.lines')" -gt 1000 ]
}

# As begin_to_ingest, with the smallest spool there is.
begin_with_a_small_spool() {
  sed 's|^spool .*|spool = "1MiB"|' "$house/compose/policy.toml" >"$BATS_TEST_TMPDIR/policy.toml"
  nsenter "--net=/run/netns/${LAB_NAME:-cellblock}-host" -- env "DOCKER_HOST=unix://$state/docker.sock" auditdb ingest --directory "$record" \
    --policy "$BATS_TEST_TMPDIR/policy.toml" --root "$BATS_TEST_TMPDIR" --provider vault --from-docker talker >/dev/null 2>"$BATS_TEST_TMPDIR/said" 3>&- &
  INGEST=$!
}

@test "a flood that the spool has no room for keeps nobody waiting who writes, and what did not fit is counted" {
  # Fifty times what the spool takes, and the engine keeps a fifth of it.
  in_host docker run -d --name talker --log-opt max-size=4m --log-opt max-file=3 cellblock/base:bookworm bash -c 'trap exit TERM
    awk "BEGIN { pad = sprintf(\"%900d\", 0); for (n = 1; n <= 50000; n++) printf \"{\\\"event\\\":{\\\"id\\\":\\\"f-%d\\\"},\\\"pad\\\":\\\"%s\\\",\\\"cellblock\\\":{\\\"line\\\":\\\"0a1b2c3d4e5f-%d\\\"}}\\n\", n, pad, n }"
    touch /tmp/done; while :; do sleep 1; done'
  begin_with_a_small_spool
  within 60 grep -q 'The spool is full' "$BATS_TEST_TMPDIR/said"
  within 60 said_more
  # The engine in the middle of it: what it keeps of the log outlasts it.
  restart_engine
  kill -TERM "$INGEST"
  wait "$INGEST" || true
  begin_to_ingest
  has_last() { cat "$record"/spool/* | grep -q '"0a1b2c3d4e5f-50000"'; }
  within 60 has_last
  kill -TERM "$INGEST"
  wait "$INGEST" || [ "$?" = 1 ]
  local came
  came=$(cat "$record"/spool/* | grep -o '"0a1b2c3d4e5f-[0-9]*"' | sort -u | wc -l)
  [ "$((came + $(lost 'map(.cellblock.lost.lines) | add')))" = 50000 ]
  [ "$came" -lt 25000 ]
}

@test "a container that is made anew has lost nothing, and one without numbers is told without a count" {
  talk
  took_some() { took 20; }
  begin_to_ingest
  within 20 took_some
  kill -TERM "$INGEST"
  wait "$INGEST"
  in_host docker rm -f talker
  talk
  begin_to_ingest
  took_more
  kill -TERM "$INGEST"
  wait "$INGEST"
  [ "$(lost length)" = 0 ]
  # The mark is of a line that this log never had: as if the engine had let go of it.
  sed -i '1s/Z 1$/Z 2/' "$record/collect/talker.position"
  begin_to_ingest
  took_more
  kill -TERM "$INGEST"
  wait "$INGEST" || [ "$?" = 1 ]
  [ "$(lost '.[] | [.message, (.cellblock.lost | has("lines"))]' | jq -c .)" = '["Lines of vault are lost; how many is not known.",false]' ]
}

@test "a command of the policy gets the checkpoints, as a user that owns nothing and with no environment" {
  local place=$state/anchors got
  mkdir -p "$place/out"
  chown 10005 "$place/out"
  got=$place/out/got
  printf '#!/bin/bash\n{ id -u; id -G; tr "\\0" "\\n" </proc/$$/environ; cat; } >%s\n' "$got" >"$place/anchor"
  chmod 755 "$place/anchor"
  sed "s|^\[audit\]|&\nanchors = [{ command = [\"$place/anchor\"] }]|" "$house/compose/policy.toml" >"$place/policy.toml"
  line() { printf '{"n":%s}\n' "$1" | auditdb ingest --policy "$place/policy.toml" --root "$place" --directory "$record" --provider vault >/dev/null; }
  line 1
  [ "$(sed -n 1p "$got")" = 10005 ]
  [ "$(sed -n 2p "$got")" = 10005 ]
  [[ $(sed -n 3p "$got") == '{"checkpoint":'* ]]
  # Whoever could change the program could have it do anything: it is not run.
  rm "$got"
  chmod g+w "$place/anchor"
  run line 2
  [[ $output == *"others than root can write it"* ]]
  [ ! -e "$got" ]
}

@test "from-docker needs a provider, and takes a name only" {
  run -2 auditdb ingest --directory "$record" --from-docker talker
  run -2 auditdb ingest --directory "$record" --provider vault --from-docker ../talker
  [[ $output == *"no name of a container"* ]]
}

@test "a disk that is full keeps the writer waiting, and says so; with room again it goes on, and no line is lost" {
  local disk=$BATS_TEST_TMPDIR/disk
  mkdir "$disk"
  mount -t tmpfs -o size=4m tmpfs "$disk"
  awk 'BEGIN { pad = sprintf("%900d", 0); for (n = 1; n <= 10000; n++) printf "{\"n\":%d,\"pad\":\"%s\"}\n", n, pad }' >"$BATS_TEST_TMPDIR/lines"
  auditdb --directory "$disk/audit" --keys "$BATS_TEST_TMPDIR/keys" ingest --provider vault "$BATS_TEST_TMPDIR/lines" >/dev/null 2>"$BATS_TEST_TMPDIR/said" 3>&- &
  INGEST=$!
  within 30 grep -q 'the disk is full' "$BATS_TEST_TMPDIR/said" || { umount -l "$disk"; return 1; }
  kill -0 "$INGEST"
  mount -o remount,size=256m "$disk"
  wait "$INGEST"
  INGEST=
  [ "$(auditdb --directory "$disk/audit" --keys "$BATS_TEST_TMPDIR/keys" query "select count(*) as n from records where provider = 'vault'" | jq .n)" = 10000 ]
  auditdb --directory "$disk/audit" --keys "$BATS_TEST_TMPDIR/keys" verify >/dev/null
  umount "$disk"
}
