# The five tools, with cargo: one profile, one target directory, and nobody asked when all is there already.

readonly BUILT=$PROGRAMS/.built-from     # the digest of what the programs were built from
readonly BUILD_LOG=$CARGO_TARGET_DIR/build.log
readonly TELL_EVERY=10                   # seconds between two lines of progress

# All that the programs are made from, as one hash.
sources_digest() {
  (cd "$HOUSE" && printf '%s\n' "$CELLBLOCK_VERSION" && find "${SOURCES[@]}" -type f -print0 | sort -z | xargs -0 sha256sum) |
    sha256sum | cut -d ' ' -f 1
}

tools_are_built() {
  tools_are_there && [ "$(cat "$BUILT" 2>/dev/null)" = "$(sources_digest)" ]
}

build_tools() {
  local features digest
  need_cargo
  ensure_duckdb
  place_duckdb
  mapfile -t features < <(duckdb_features)
  digest=$(sources_digest)
  run "$(cargo_program)" build --release --workspace --locked --manifest-path "$HOUSE/Cargo.toml" "${features[@]}" || return 1
  [ "${DRY_RUN:-0}" = 1 ] || printf '%s\n' "$digest" >"$BUILT"
}

# The same, beside other work, into a log: what cargo prints would stand between that work's lines.
begin_tools() {
  mkdir -p "$CARGO_TARGET_DIR"
  build_tools >"$BUILD_LOG" 2>&1 &
  TOOLS_PID=$!
  trap 'kill "$TOOLS_PID" 2>/dev/null || true' EXIT
}

await_tools() {
  local last=0
  while kill -0 "$TOOLS_PID" 2>/dev/null; do
    if [ $((SECONDS - last)) -ge "$TELL_EVERY" ]; then
      last=$SECONDS
      say "cargo, $(elapsed): $(grep -c '^ *Compiling ' "$BUILD_LOG") crates begun, $(tail -n 1 "$BUILD_LOG" | sed 's/^ *//')"
    fi
    sleep 0.2
  done
  wait "$TOOLS_PID" || { tail -n 60 "$BUILD_LOG" >&2; die "cargo could not build the tools: the end of $BUILD_LOG is above"; }
}
