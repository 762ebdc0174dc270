#!/usr/bin/env bats
# One auditdb has DuckDB inside (feature `bundled`), another is linked to DuckDB's own library. Each reads the other's
# record and writes on. Part of `scripts/test --long`: cargo compiles DuckDB from source, once, in a target directory of
# its own. It does so without optimization, on which DuckDB's storage does not depend. No packet leaves this machine.

bats_require_minimum_version 1.5.0

setup_file() {
  export house=$BATS_TEST_DIRNAME/../../..
  export linked=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/cellblock/target}
  export inside=${BUNDLED_TARGET_DIR:-${linked%/}-bundled}
  env -u DUCKDB_LIB_DIR -u DUCKDB_INCLUDE_DIR CARGO_TARGET_DIR="$inside" "${CARGO:-cargo}" build --release --locked \
    --manifest-path "$house/Cargo.toml" -p auditdb --features auditdb/bundled \
    --config 'profile.release.package.libduckdb-sys.opt-level=0' 3>&-
}

setup() { cd "$BATS_TEST_TMPDIR" || return 1; }

of() { local target=$1; shift; "$target/release/auditdb" "$@" --policy "$house/compose/policy.toml" --directory audit --format jsonl; }

# write BUILD FIRST LAST: lines with these numbers, and a first reader, who folds them into the database.
write() {
  local build=$1 number
  for number in $(seq "$2" "$3"); do
    printf '{"event":{"action":"file-scanned","outcome":"success","duration":%s},"message":"ü %s","file":{"path":"/share/%s"}}\n' \
      "$number" "$number" "$number"
  done | of "$build" ingest --provider scanwatch - >/dev/null
  of "$build" query 'SELECT count(*) AS n FROM records' >/dev/null
}

rows() { of "$1" query 'SELECT seq, provider, message, raw FROM records ORDER BY seq' | sha256sum; }
count() { of "$1" query 'SELECT count(*) AS n FROM records' | jq -r 'select(.n) | .n'; }

# there_and_back WRITER READER: what one wrote the other reads, proves and writes on, and the first goes on with that.
there_and_back() {
  local writer=$1 reader=$2 before database
  write "$writer" 1 3000
  database=$(stat -c %i audit/record.duckdb)
  before=$(rows "$writer")
  [ "$(rows "$reader")" = "$before" ]
  of "$reader" verify >/dev/null
  write "$reader" 3001 6000
  before=$(rows "$reader")
  [ "$(rows "$writer")" = "$before" ]
  of "$writer" verify >/dev/null
  [ "$(count "$writer")" -ge 6000 ]
  # Neither set the other's database aside and made it again from the lines.
  [ "$(ls audit)" = "$(printf '%s\n' record.duckdb record.lock spool)" ]
  [ "$(stat -c %i audit/record.duckdb)" = "$database" ]
}

@test "one build has DuckDB inside, and the other is linked to its library" {
  run ! grep -q libduckdb.so <(readelf -d "$inside/release/auditdb")
  grep -q libduckdb.so <(readelf -d "$linked/release/auditdb")
}

@test "what the linked auditdb wrote the other reads, proves and writes on" { there_and_back "$linked" "$inside"; }

@test "what the auditdb with DuckDB inside wrote the linked one reads, proves and writes on" { there_and_back "$inside" "$linked"; }
