# DuckDB's library, which auditdb is linked to: fetched once by name and version, checked, kept in DUCKDB_LIB_DIR.
#
# From source it would take 25 minutes and more. Tried in this order, and each said: the package that DuckDB publishes
# at npm; the archive of DuckDB's own release; the source. (Python's package has the same code, and cannot be linked:
# it wants to be loaded by Python.) The crate's version and this one go together: see Cargo.toml.

readonly DUCKDB_LIBRARY=$DUCKDB_LIB_DIR/libduckdb.so
readonly FROM_SOURCE=$DUCKDB_LIB_DIR/from-source   # there: no library was to be had, with which npm or with none

# The package of this kind of machine, and its SHA-512 as the registry states it (npm view NAME@VERSION dist).
duckdb_package() {
  case "$(uname -m)" in
    x86_64) echo "@duckdb/node-bindings-linux-x64@$DUCKDB_VERSION" ;;
    aarch64) echo "@duckdb/node-bindings-linux-arm64@$DUCKDB_VERSION" ;;
    *) return 1 ;;
  esac
}

duckdb_checksum() {
  case "$(uname -m)" in
    x86_64) echo 21772b64913a904a8cd19e30c1d5671811d7fdface4b7dd53cd0300d743f43e16cf386f4e7c41ef78721ac208870d2651bc6375072145387817824315b998dd5 ;;
    aarch64) echo de39d46838a5d41ac5ffabc067055a227275c6805a5861c1e0f0e2527cc958a0a8f1af132f1f63eff80fc8f97f5064417edad822e4e28516527c5e2658c82d58 ;;
  esac
}

ensure_duckdb() {
  [ ! -e "$DUCKDB_LIBRARY" ] && ! had_none || return 0
  [ "${DRY_RUN:-0}" = 0 ] || { say "DuckDB's library would be fetched: $(duckdb_package || echo 'from source')"; return 0; }
  mkdir -p "$DUCKDB_LIB_DIR"
  rm -f "$FROM_SOURCE"
  duckdb_from_npm || duckdb_from_release || duckdb_from_source
}

# An npm that came meanwhile is asked.
had_none() { [ -e "$FROM_SOURCE" ] && [ "$(cat "$FROM_SOURCE")" = "$(command -v npm || echo none)" ]; }

# `npm pack` gets the file and runs nothing of it.
duckdb_from_npm() {
  local package work
  package=$(duckdb_package) || { say "DuckDB publishes no library for $(uname -m)"; return 1; }
  command -v npm >/dev/null || { say "npm is not there, which has DuckDB's library in seconds: apt-get install npm"; return 1; }
  work=$(mktemp -d)
  run npm pack --silent --pack-destination "$work" "$package" && take_checked "$work" "$package" ||
    { rm -rf "$work"; say "npm has no $package for us"; return 1; }
  rm -rf "$work"
}

# Nothing but the library is taken out, and only of the file whose hash is ours.
take_checked() {
  local work=$1 package=$2 archive found
  archive=$(find "$work" -name '*.tgz')
  found=$(sha512sum <"$archive" | cut -d ' ' -f 1)
  [ "$found" = "$(duckdb_checksum)" ] ||
    die "$package has the SHA-512 $found, expected $(duckdb_checksum): it was changed on its way. Nothing of it was used"
  tar -xzf "$archive" -C "$work" --no-same-owner package/libduckdb.so
  mv "$work/package/libduckdb.so" "$DUCKDB_LIBRARY"
}

# The crate knows where DuckDB's releases are. Only TLS vouches for what comes.
duckdb_from_release() {
  say "asking for the archive of DuckDB's own release instead"
  run env -u DUCKDB_LIB_DIR DUCKDB_DOWNLOAD_LIB=1 "$(cargo_program)" build --release --locked --manifest-path "$HOUSE/Cargo.toml" -p libduckdb-sys || return 1
  cp "$(find "$CARGO_TARGET_DIR/duckdb-download" -name libduckdb.so | head -n 1)" "$DUCKDB_LIBRARY"
}

duckdb_from_source() {
  say "no library of DuckDB's is to be had: it is compiled from source, which takes 25 minutes and more"
  { command -v npm || echo none; } >"$FROM_SOURCE"
}

# Further arguments of each cargo that we call, one a line.
duckdb_features() { [ ! -e "$FROM_SOURCE" ] || printf '%s\n' --features auditdb/bundled; }

# Where auditdb and its tests look for it: beside themselves (tools/auditdb/build.rs).
place_duckdb() {
  local folder
  [ -e "$DUCKDB_LIBRARY" ] || return 0
  for folder in "$PROGRAMS" "$PROGRAMS/deps"; do
    mkdir -p "$folder"
    cmp -s "$DUCKDB_LIBRARY" "$folder/libduckdb.so" || ln -f "$DUCKDB_LIBRARY" "$folder/libduckdb.so"
  done
}
