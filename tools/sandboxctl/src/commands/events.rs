//! `sandboxctl events`: follows what the engine does, and audits again what it changed.

use policy::Policy;
use record::Provider;
use tool::{Exit, OutputArgs, Purpose, Writer};

use crate::audit;
use crate::stop::until_stopped;

/// Follows until it is told to stop (SIGINT, SIGTERM). An engine that ends is told, and followed again when it is back.
///
/// # Errors
/// If there is no engine to begin with, or the records cannot be written.
pub(crate) fn run(policy: &Policy, output: OutputArgs) -> anyhow::Result<Exit> {
    let mut out = Writer::stdout(Provider::Sandboxctl, Purpose::Tell, output, true);
    engine::wait_for(until_stopped(audit::follow(policy, &mut out)))?;
    out.finish()
}
