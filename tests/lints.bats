#!/usr/bin/env bats
# The project's own lints find what they are for, and nothing else.

bats_require_minimum_version 1.5.0

setup() { lints=$BATS_TEST_DIRNAME/lints; }

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
