#!/usr/bin/env bats
# The command `cellblock`, and a house that a package installed: it knows its places, builds no tool, and writes nothing
# where it stands. What the package does on a machine is tried by tests/host/package.

# shellcheck disable=SC2154  # world.bash has set house
bats_require_minimum_version 1.5.0
load ../worlds/world

setup_file() {
  export STAGED=$BATS_FILE_TMPDIR/root
  "$house/scripts/package.d/stage" "$STAGED"
  export PACKAGED=$STAGED/usr/lib/cellblock
}

# As cron has it: no cargo anywhere, no variable of a login's.
bare() { env -i HOME=/nonexistent PATH="${BIN:-}${BIN:+:}/usr/bin:/bin" "$@"; }

@test "the command's help fits a screen, and every word of it has its own help" {
  local name
  run -0 "$house/scripts/cellblock" --help
  [ "${#lines[@]}" -le 24 ]
  for name in up down status audit acceptance watch logs alert remote seal collect lab; do
    grep -q "^  $name " <<<"$output"
    "$house/scripts/cellblock" "$name" --help | grep -q -- --
  done
}

@test "a word that is no command is a usage error that names the nearest one" {
  run -2 "$house/scripts/cellblock" statsu
  [[ $output == *"'statsu'"*"'status'"* ]]
  run -2 "$house/scripts/cellblock" --frobnicate
  run -2 "$house/scripts/cellblock"
  run -2 "$house/scripts/cellblock" policy
  [[ $output == *"policy check"* ]]
}

@test "an image is made of the same in a package as in a checkout, so either's images do for both" {
  # shellcheck disable=SC2016  # for the inner shell
  sources() { HOUSE=$1 bash -c 'set -euo pipefail; source "$0"; for name in cell clamd monitor proxy vault warden; do image_sources "$name"; done' "$1/scripts/sources.bash"; }
  run -0 sources "$house"
  [ "${#lines[@]}" = 6 ]
  [ "$output" = "$(sources "$PACKAGED")" ]
  cp -R "$PACKAGED" "$BATS_TEST_TMPDIR/other"
  echo '# another' >>"$BATS_TEST_TMPDIR/other/compose/images/proxy/njs/record.js"
  run -0 sources "$BATS_TEST_TMPDIR/other"
  [ "$(diff <(sources "$house") - <<<"$output" | grep -c '^>')" = 1 ]
}

@test "the command's version is its programs'" {
  run -0 "$house/scripts/cellblock" --version
  [ "$output" = "cellblock $(netguard --version | cut -d ' ' -f 2-)" ]
}

@test "policy check says in words that a policy is good, and shows a bad one's error with 2" {
  run -0 "$house/scripts/cellblock" policy check
  [[ $output == "The policy is good: the moat would hold "*" rules." ]]
  echo 'nonsense = 1' | cat "$house/compose/policy.toml" - >"$BATS_TEST_TMPDIR/policy.toml"
  run -2 "$house/scripts/cellblock" policy check --policy "$BATS_TEST_TMPDIR/policy.toml" --root "$BATS_TEST_TMPDIR"
  [[ $output == *nonsense*"not usable"* ]]
  [[ $output != *"is good"* ]]
}

@test "logs asks the record of the root that is said, with auditdb's own options" {
  local at=(--policy "$house/compose/policy.toml" --root "$BATS_TEST_TMPDIR")
  netguard plan "${at[@]}" --format jsonl | auditdb ingest "${at[@]}" --provider netguard - >/dev/null
  run -0 --separate-stderr "$house/scripts/cellblock" logs "${at[@]}" --action rule-planned --limit 3 --format jsonl
  [ "$(jq -r 'select(.event.action == "rule-planned") | .event.provider' <<<"$output" | sort | uniq -c | tr -s ' ')" = ' 3 netguard' ]
}

@test "report tells of the record of the root that is said, and its options are known to the completion" {
  local at=(--policy "$house/compose/policy.toml" --root "$BATS_TEST_TMPDIR")
  netguard plan "${at[@]}" --format jsonl | auditdb ingest "${at[@]}" --provider netguard - >/dev/null
  run -0 --separate-stderr "$house/scripts/cellblock" report "${at[@]}" --format text
  [[ $output == *'NOT EVALUATED'*'never checked: moat, gate'* ]]
  run -0 "$house/scripts/cellblock" completions bash
  [[ $output == *"report) further='"*--html*--since* ]]
}

