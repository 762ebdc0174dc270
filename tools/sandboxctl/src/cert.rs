//! The vault's key and certificate: made once, kept on the host in root-only files, delivered by `up` into
//! the vault's own tmpfs. Clients pin the certificate's SHA-256, so that replacing it is done in two
//! steps: `--next` makes a successor whose pin is handed out, `--renew` puts it in place.
//!
//! And, where the policy says `tls = "inspect"`, what the gate opens the cell's TLS with (inspect.rs).

mod authority;
pub(crate) mod inspect;
pub(crate) mod make;
pub(crate) mod pair;
pub(crate) mod records;
pub(crate) mod store;
