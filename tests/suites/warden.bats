#!/usr/bin/env bats
# The warden and its engine in their containers, as compose.yaml runs them. The share is a file system of its own. The
# table of ways onto the share is the same as on the host (tools/scanwatch/tests/coverage.tsv). Debian's 44 test files,
# benign media, and signatures of one's own are tried too. Needs root and Docker; no container here has a network.

bats_require_minimum_version 1.5.0
load ../worlds/compose/world.bash
load ../worlds/compose/container.bash

readonly SOON=120                                # seconds; the machine may be busy
readonly TESTFILES=/usr/share/clamav-testfiles   # all found by one hash signature
readonly MEDIA=/usr/share/forensics-samples      # 30 MB of pictures, sound, films and documents

setup_file() {
  [ "$(id -u)" = 0 ] || { echo "needs root: it mounts a share" >&2; return 1; }
  export FILES=$BATS_FILE_TMPDIR
  export FS=$FILES/fs
  compose_alone config --format json >"$FILES/alone.json"
  make_share
  mkdir "$FILES/own"
  chmod 0755 "$FILES/own"
  docker volume create --label "$LABEL" -o type=tmpfs -o device=tmpfs -o o=uid=10004,gid=10004,mode=0750,size=1m warden-bats-socket >/dev/null
  CLAMD=$(start clamd --network none --env CELLBLOCK_FRESHCLAM=0 --tmpfs /var/lib/clamav:uid=10004,mode=0750 \
    --volume warden-bats-socket:/run/clamav --volume "$FILES/own:/signatures:ro")
  export CLAMD
  eventually "$SOON" docker exec "$CLAMD" healthy
  start_warden now 1h
  start_warden rescan 2s
}

teardown_file() {
  docker ps -aq --filter "label=$LABEL" | xargs -r docker rm -f --volumes >/dev/null
  docker volume rm -f warden-bats-socket >/dev/null
  umount "$FS" || umount --lazy "$FS"
}

make_share() {
  truncate -s 512M "$FILES/fs.img"
  mkfs.ext4 -q -F -m 0 "$FILES/fs.img"
  mkdir -m 0700 "$FS"
  mount -o loop,nosuid,nodev "$FILES/fs.img" "$FS"
}

# A warden on a share of its own. It has a jail, and beside the share a folder that it does not see.
start_warden() { # name, time between two rescans
  local home=$FS/$1 id
  mkdir "$home" "$home/share" "$home/outside"
  mkdir -m 0700 "$home/jail"
  sed -E "s/^rescan( *)=.*/rescan\1= \"$2\"/; s/^max_defer( *)=.*/max_defer\1= \"2s\"/" "$HOUSE/compose/policy.toml" >"$FILES/$1.toml"
  id=$(start warden --network none --volume "$FILES/$1.toml:/etc/cellblock/policy.toml:ro" --volume warden-bats-socket:/run/clamav:ro \
    --volume "$home/share:/share" --volume "$home/jail:/jail")
  docker logs -f "$id" >"$FILES/$1.records" 2>"$FILES/$1.errors" 3>&- &
  echo "$id" >"$FILES/$1.id"
  eventually "$SOON" grep -q '"rescan-finished"' "$FILES/$1.records"
}

cover() { # name
  python3 "$HOUSE/tools/scanwatch/tests/cover.py" "$1" "$FS/$1/share" /share "$FS/$1/outside" "$FS/$1/jail" "$FILES/$1.records"
}

records() { jq -c "select($1)" "$FILES/now.records"; } # condition

# How many files below a folder of the share have this verdict.
with_verdict() { # action folder
  records ".event.action == \"$1\" and (.file.path | startswith(\"/share/$2/\"))" | jq -r .file.path | sort -u | wc -l
}

has_verdicts() { [ "$(with_verdict "$2" "$3")" = "$1" ]; } # count action folder

@test "the warden's container has the one capability that it needs, and no network" {
  local id
  id=$(cat "$FILES/now.id")
  # shellcheck disable=SC2016  # for the shell in the container
  run -0 docker exec "$id" sh -c 'cat /proc/$(cat /proc/[0-9]*/stat | sed -n "s/^\([0-9]*\) (scanwatch) .*/\1/p")/status'
  [[ $output =~ CapEff:[[:space:]]*0000000000000002 ]]
  [ "$(docker inspect -f '{{.HostConfig.NetworkMode}}' "$id")" = none ]
}

@test "every way onto the share that the kernel tells of is seen at once, in the container too" {
  run -0 cover now
  [[ $output == *" rows (now) held"* ]]
}

@test "every way onto the share that the kernel does not tell of is seen by the rescan, in the container too" {
  run -0 cover rescan
  [[ $output == *" rows (rescan) held"* ]]
}

@test "all of Debian's 44 test files are jailed, each with a tombstone, and none of their content is left" {
  mkdir "$FS/now/share/testfiles"
  cp "$TESTFILES"/* "$FS/now/share/testfiles"
  eventually "$SOON" has_verdicts 44 file-quarantined testfiles
  [ "$(find "$FS/now/share/testfiles" -type f | wc -l)" = 44 ]
  local file
  for file in "$FS/now/share/testfiles"/*; do
    eventually 10 grep -q 'taken away by the warden' "$file"
    run ! cmp -s "$file" "$TESTFILES/$(basename "$file")"
  done
}

@test "30 MB of pictures, sound, films and documents raise nothing, and the two with a password are told" {
  local count locked
  cp -r "$MEDIA" "$FS/now/share/media"
  count=$(find "$FS/now/share/media" -type f | wc -l)
  [ "$count" -ge 20 ]
  [ "$(du -sm "$FS/now/share/media" | cut -f1)" -ge 20 ]
  locked=$(find "$FS/now/share/media" -type f -name '*-pass-*.pdf' | wc -l)
  [ "$locked" = 2 ]
  eventually "$SOON" has_verdicts "$((count - locked))" file-scanned media
  eventually "$SOON" has_verdicts "$locked" file-unscanned media
  [ "$(with_verdict file-quarantined media)" = 0 ]
  diff -r "$MEDIA" "$FS/now/share/media"
}

# shellcheck disable=SC2016  # $a and $b are YARA's
@test "signatures of one's own are tried in the container, refused with their line, and loaded when they are mended" {
  printf 'the codeword is %s' xylophone-forty-two >"$FS/now/share/report"
  eventually "$SOON" has_record file-scanned report
  printf 'rule a { strings: $a = "xylophone-forty-two" condition: $a }\nrule b { strings: $a = "abcdef" condition: $b }\n' >"$FILES/own/words.yar"
  eventually "$SOON" own_is 'refused: words.yar line 2: undefined string "$b"'
  eventually "$SOON" has_action signatures-refused
  records '.event.action == "signatures-refused"' | grep -q 'words.yar line 2'
  run -0 docker exec "$CLAMD" sh -c 'ls /var/lib/clamav'
  [[ $output != *words.yar* ]]
  printf 'rule a { strings: $a = "xylophone-forty-two" condition: $a }\n' >"$FILES/own/words.yar"
  eventually "$SOON" has_action signatures-accepted
  eventually "$SOON" has_action signatures-changed
  eventually "$SOON" has_record file-quarantined report
}

own_is() { [ "$(docker exec "$CLAMD" cat /run/clamav/signatures)" = "$1" ]; }

has_action() { [ -n "$(records ".event.action == \"$1\"")" ]; }

has_record() { [ -n "$(records ".event.action == \"$1\" and .file.path == \"/share/$2\"")" ]; }
