# Which house this is: a checkout, which has its sources and is built; or what a package installed, which has neither.

HOUSE=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)

is_checkout() { [ -e "$HOUSE/Cargo.toml" ]; }
