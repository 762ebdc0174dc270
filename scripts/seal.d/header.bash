# What a credential of systemd's is sealed with, by its own header. Sourced by seal.
#
# The file is base64. 16 bytes name the kind of key. Four little-endian 32-bit lengths follow (key, block, IV, tag),
# then the IV, padded to 8 bytes. For a TPM2 the mask of its PCRs comes last, 64 bits. (systemd,
# src/shared/creds-util.c.)
# shellcheck shell=bash

readonly MASK_AT=48   # 32 bytes of header, 12 of IV, 4 of padding
readonly BY_TPM2='0c7cc07b11764591 9c4b0bea08bc20fe' BY_TPM2_SIGNED='faf7eb9341e3412c a1a436f95a29362f'
readonly BY_HOST='5a1c6a86df9d4096 b1d5a65e0862f19a' BY_HOST_FOR_USER='55b9ed1d38594d43 a8319d2ebb332ac6'
readonly BY_BOTH='93a8940948744490 90caf2fc93cab553' BY_BOTH_SIGNED='af4950a849134eb1 a73846304ff30c05'
readonly BY_NOTHING='058469daf6f54324 800549da0f8ea2fb'

# `bytes FILE FROM COUNT`, in hex; less where there are less.
bytes() { base64 -d -i -- "$1" 2>/dev/null | od -An -v -tx1 -j "$2" -N "$3" 2>/dev/null | tr -d ' \n'; }
kind_of() { bytes "$1" 0 16; }

# `is_kind KIND NAME…`: the names are written in halves.
is_kind() {
  local kind=$1 name
  shift
  for name in "$@"; do [ "$kind" != "${name// /}" ] || return 0; done
  return 1
}

# PCRs that any program may reset: they then hold what they do after a boot.
# Source: TCG PC Client Platform TPM Profile, section 4.6.
readonly RESETTABLE=(16 23)

# Of PCRs as 7+11 those that bind it.
binding() {
  local pcr found=''
  for pcr in ${1//+/ }; do
    [[ " ${RESETTABLE[*]} " == *" $pcr "* ]] || found+=${found:++}$pcr
  done
  printf '%s\n' "$found"
}

# The PCRs of a TPM2's, as 7+11; none where it is bound to none. The mask's first byte has PCRs 0 to 7.
pcrs_of() {
  local mask bit found=''
  mask=$(bytes "$1" "$MASK_AT" 8)
  for ((bit = 0; bit < 4 * ${#mask}; bit++)); do
    if (((0x${mask:bit / 8 * 2:2} >> bit % 8) & 1)); then found+=${found:++}$bit; fi
  done
  printf '%s\n' "$found"
}

# Why it is not taken, on stdout; fails where it is: TPM2 alone, bound to PCRs.
fault_of() {
  local kind
  [ -r "$1" ] || { echo "it cannot be read"; return 0; }
  kind=$(kind_of "$1")
  if is_kind "$kind" "$BY_HOST" "$BY_HOST_FOR_USER"; then echo "it is sealed by this host's own key, which lies on the same disk: a key beside its lock"
  elif is_kind "$kind" "$BY_BOTH" "$BY_BOTH_SIGNED"; then echo "it is sealed by the host's key and TPM2; TPM2 alone is taken (systemd-creds encrypt --with-key=tpm2)"
  elif is_kind "$kind" "$BY_NOTHING"; then echo "it is sealed by nothing: anybody can read it"
  elif ! is_kind "$kind" "$BY_TPM2" "$BY_TPM2_SIGNED"; then echo "it is no credential of systemd's that is known here"
  elif [ -z "$(pcrs_of "$1")" ]; then echo "it is bound to no PCR: whatever boots on this machine opens it (--pcrs)"
  elif [ -z "$(binding "$(pcrs_of "$1")")" ]; then echo "it is bound to PCRs that any program may reset: whatever boots on this machine opens it (--pcrs)"
  else return 1
  fi
}
