//! `sandboxctl status`: tells how services and bounded folders stand, once or for as long as somebody listens.

use policy::{Policy, PolicyArgs};
use record::Provider;
use tool::{Exit, OutputArgs, Purpose, Writer};

use super::with_records;
use crate::status;
use crate::stop::until_stopped;

/// Tells how things stand, once or as they change.
///
/// # Errors
/// Everything that exit status 2 stands for.
pub(crate) fn run(policy: &PolicyArgs, output: OutputArgs) -> anyhow::Result<Exit> {
    with_records(policy, output, Purpose::Judge, |policy, out| {
        engine::wait_for(status::look(policy))?.iter().try_for_each(|record| out.check(record))
    })
}

/// Looks until SIGINT or SIGTERM comes.
///
/// # Errors
/// If there is no engine to begin with, or the records cannot be written.
pub(crate) fn follow(policy: &Policy, output: OutputArgs) -> anyhow::Result<Exit> {
    let mut out = Writer::stdout(Provider::Sandboxctl, Purpose::Judge, output, true);
    engine::wait_for(until_stopped(status::follow(policy, &mut out)))?;
    out.finish()
}
