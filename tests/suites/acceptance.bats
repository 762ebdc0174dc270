#!/usr/bin/env bats
# How acceptance decides, without a cellblock: the fold from evidence to verdicts, and the looks that no layer of a running
# lab can be taken from. What is taken away in the lab is in main-job.bats.

# shellcheck disable=SC2016  # for the inner shells
bats_require_minimum_version 1.5.0

setup() { export house="$BATS_TEST_DIRNAME/../.."; }

# `looked FUNCTION STUB…`: one look, with functions in the place of what it would ask; prints outcome and reason.
looked() {
  local look=$1
  shift
  bash -c '
    set -euo pipefail
    here=$1/scripts HOUSE=$1 ROOT=/nowhere POLICY=/nowhere/policy.toml
    source "$here/say.bash"; source "$here/record.bash"; source "$here/acceptance.d/host.bash"; source "$here/acceptance.d/tries.bash"
    look=$2; shift 2
    for stub in "$@"; do source /dev/stdin <<<"$stub"; done
    "$look"' - "$house" "$look" "$@" | jq -r '"\(.event.outcome) \(.event.reason)"'
}

# `judged CRITERION EVIDENCE…`: evidence as `provider action rule target outcome`.
judged() {
  local criterion=$1
  shift
  printf '%s\n' "$@" | jq -cR 'split(" ") | {event: {id: "id-\(.[2])", provider: .[0], action: .[1], outcome: .[4], reason: "because \(.[2])"}, rule: {id: .[2]}, container: {name: .[3]}, message: "m"}' >"$BATS_TEST_TMPDIR/evidence"
  printf 'line\tA sentence.\t%s\n' "$criterion" | jq -cR --slurpfile evidence "$BATS_TEST_TMPDIR/evidence" --argjson tried "${TRIED:-1}" --arg version 9.2.0 -f "$house/scripts/acceptance.d/judge.jq" |
    jq -r 'select(.event.action == "criterion-evaluated") | "\(.event.outcome) \(.cellblock.evidence.checks) \(.event.reason)"'
}

@test "a line holds when every source speaks and none objects, and its ids are the evidence's" {
  [[ $(judged 'netguard a|b; host c' 'netguard x a n success' 'netguard x b n success' 'acceptance host-evaluated c n success') == "success 3 "* ]]
  [[ $(judged 'netguard a|b; host c' 'netguard x a n success' 'netguard x b n failure' 'acceptance host-evaluated c n success') == "failure 3 1 of 3 checks fail: b n: because b" ]]
  [[ $(judged 'netguard a' 'netguard x a n unknown') == "unknown 1 because a" ]]
}

@test "a source that says nothing makes its line unknown, and a failure elsewhere makes it fail" {
  [[ $(judged 'netguard a; host c' 'netguard x a n success') == "unknown 1 nothing of host speaks for it (c)" ]]
  [[ $(judged 'netguard a; host c' 'netguard x a n failure') == failure* ]]
  [[ $(TRIED=0 judged 'try rate') == "unknown 0 not tried: --try does" ]]
  [[ $(judged 'netguard a') == unknown* ]]
}

@test "a source is a whole name, about a whole target, of that tool" {
  [[ $(judged 'netguard a' 'netguard x ab n success') == unknown* ]]
  [[ $(judged 'netguard a @cell' 'netguard x a cellar success') == unknown* ]]
  [[ $(judged 'netguard a' 'sandboxctl x a n success') == unknown* ]]
  [[ $(judged 'try a' 'acceptance host-evaluated a n success') == unknown* ]]
  [[ $(judged 'netguard a @cell' 'netguard x a cell success' 'netguard x a other failure') == "success 1 "* ]]
}

