//! Whose certificate is behind a wss:// address, and does a WebSocket answer there?
//!
//! A pin is the SHA-256 of the leaf certificate, as `OpenClaw`'s clients write it, or of its public key. Nothing else
//! about the certificate is trusted: no authority, no name; unless `--ca` asks for those too.

pub(crate) mod authority;
mod certificate;
mod deadline_stream;
pub(crate) mod evaluate;
pub(crate) mod first_use;
pub(crate) mod handshake;
