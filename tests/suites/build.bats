#!/usr/bin/env bats
# `scripts/build`: nobody is asked for cargo where all is built, and DuckDB's library is the one whose hash is ours.

bats_require_minimum_version 1.5.0
load ../worlds/world

# As cron has it: none of the login's variables, and no cargo anywhere.
bare() { env -i HOME=/nonexistent PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin CARGO_TARGET_DIR="$1" "$house/scripts/build" "$2"; }

@test "with the programs built from the source as it is, cargo is not asked for, and else it is" {
  run -0 bare "$CARGO_TARGET_DIR" --check
  run -0 bare "$CARGO_TARGET_DIR" --tools-only
  [ -z "$output" ]
  run -3 bare "$BATS_TEST_TMPDIR/empty" --check
  run -2 bare "$BATS_TEST_TMPDIR/empty" --tools-only
  [[ $output == *"cargo is not there"* ]]
}

@test "under sudo the cargo of whoever called it is found, with its toolchains" {
  local bin=$BATS_TEST_TMPDIR/bin home=$BATS_TEST_TMPDIR/home
  mkdir -p "$bin" "$home/.cargo/bin"
  printf '#!/bin/sh\necho "u:x:1000:1000::%s:/bin/sh"\n' "$home" >"$bin/getent"
  printf '#!/bin/sh\n' >"$home/.cargo/bin/cargo"
  chmod +x "$bin/getent" "$home/.cargo/bin/cargo"
  # shellcheck disable=SC2016  # for the inner shell
  run -0 env -i HOME=/nonexistent SUDO_USER=u PATH="$bin:/usr/bin:/bin" bash -c '
    set -euo pipefail
    source "$1/scripts/say.bash"; source "$1/scripts/build.d/cargo.bash"
    need_cargo; cargo_program; echo "$RUSTUP_HOME"' - "$house"
  [ "$output" = "$home/.cargo/bin/cargo"$'\n'"$home/.rustup" ]
}

@test "a package of DuckDB's that was changed on its way is refused, and nothing of it is kept" {
  local bin=$BATS_TEST_TMPDIR/bin
  mkdir -p "$bin" "$BATS_TEST_TMPDIR/package"
  echo 'no library' >"$BATS_TEST_TMPDIR/package/libduckdb.so"
  # npm, which would bring another one: its last but one word is the folder, as in `npm pack --pack-destination DIR PACKAGE`.
  # shellcheck disable=SC2016  # for the script that is written
  printf '#!/bin/sh\nexec tar -czf "$4/x.tgz" -C "%s" package\n' "$BATS_TEST_TMPDIR" >"$bin/npm"
  chmod +x "$bin/npm"
  # shellcheck disable=SC2016  # for the inner shell
  run -2 env PATH="$bin:$PATH" CARGO_TARGET_DIR="$BATS_TEST_TMPDIR/target" bash -c '
    set -euo pipefail
    for part in say paths build.d/cargo build.d/duckdb; do source "$1/scripts/$part.bash"; done
    ensure_duckdb' - "$house"
  [[ $output == *"was changed on its way"* ]]
  [ -z "$(find "$BATS_TEST_TMPDIR/target" -name 'libduckdb*')" ]
}

@test "without npm the release is asked, then the source, each said; an npm that came is asked again" {
  local bin=$BATS_TEST_TMPDIR/bin target=$BATS_TEST_TMPDIR/target program
  mkdir -p "$bin"
  for program in /usr/bin/*; do case "${program##*/}" in npm | cargo) ;; *) ln -s "$program" "$bin" ;; esac; done
  # A cargo whose network leads nowhere.
  printf '#!/bin/sh\necho "cargo: the release could not be had" >&2\nexit 101\n' >"$bin/cargo"
  chmod +x "$bin/cargo"
  # shellcheck disable=SC2016  # for the inner shell
  ensures() {
    run "$@" env -i HOME=/nonexistent PATH="$bin" CARGO_TARGET_DIR="$target" bash -c '
      set -euo pipefail
      for part in say paths build.d/cargo build.d/duckdb; do source "$1/scripts/$part.bash"; done
      ensure_duckdb; duckdb_features' - "$house"
  }
  ensures -0
  [[ $output == *"apt-get install npm"*"the release could not be had"*"compiled from source"*--features*auditdb/bundled* ]]
  ensures -0 --separate-stderr
  [ "$output" = "--features"$'\n'"auditdb/bundled" ]
  # shellcheck disable=SC2154  # bats sets it
  [ -z "$stderr" ]
  printf '#!/bin/sh\necho "npm: asked" >&2\nexit 1\n' >"$bin/npm"
  chmod +x "$bin/npm"
  ensures -0
  [[ $output == *"npm: asked"*"compiled from source"* ]]
}

@test "auditdb runs with DuckDB's library beside it and no variable that says where" {
  env -u LD_LIBRARY_PATH auditdb --version
  run -0 ldd "$(command -v auditdb)"
  [[ $output == *"libduckdb.so => $CARGO_TARGET_DIR/release/"* ]]
}
