//! `pin`: whose certificate is behind a wss:// address, and does a WebSocket answer there?
//!
//! A pin is the SHA-256 of the leaf certificate, as the clients of `OpenClaw` write it, or of its public
//! key. Nothing else about the certificate is trusted: no authority, no name.

mod address;
mod certificate;
mod evaluate;
mod handshake;

use anyhow::Result;
use policy::PolicyArgs;
use record::{Exit, OutputArgs, Provider, Writer};

use crate::cli::PinArgs;

pub(crate) use address::Address;
pub(crate) use certificate::AnyCertificate;

/// Connects once, and prints what was found.
///
/// # Errors
/// If the policy cannot be read while it is needed for its pins, or standard output not written.
pub(crate) fn check(policy: &PolicyArgs, args: &PinArgs, output: OutputArgs) -> Result<Exit> {
    let pins = if args.pin.is_empty() { policy.load()?.vault.pins } else { args.pin.clone() };
    let found = handshake::greet(&args.address, args.timeout)?;
    let mut writer = Writer::stdout(Provider::EgressCheck, output, false);
    writer.check(&evaluate::record(&args.address, &found, &pins))?;
    writer.finish()
}