@test "every source of the criteria can be asked, and every look and try stands in them" {
  local word
  while read -r word; do [[ $word =~ ^(netguard|egress-check|pass|sandboxctl|host|try)$ ]]; done < <(grep -v '^#' "$house/scripts/acceptance.d/criteria.tsv" | cut -f 3 | tr ';' '\n' | awk '{ print $1 }')
  while read -r word; do
    grep -qE "host $word(;|$)" "$house/scripts/acceptance.d/criteria.tsv"
    grep -q "^look_at_${word//-/_}()" "$house/scripts/acceptance.d/host.bash"
  done < <(sed -n 's/^readonly LOOKS=(\(.*\))/\1/p' "$house/scripts/acceptance.d/host.bash" | tr ' ' '\n')
  while read -r word; do grep -qE "tried [^ ]+ \"?$word|for took in.* $word" "$house/scripts/acceptance.d/tries.bash"; done < <(grep -oE '(^|[[:space:];])try [a-z]+' "$house/scripts/acceptance.d/criteria.tsv" | awk '{ print $2 }' | sort -u)
}

@test "refs: none in the record, or only old ones, are a failure" {
  [[ $(looked look_at_refs 'auditdb() { echo "{\"n\":0,\"age\":-1}"; }') == "failure no round"* ]]
  [[ $(looked look_at_refs 'auditdb() { echo "{\"n\":5,\"age\":1201}"; }') == "failure the last of 5 rounds was 1201 s ago" ]]
  [[ $(looked look_at_refs 'auditdb() { echo "{\"n\":5,\"age\":10}"; }') == success* ]]
  # Nothing, or no numbers, is no answer.
  [ -z "$(looked look_at_refs 'auditdb() { :; }' || true)" ]
  [ -z "$(looked look_at_refs 'auditdb() { echo "{}"; }' || true)" ]
}

@test "images: one that does not say what it was made from, or begins with other layers, is a failure" {
  local docker='docker() { case "$*" in *base.name*) echo "$BASE";; *Layers*) echo sha256:one;; *) echo sha256:image;; esac; }'
  [[ $(BASE='cellblock/base:bookworm sha256:one' looked look_at_base_image "$docker") == "success cellblock/base:bookworm: "* ]]
  [[ $(BASE='cellblock/base:bookworm sha256:two' looked look_at_base_image "$docker") == "failure not made from the base image"* ]]
  [[ $(BASE='<no value> <no value>' looked look_at_base_image "$docker") == failure* ]]
  [[ $(looked look_at_base_image 'docker() { return 1; }') == unknown* ]]
}

@test "images: a key in a step of one is a failure, and its value is in no line" {
  local docker='docker() { case "$1" in history) echo "RUN export TOKEN=$KEY";; *) echo sha256:image;; esac; }' found
  found=$(KEY=ghp_0123456789abcdefghijklmno looked look_at_image_history "$docker")
  [[ $found == failure* && $found != *0123456789* ]]
  [[ $(KEY=nothing looked look_at_image_history "$docker") == success* ]]
  [[ $(looked look_at_image_history 'docker() { case "$1" in history) return 1;; *) echo sha256:image;; esac; }') == unknown* ]]
  # A match in the first of many lines is one, though whoever prints them is not read to the end.
  [[ $(looked look_at_image_history 'docker() { case "$1" in history) echo ghp_0123456789abcdefghijklmno; seq 200000;; *) echo sha256:image;; esac; }') == failure* ]]
}

@test "risks: a page that is not there is unknown, and one without any too" {
  mkdir "$BATS_TEST_TMPDIR/house"
  [[ $(looked look_at_risks "HOUSE=$BATS_TEST_TMPDIR/house") == unknown* ]]
  printf '## What is not held\n\n## Next\n- **other**\n' >"$BATS_TEST_TMPDIR/house/SECURITY.md"
  [[ $(looked look_at_risks "HOUSE=$BATS_TEST_TMPDIR/house") == unknown* ]]
  [[ $(looked look_at_risks) == success* ]]
}

@test "jail: one that others can open, or that lacks what was found, is a failure" {
  local jail=$BATS_TEST_TMPDIR/jail
  mkdir -m 0700 "$jail"
  jailed() { looked the_jail "setting() { echo $jail; }" 'the_jail() { try_the_jail a/found.com; }'; }
  [[ $(jailed) == "failure what was written just now is not in $jail" ]]
  echo '{"path":"b/found.com"}' >"$jail/one.json"
  [[ $(jailed) == "failure what was written just now is not in $jail" ]]
  echo '{"path":"a/found.com"}' >"$jail/two.json"
  [[ $(jailed) == success* ]]
  chmod 0755 "$jail"
  [[ $(jailed) == "failure $jail is not root's alone" ]]
}
