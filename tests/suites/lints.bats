#!/usr/bin/env bats
# The project's own lints find what they are for, and nothing else.

bats_require_minimum_version 1.5.0

setup() { lints=$BATS_TEST_DIRNAME/../lints; }

# A suite whose one test has these lines.
suite() {
  { echo '@test "x" {'; printf '  %s\n' "$@"; echo '}'; } >"$BATS_TEST_TMPDIR/suite.bats"
  printf '%s\n' "$BATS_TEST_TMPDIR/suite.bats"
}

@test "a check whose failure nobody sees is found by its line" {
  # shellcheck disable=SC2016  # lines of a suite, not of this shell
  run -1 "$lints/half-blind" "$(suite 'true' '[ "$a" = 1 ] && [ "$b" = 2 ]' 'grep -q x <<<"$y" && true')"
  [ "${#lines[@]}" = 2 ]
  [[ ${lines[0]} == *suite.bats:3:* ]]
  [[ ${lines[1]} == *suite.bats:4:* ]]
}

@test "conditions, jumps, alternatives and what stands in quotes are no such check" {
  # shellcheck disable=SC2016  # as above
  run -0 "$lints/half-blind" "$(suite 'if a && b; then c; fi' '[ -s out ] && break' '[[ $a && $b ]]' 'a && b || c' \
    'run bash -c "a && b"' "x 'a && b'" '[ "$(a "b" && c)" = 1 ]' 'f() { a && b; }' 'a # && b')"
  [ -z "$output" ]
}

@test "in a function too, but for its last statement, which is its status" {
  # shellcheck disable=SC2016  # as above
  printf '%s\n' 'seen() { # what' '  ! cmp -s a b' '  # only one' '  a && b' '  cat a |' '    grep b' '  ! a || break' '  [ "$a" ] &&' '    [ "$b" ]' '}' 'f() { a && b; }' \
    'last() {' '  ! cmp -s a b' '  # its status' '}' >"$BATS_TEST_TMPDIR/world.bash"
  run -1 "$lints/half-blind" "$BATS_TEST_TMPDIR/world.bash"
  [ "${#lines[@]}" = 2 ]
  [[ ${lines[0]} == *"world.bash:2: ! cmp -s a b" ]]
  [[ ${lines[1]} == *"world.bash:4: a && b" ]]
}

