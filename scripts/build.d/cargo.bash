# Where cargo is. rustup's own place too: cron has another PATH than a login.

cargo_program() { command -v cargo || { [ -x "${HOME:-/root}/.cargo/bin/cargo" ] && echo "${HOME:-/root}/.cargo/bin/cargo"; }; }

need_cargo() { cargo_program >/dev/null || die "cargo is not there: install Rust 1.95 or newer (rustup), then run this again"; }