@test "the completion of bash knows commands, their options and their words" {
  # shellcheck disable=SC2016  # for the inner shell
  run -0 bash -c '
    source <("$1/scripts/cellblock" completions bash)
    try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _cellblock; echo "${COMPREPLY[*]}"; }
    try cellblock acc; try cellblock up --im; try cellblock collect sto; try cellblock policy ""' - "$house"
  [ "$output" = $'acceptance\n--images\nstop\ncheck' ]
  run -2 "$house/scripts/cellblock" completions tcsh
}

@test "the policy of /etc is the shipped one with absolute paths, and a relative path that is left is refused" {
  local made=$BATS_TEST_TMPDIR/policy.toml
  "$house/scripts/package.d/policy" /var/lib/cellblock <"$house/compose/policy.toml" >"$made"
  run -0 sandboxctl render paths --policy "$made" --root "$BATS_TEST_TMPDIR"
  [ "$(jq -r '.share.path, .jail.path, .audit.path' <<<"$output")" = $'/var/lib/cellblock/sandbox_data\n/var/lib/cellblock/jail\n/var/lib/cellblock/audit' ]
  # But for the paths and the head, nothing differs.
  [ "$(diff "$house/compose/policy.toml" "$made" | grep -c '^<')" = 4 ]
  run -2 "$house/scripts/package.d/policy" /x <<<$'jail = { path= "mine" }\nother = {directory = "here"}'
  [[ $output == *"directory = \"here\""*"checkout only"* ]]
}

@test "the newest version in CHANGELOG.md is Cargo.toml's, and becomes the package's own changelog" {
  [ "$(awk -v who='A <a@b>' -f "$house/scripts/package.d/changelog.awk" "$house/CHANGELOG.md" | sed -n '1s/.*(\(.*\)).*/\1/p')" = "$(sed -n 's/^version = "\(.*\)"/\1/p' "$house/Cargo.toml" | head -n 1)" ]
  run -0 awk -v who='A <a@b>' -f "$house/scripts/package.d/changelog.awk" <<<$'# C\n## [Unreleased]\n- no\n## [1.0.0] - 2026-01-02\n### Added\n- one\n  more\n- two\n[x]: y'
  [ "$output" = $'cellblock (1.0.0) unstable; urgency=medium\n\n  * one more\n  * two\n\n -- A <a@b>  Fri, 02 Jan 2026 12:00:00 +0000' ]
}

@test "an installed house takes its programs from its own prefix, and /etc and /var for the rest" {
  run -0 bare "$STAGED/usr/bin/cellblock" --version
  [ "$output" = "cellblock $(netguard --version | cut -d ' ' -f 2-)" ]
  # shellcheck disable=SC2016  # for the inner shell
  run -0 bare bash -c 'set -euo pipefail; source "$1/scripts/say.bash"; source "$1/scripts/paths.bash"; echo "$PROGRAMS $USUAL_POLICY $USUAL_ROOT ${CARGO_TARGET_DIR:-none}"' - "$PACKAGED"
  [ "$output" = "$STAGED/usr/bin /etc/cellblock/policy.toml /var/lib/cellblock none" ]
}

@test "an installed house asks for no cargo, and for no package that only builds or tests need" {
  run -0 bare "$PACKAGED/scripts/build" --check
  run bare "$PACKAGED/scripts/setup" --check
  [[ $output != *cargo* && $output != *shellcheck* && $output != *g++* ]]
  mv "$STAGED/usr/bin/scanwatch" "$STAGED/usr/bin/away"
  run -3 bare "$PACKAGED/scripts/build" --check
  run -2 bare "$PACKAGED/scripts/build" --tools-only
  mv "$STAGED/usr/bin/away" "$STAGED/usr/bin/scanwatch"
  [[ $output == *"install the package again"* ]]
}

# A Docker that answers, and writes down what an image would be built from.
stand_in() {
  BIN=$BATS_TEST_TMPDIR/bin
  mkdir -p "$BIN"
  cat >"$BIN/docker" <<'SH'
#!/bin/bash
printf '%s\n' "$*" >>"${0%/*}/../asked"
case "$*" in
  *' build '*) while [ "$1" != --project-directory ]; do shift; done; ls "$2"/images/{monitor,warden}/bin >>"${0%/*}/../found" 2>/dev/null || true ;;
  'image inspect --format'*) echo sha256:0 ;;
esac
SH
  chmod +x "$BIN/docker"
}

