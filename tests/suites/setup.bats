#!/usr/bin/env bats
# `scripts/setup` is quick and quiet on a machine that has everything. On one that has not, it says what is missing.
# It leaves the machine's package sources as they were, but for Docker.

bats_require_minimum_version 1.5.0

setup_file() {
  export SETUP=$BATS_TEST_DIRNAME/../../scripts/setup
  "$SETUP" >&2
}

@test "setup ends with the base image on stdout, alone, and the image starts" {
  run -0 --separate-stderr "$SETUP"
  [ "${#lines[@]}" = 1 ]
  [[ "$output" == BASE_IMAGE=cellblock/base:* ]]
  docker run --rm --network none "${output#BASE_IMAGE=}" true
}

@test "setup with nothing to do runs no privileged command" {
  run -0 "$SETUP"
  run ! grep -q '^+' <<<"$output"
}

@test "check finds nothing missing after setup" {
  run -0 "$SETUP" --check
  [ -z "$output" ]
}

@test "check names a Docker daemon that does not answer, and changes nothing" {
  run -2 env DOCKER_HOST=unix:///nonexistent/docker.sock "$SETUP" --check
  [[ "$output" == *"unix:///nonexistent/docker.sock"* ]]
  run -2 env DOCKER_HOST=unix:///nonexistent/docker.sock "$SETUP"
  [[ "$output" == *DOCKER_HOST* ]]
}

# A machine with none of our packages and another /etc/os-release, seen by one process only.
elsewhere() {
  local bin=$BATS_TEST_TMPDIR/bin word
  mkdir -p "$bin"
  for word in awk bash cat comm dirname env getconf grep id readlink sed sort timeout xargs docker; do ln -sf "$(type -P "$word")" "$bin/$word"; done
  printf 'ID=fedora\nVERSION_ID=42\n' >"$BATS_TEST_TMPDIR/os-release"
  # shellcheck disable=SC2016  # for the inner shell
  unshare --mount bash -c 'mount --bind "$1" "$(readlink -f /etc/os-release)" && PATH=$2 exec bash "$3"' \
    - "$BATS_TEST_TMPDIR/os-release" "$bin" "$SETUP"
}

@test "on another distribution setup names what is missing and stops with exit 2" {
  run -2 elsewhere
  [[ "$output" == *fedora* ]]
  [[ "$output" == *nftables* ]]
  [[ "$output" == *docker.io* ]]
  run ! grep -q '^+' <<<"$output"
}

# Where apt would take a package from: the line below its candidate in the table of versions.
candidate_source() {
  apt-cache policy "$1" | awk '/Candidate:/ { c = $2 } $1 == c || $2 == c && $1 == "***" { getline; print }'
}

@test "no package but Docker's four may come from the suite that Docker comes from" {
  [ -e /etc/apt/preferences.d/cellblock-docker ] || skip "this machine's Docker is its own distribution's: no pin"
  local package
  for package in bash libc6 nginx containerd iptables; do
    run ! grep trixie <(candidate_source "$package")
  done
  candidate_source docker.io | grep trixie
}

@test "installing left no guard behind that would stop other packages' services" {
  run ! grep -qs 'cellblock setup' /usr/sbin/policy-rc.d
}

@test "an unknown argument is a usage error" {
  run -2 "$SETUP" --frobnicate
  [[ "$output" == *--frobnicate* ]]
}

@test "what came with a scanner's package starts at no boot: its service, and what fetches once at each" {
  local bin=$BATS_TEST_TMPDIR/bin
  mkdir -p "$bin"
  # shellcheck disable=SC2016  # for the script that is written
  printf '#!/bin/sh\n[ "$1" = cat ] || echo "$*" >>"%s"\n' "$BATS_TEST_TMPDIR/disabled" >"$bin/systemctl"
  chmod +x "$bin/systemctl"
  # shellcheck disable=SC2016  # for the inner shell
  PATH="$bin:$PATH" bash -c '
    set -euo pipefail
    source "$1/scripts/say.bash"; source "$1/scripts/setup.d/packages.bash"
    disable_new_services clamav-freshclam git' - "$BATS_TEST_DIRNAME/../.."
  [ "$(cut -d" " -f3 "$BATS_TEST_TMPDIR/disabled" | paste -sd" " -)" = "clamav-freshclam.service clamav-freshclam-once.service clamav-freshclam-once.timer" ]
}
