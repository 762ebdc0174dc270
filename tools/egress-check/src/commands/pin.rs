//! `pin`: holds the certificate behind an address against its pins.

use anyhow::Result;
use policy::PolicyArgs;
use record::Provider;
use tool::{Exit, OutputArgs, Purpose, Writer};

use crate::cli::PinArgs;
use crate::pin::authority::Authorities;
use crate::pin::evaluate::{self, Trust};
use crate::pin::{first_use, handshake};

/// Connects once, and prints what was found.
///
/// # Errors
/// If the pins cannot be read, or kept, or standard output not written.
pub(crate) fn run(policy: &PolicyArgs, args: &PinArgs, output: OutputArgs) -> Result<Exit> {
    let mut pins = pins(policy, args)?;
    let authorities = args.ca.as_deref().map(Authorities::read).transpose()?;
    let found = handshake::greet(&args.address, args.timeout)?;
    let mut writer = Writer::stdout(Provider::EgressCheck, Purpose::Judge, output, false);
    if let (Some(file), true, Some(leaf)) = (&args.trust_on_first_use, pins.is_empty(), found.leaf()) {
        first_use::keep(file, leaf)?;
        pins.push(leaf);
        eprintln!(
            "egress-check: {leaf} is trusted from now on, because it was the first; {} keeps it. \
             To pin it: pins = [\"{leaf}\"] in [vault] of the policy",
            file.display()
        );
    }
    let now = jiff::Timestamp::now().as_second();
    let chain = found.shown().zip(authorities).map(|(shown, trusted)| trusted.verify(shown, &args.address.host, now));
    writer.check(&evaluate::record(&args.address, &found, &Trust { pins: &pins, chain }, now))?;
    writer.finish()
}

/// From the command line, else from the file of first use, else from the policy, which `--ca` can do without.
fn pins(policy: &PolicyArgs, args: &PinArgs) -> Result<Vec<policy::Pin>> {
    match (&args.trust_on_first_use, args.pin.is_empty()) {
        (_, false) => Ok(args.pin.clone()),
        (Some(file), true) => first_use::read(file),
        (None, true) if args.ca.is_some() && policy::locate(policy.policy.as_deref()).is_err() => Ok(Vec::new()),
        (None, true) => Ok(policy.load()?.vault.pins),
    }
}