standing() { find "$STAGED" -printf '%M %s %T@ %p\n' | sort; }

@test "an installed house builds its images from a copy with the tools in it, and leaves neither copy nor trace" {
  stand_in
  standing >"$BATS_TEST_TMPDIR/before"
  run -0 bare "$PACKAGED/scripts/build"
  grep -q "project-directory /var/cache/cellblock/images .*build monitor warden" "$BATS_TEST_TMPDIR/asked"
  [ "$(grep -cE '^(auditdb|scanwatch|libduckdb.so)$' "$BATS_TEST_TMPDIR/found")" = 3 ]
  [ ! -e /var/cache/cellblock/images ]
  standing | diff "$BATS_TEST_TMPDIR/before" -
}

# What `cellblock up` does at a terminal before it starts anything. A sealed machine cannot do it: Debian's mirror and npm's registry are
# asked. Here Docker has made each step before (scripts/build), and takes it for the same.
@test "an installed house builds all six images with a real Docker, and what asks a mirror is what a checkout's builds asked" {
  made_of() { docker image inspect --format '{{index .RepoTags 0}} {{index .Config.Labels "cellblock.sources"}}' cellblock/{cell,clamd,monitor,proxy,vault,warden}:local; }
  made_of >"$BATS_TEST_TMPDIR/before"
  run -0 env -i HOME="$BATS_TEST_TMPDIR" PATH=/usr/bin:/bin "$PACKAGED/scripts/build"
  [[ $output == *"step 2 of 4"*CACHED*"step 4 of 4"*CACHED*"all is built"* ]]
  awk '/^#[0-9]+ \[.*(apt-get|npm ci|npm-cli)/ { asks++; open[$1] = 1 }
    $2 == "CACHED" { cached += open[$1]; open[$1] = 0 }
    END { exit !(asks >= 7 && asks == cached) }' <<<"$output"
  made_of | diff "$BATS_TEST_TMPDIR/before" -
  [ ! -e /var/cache/cellblock/images ]
}

@test "an interrupted build of images leaves no copy either, and says what failed" {
  stand_in
  # shellcheck disable=SC2016  # for the script that is written
  sed -i 's|^case|case "$*" in *" build monitor"*) exit 7 ;; esac\ncase|' "$BIN/docker"
  run -7 bare "$PACKAGED/scripts/build"
  [ ! -e /var/cache/cellblock/images ]
}

@test "the package's units name its own places, and the checkout's names are gone from them" {
  local unit
  while read -r unit; do [ -f "$STAGED/usr/lib/systemd/system/$unit" ]; done < <(find -L "$house/scripts/install.d/units" -type f -printf '%P\n')
  run ! grep -rE '@[A-Z]+@' "$STAGED/usr/lib/systemd/system"
  grep -q -- '--policy /etc/cellblock/policy.toml --root /var/lib/cellblock' "$STAGED/usr/lib/systemd/system/cellblock-moat.service"
}

@test "no script of an installed house names a file of it that is not there, and none is found by a PATH" {
  local file
  # shellcheck disable=SC2016  # the scripts' own variable
  grep -rhoE '\$HOUSE/[A-Za-z0-9_./-]+' "$PACKAGED/scripts" "$PACKAGED/tests" | sed 's|^\$HOUSE/||; s|[./]*$||' | grep -vE '^(Cargo.toml|\.\.|$)' | sort -u >"$BATS_TEST_TMPDIR/named"
  [ -s "$BATS_TEST_TMPDIR/named" ]
  while read -r file; do [ -e "$PACKAGED/$file" ]; done <"$BATS_TEST_TMPDIR/named"
  run ! grep -rlE '^#!/usr/bin/env' "$PACKAGED"
}

@test "the lab takes no policy that keeps things outside it" {
  local copy=$BATS_TEST_TMPDIR/root
  stand_in
  cp -al "$STAGED" "$copy"
  rm "$copy/usr/lib/cellblock/tests/worlds/lab/lab"
  ln -s /bin/true "$copy/usr/lib/cellblock/tests/worlds/lab/lab"
  run -2 bare LAB_NAME=packagebats "$copy/usr/bin/cellblock" lab --no-build --policy "$STAGED/etc/cellblock/policy.toml" --root "$BATS_TEST_TMPDIR"
  rm -rf /var/lib/packagebats-lab
  [[ $output == *"outside the lab: /var/lib/cellblock/sandbox_data, /var/lib/cellblock/jail, /var/lib/cellblock/audit"* ]]
}
