#!/usr/bin/env bats
# seal: which credentials of systemd's are taken. Those in tests/worlds/seal were made by systemd-creds itself: on a machine with a
# TPM2 (swtpm, tests/host/vm), and without. What TPM2 seals comes back after a boot in tests/host/vm.

bats_require_minimum_version 1.5.0

setup() {
  house=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
  made=$house/tests/worlds/seal
}

@test "sealed by TPM2 and bound to PCRs is taken, and says which" {
  run -0 "$house/scripts/seal" check "$made/tpm2-pcr7"
  [[ $output == *"sealed by TPM2, bound to PCRs 7" ]]
  run -0 "$house/scripts/seal" check "$made/tpm2-pcr7-11"
  [[ $output == *"bound to PCRs 7+11" ]]
}

@test "everything else is refused by its kind, and one refused file refuses the run" {
  local file
  for file in host host-and-tpm2 nothing tpm2-no-pcr; do
    run -1 "$house/scripts/seal" check "$made/$file"
    [[ $output == *refused* ]]
  done
  run -1 "$house/scripts/seal" check "$made/host"
  [[ $output == *"a key beside its lock"* ]]
  run -1 "$house/scripts/seal" check "$made/tpm2-no-pcr"
  [[ $output == *"bound to no PCR"* ]]
  run -1 "$house/scripts/seal" check "$made/tpm2-pcr7" "$made/host"
  [[ ${lines[0]} == *"sealed by TPM2"* && ${lines[1]} == *refused* ]]
}

@test "what is bound to PCRs alone that any program may reset is refused" {
  # The mask of PCRs, at byte 48: 16 and 23 in the place of 7, and then 7 beside them.
  base64 -d "$made/tpm2-pcr7" >"$BATS_TEST_TMPDIR/raw"
  printf '\x00\x00\x81' | dd of="$BATS_TEST_TMPDIR/raw" bs=1 seek=48 conv=notrunc status=none
  base64 "$BATS_TEST_TMPDIR/raw" >"$BATS_TEST_TMPDIR/reset"
  run -1 "$house/scripts/seal" check "$BATS_TEST_TMPDIR/reset"
  [[ $output == *"any program may reset"* ]]
  printf '\x80' | dd of="$BATS_TEST_TMPDIR/raw" bs=1 seek=48 conv=notrunc status=none
  base64 "$BATS_TEST_TMPDIR/raw" >"$BATS_TEST_TMPDIR/bound"
  run -0 "$house/scripts/seal" check "$BATS_TEST_TMPDIR/bound"
  [[ $output == *"bound to PCRs 7+16+23" ]]
}

@test "what is no credential, is cut short, or is not there is refused" {
  head -c 40 "$made/tpm2-pcr7" >"$BATS_TEST_TMPDIR/short"
  : >"$BATS_TEST_TMPDIR/empty"
  for file in "$BATS_TEST_TMPDIR/short" "$BATS_TEST_TMPDIR/empty" /etc/hostname /nowhere /; do
    run -1 "$house/scripts/seal" check "$file"
    [[ $output == *refused* ]]
  done
}

@test "bad arguments: 2, and what was expected" {
  run -2 "$house/scripts/seal"
  [[ $output == *"expected put, list, check, drop or deliver"* ]]
  run -2 "$house/scripts/seal" put ../name
  [[ $output == *"a secret's name is"* ]]
  run -2 "$house/scripts/seal" --pcrs seven put name
  [[ $output == *"--pcrs: expected numbers"* ]]
  run -2 "$house/scripts/seal" deliver github-token
  [[ $output == *"systemctl start"* ]]
}
