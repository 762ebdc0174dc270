# Where cargo is. rustup's own place too, for cron has another PATH than a login. And under sudo the place of whoever
# called it, with the toolchains that are there: sudo's PATH has neither.

cargo_homes() {
  printf '%s\n' "${HOME:-/root}"
  [ -z "${SUDO_USER:-}" ] || getent passwd "$SUDO_USER" | cut -d: -f6
}

cargo_program() {
  local home
  command -v cargo && return 0
  while read -r home; do
    if [ -x "$home/.cargo/bin/cargo" ]; then echo "$home/.cargo/bin/cargo"; return 0; fi
  done < <(cargo_homes)
  return 1
}

# rustup's cargo looks for its toolchains below HOME, unless RUSTUP_HOME says where they are.
cargo_of_sudo() {
  local program
  program=$(cargo_program) || return 0
  case "$program" in
    "${HOME:-/root}"/* | /usr/*) ;;
    */.cargo/bin/cargo) export RUSTUP_HOME=${RUSTUP_HOME:-${program%/.cargo/bin/cargo}/.rustup} ;;
  esac
}

need_cargo() {
  cargo_program >/dev/null || die "cargo is not there: install Rust 1.95 or newer (rustup), then run this again"
  cargo_of_sudo
}