# A crate whose files are these: NAME and the line in it, by turns. Prints its folder.
crate() {
  local src=$BATS_TEST_TMPDIR/src
  mkdir -p "$src/wire"
  echo 'mod plan; mod wire;' >"$src/lib.rs"
  while [ $# -gt 0 ]; do
    printf '%s\n' "$2" >>"$src/$1"
    shift 2
  done
  printf '%s\n' "$src"
}

@test "two rooms that import each other are found, with the lines that tie them" {
  src=$(crate plan.rs 'use std::fs; use crate::{wire::{ask, tcp as t}, run};' wire/tcp.rs 'fn f() -> super::super::plan::Plan {}')
  run -1 "$lints/circles" "$src"
  [ "${lines[0]}" = "$src: plan, wire" ]
  [ "${lines[1]}" = "  plan -> wire  ($src/plan.rs: crate::wire::ask)" ]
  [ "${lines[2]}" = "  wire -> plan  ($src/wire/tcp.rs: super::super::plan::Plan)" ]
}

@test "a name that the crate passes on is an import of the room that it comes from" {
  src=$(crate lib.rs 'pub use crate::plan::{Plan, Rule as PlannedRule};' plan.rs 'use crate::wire::ask;' wire.rs 'use crate::Plan;')
  run -1 "$lints/circles" "$src"
  [ "${lines[0]}" = "$src: plan, wire" ]
}

@test "tests, comments, strings, other crates and the files of one room make no circle" {
  src=$(crate plan.rs 'use crate::wire::ask;' plan.rs 'use self::rules::Rule; mod rules {}' wire.rs '// use crate::plan::Plan;' \
    wire.rs 'const C: (char, &str) = ('"'{'"', "\"use crate::plan::Plan;");' wire.rs 'use plan::Plan;' \
    wire.rs '#[cfg(test)] mod tests { use crate::plan::tests::plan; fn f() { if true {} } }' \
    wire/tcp.rs 'use super::udp;' wire/udp.rs 'use super::tcp;' wire/tests.rs 'use crate::plan::Plan;')
  run -0 "$lints/circles" "$src"
  [ -z "$output" ]
}

@test "a room of the domain that imports the command line or the commands is found, with the line" {
  src=$(crate cli.rs 'use crate::plan::Form;' plan.rs 'pub enum Form {}' wire/tcp.rs 'use crate::{cli::Args, plan::Form};' \
    commands.rs 'mod go;' fuzz.rs 'use super::commands::go;')
  run -1 "$lints/circles" "$src"
  [ "${#lines[@]}" = 2 ]
  [ "${lines[0]}" = "$src: fuzz imports commands, which only run may  ($src/fuzz.rs: super::commands::go)" ]
  [ "${lines[1]}" = "$src: wire imports cli, which only run and commands may  ($src/wire/tcp.rs: crate::cli::Args)" ]
}

@test "run, the commands and the root may import the command line, and it may import the domain" {
  src=$(crate lib.rs 'mod cli; mod commands; mod run; pub use run::run; pub use crate::cli::Args;' \
    run.rs 'use crate::cli::Args; use crate::commands::go;' cli.rs 'use crate::plan::Form;' plan.rs 'pub enum Form {}' \
    commands.rs 'mod go;' wire.rs '#[cfg(test)] mod tests { use crate::cli::Args; }')
  mkdir "$src/commands"
  echo 'use crate::cli::Args; use crate::plan::Form;' >"$src/commands/go.rs"
  run -0 "$lints/circles" "$src"
  [ -z "$output" ]
}

@test "a folder with no code in it has passed nothing" {
  mkdir "$BATS_TEST_TMPDIR/none"
  run -1 "$lints/circles" "$BATS_TEST_TMPDIR/none"
}

# A crate of one line, compiled in a folder of its own.
compiled() {
  local crate=$BATS_TEST_TMPDIR/crate
  mkdir -p "$crate/src"
  printf '[package]\nname = "hyphened-name"\nedition = "2024"\n[workspace]\n' >"$crate/Cargo.toml"
  printf '%s\n' "$1" >"$crate/src/main.rs"
  (cd "$crate" && RUSTC_WORKSPACE_WRAPPER=$(realpath "$lints/compiler") CARGO_TARGET_DIR=$crate/target cargo build --offline --all-targets)
}

@test "what Clippy or rustc warn of does not compile for --fast; the same crate without it does, and has its variables" {
  PATH=$PATH:$HOME/.cargo/bin
  mkdir -p "$BATS_TEST_TMPDIR/crate/tests"
  printf '#[test] fn runs() { assert!(std::fs::exists(env!("CARGO_BIN_EXE_hyphened-name")).unwrap()) }\n' >"$BATS_TEST_TMPDIR/crate/tests/t.rs"
  run ! compiled 'fn main() { println!("{}", (|| { return 1; })()) }'
  [[ $output == *needless_return* ]]
  run ! compiled 'fn main() { let unused = 1; }'
  [[ $output == *"unused variable"* ]]
  run -0 compiled 'fn main() { println!("1") }'
}

@test "every file and every test that CONTRIBUTING.md names is there" {
  cd "$BATS_TEST_DIRNAME/../.."
  # shellcheck disable=SC2016  # Markdown's backticks
  mapfile -t files < <(grep -oE '`(tools|tests|scripts|man|compose)/[^`<> ,]*' CONTRIBUTING.md | tr -d '`')
  [ "${#files[@]}" -ge 15 ]
  ls -d "${files[@]}"
  # shellcheck disable=SC2016  # as above
  mapfile -t tests < <(grep -oE '\(`[a-z_]{20,}`\)' CONTRIBUTING.md | tr -d '(`)')
  [ "${#tests[@]}" -ge 6 ]
  for test in "${tests[@]}"; do grep -rq "fn $test()" tools; done
}

@test "every suite of tests/host is one of those that scripts/test --host runs, and --long runs none of them again" {
  cd "$BATS_TEST_DIRNAME/../.."
  mapfile -t suites < <(find tests/host -type f -executable ! -name all ! -name machine ! -name qemu -printf '%f\n' | sort)
  [ "${#suites[@]}" -ge 7 ]
  [ "$(sed -n 's/^readonly SUITES=(\(.*\))$/\1/p' tests/host/all | tr ' ' '\n' | sed 's/-sid$//' | sort -u)" = "$(printf '%s\n' "${suites[@]}")" ]
  run ! grep -E -- '--long .*tests/host/' scripts/test
  run -2 tests/host/all "${suites[0]}" nothing
  [[ $output == *"got 'nothing'"* ]]
}

@test "ARCHITECTURE.md has every room of every crate in its row" {
  cd "$BATS_TEST_DIRNAME/../.."
  local crate room seen=0 missing=()
  for crate in record policy tool engine netguard egress-check scanwatch auditdb sandboxctl; do
    while read -r room; do
      seen=$((seen + 1))
      grep -E "^\| \`$crate\` \|" ARCHITECTURE.md | grep -qF "\`$room\`" || missing+=("$crate: $room")
    done < <(sed -nE 's/^(pub |pub\(crate\) )?mod ([a-z_]+);$/\2/p' "tools/$crate/src/lib.rs")
  done
  [ "$seen" -ge 90 ]
  [ "${missing[*]}" = "" ] || { printf '%s\n' "${missing[@]}"; return 1; }
}

@test "the scripts, their package and the audit demand one version of the engine" {
  cd "$BATS_TEST_DIRNAME/../.."
  local floor audit
  floor=$(sed -n 's/^readonly ENGINE_FLOOR=//p' scripts/up.d/preflight.bash)
  [[ $floor =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]]
  audit=$(grep -rhoE 'const FLOOR: Version = Version::new\([0-9, ]+\)' tools/sandboxctl/src | sed 's/.*(//; s/)//; s/, /./g')
  [ "$audit" = "$floor" ]
  grep -rqF "install Docker $floor or newer" tools/sandboxctl/src
}

# A file of Rust with these lines.
source_of() { mkdir -p "$BATS_TEST_TMPDIR/src"; printf '%s\n' "$@" >"$BATS_TEST_TMPDIR/src/lib.rs"; }
ten='a b c d e f g h i j'
twenty='a b c d e f g h i j k l m n o p q r s'

@test "a sentence of more than twenty words in a comment is found by its line, wherever it is broken" {
  source_of "/// Short. $twenty" '/// t u. Short again.' '' "    // $twenty t u"
  run -1 "$lints/long-sentences" "$BATS_TEST_TMPDIR/src"
  [ "${#lines[@]}" = 2 ]
  [[ ${lines[0]} == *"lib.rs:1: $twenty t u." ]]
  [[ ${lines[1]} == *"lib.rs:4: $twenty t u" ]]
}

@test "twenty words, two sentences, a name in backquotes, lists, examples and drawings are no long sentence" {
  # shellcheck disable=SC2016  # backquotes of a comment
  source_of "//! $twenty t. $twenty t;" "// $twenty" '/// t u' '' "/// $twenty \`t u v\`" '' "/// - $twenty t u" '/// ```text' \
    "/// $twenty t u" '/// ```' "// $twenty → t u" "let x = \"$twenty t u\";"
  run -0 "$lints/long-sentences" "$BATS_TEST_TMPDIR/src"
  [ -z "$output" ]
  run -2 "$lints/long-sentences" "$BATS_TEST_TMPDIR"/nothing
}

@test "a sentence of more than thirty words between full stops is found, whatever colons and semicolons cut it" {
  source_of "// $ten; $ten: $ten k." '' "// $ten; $ten: $ten." '' "// $ten; $ten. $ten: $ten." '' "// $ten; $twenty t u; $ten"
  run -1 "$lints/long-sentences" "$BATS_TEST_TMPDIR/src"
  [ "${#lines[@]}" = 2 ]
  [[ ${lines[0]} == *"lib.rs:1: $ten; $ten: $ten k." ]]
  [[ ${lines[1]} == *"lib.rs:7: $twenty t u;" ]]
}

# A page of mdoc with these lines.
page_of() { mkdir -p "$BATS_TEST_TMPDIR/man"; printf '%s\n' .Dd '.Sh DESCRIPTION' "$@" >"$BATS_TEST_TMPDIR/man/page.1"; }

@test "a sentence of more than twenty words in a man page is found by its paragraph, whatever macros it goes through" {
  page_of Short. "$twenty" '.Pq Cm t' '.Xr u 5 .' 'Short again.' .Pp "$twenty" '.Fl Fl t Ar U ;' "$twenty t." '.Bl -tag' ".It $twenty t" "$twenty t u"
  run -1 "$lints/long-sentences" "$BATS_TEST_TMPDIR/man"
  [ "${#lines[@]}" = 3 ]
  [[ ${lines[0]} == *"page.1:3: $twenty t u(5)." ]]
  [[ ${lines[1]} == *"page.1:9: $twenty t U;" ]]
  [[ ${lines[2]} == *"page.1:14: $twenty t u" ]]
}

@test "twenty words, names, marks, displays, examples, heads of lists, synopsis and see also are no long sentence of a page" {
  page_of "$twenty" '.Ql t .' "$twenty" '.Xr t 1 ;' "$ten" .Pp u '.Pq Pa .t' '.Nm' ": $twenty." '.Bd -literal' "$twenty t u" .Ed '.Bd -ragged' "$twenty t u" .Ed \
    ".Dl $twenty t u" '.Bl -column a' ".It $twenty Ta t u" .El '.\" '"$twenty t u" '.Sh SYNOPSIS' "$twenty t u" '.Sh SEE ALSO' "$twenty t u"
  run -0 "$lints/long-sentences" "$BATS_TEST_TMPDIR/man"
  [ -z "$output" ]
}

# A file NAME of some language with these lines.
text_of() {
  local name=$1
  shift
  mkdir -p "$BATS_TEST_TMPDIR/texts"
  printf '%s\n' "$@" >"$BATS_TEST_TMPDIR/texts/$name"
}

@test "a long sentence is found in shell, Python, TOML, YAML, njs and Markdown, also where a first line alone says the language" {
  local quotes='"""'
  text_of script '#!/bin/bash' "# $twenty" '# t u' "  # $twenty t u"
  text_of world.py "${quotes}Short." '' "$twenty t u.$quotes" "# $twenty t u"
  text_of policy.toml "# $twenty t u"
  text_of Dockerfile "# $twenty t u"
  text_of compose.yaml "    # $twenty t u"
  text_of gate.js "// $twenty t u" '/**' " * $twenty t u" ' */'
  text_of README.md "**Bold.** $twenty" 't u.' '' "- $twenty" '  t u' "- $twenty t u"
  run -1 "$lints/long-sentences" "$BATS_TEST_TMPDIR/texts"
  [ "${#lines[@]}" = 12 ]
  [[ $output == *"script:2: $twenty t u"*"script:4: $twenty t u"* ]]
  [[ $output == *"README.md:1: $twenty t u."*"README.md:4: $twenty t u"*"README.md:6: $twenty t u"* ]]
  [[ $output == *"world.py:4: $twenty t u"*"world.py:3: $twenty t u."* ]]
}

@test "orders for programs, usage, examples behind two spaces, tables, code and what came from elsewhere are no long sentence" {
  text_of script '#!/bin/bash' "# shellcheck disable=$twenty t u" "# Usage: $twenty t u" "# mirror = $twenty t u" "#   --fast $twenty t u" "# $twenty" '#' '# t u' \
    "say '$twenty t u'"
  text_of data "# $twenty t u"
  text_of README.md "# $twenty t u" '' "| $twenty | t u |" '' '```' "$twenty t u" '```' "[$twenty](t%20u)" '' "- $twenty" '- t u'
  mkdir -p "$BATS_TEST_TMPDIR/texts/seeds"
  printf '%s\n' "# $twenty t u" >"$BATS_TEST_TMPDIR/texts/seeds/policy.toml"
  run -0 "$lints/long-sentences" "$BATS_TEST_TMPDIR/texts"
  [ -z "$output" ]
}
