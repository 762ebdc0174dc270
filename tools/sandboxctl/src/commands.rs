//! What each subcommand does, one file each.

pub(crate) mod audit;
pub(crate) mod cert;
pub(crate) mod controls;
pub(crate) mod events;
pub(crate) mod freeze;
pub(crate) mod render;
pub(crate) mod secret;
pub(crate) mod status;
pub(crate) mod thaw;

use policy::{Policy, PolicyArgs};
use record::Provider;
use tool::{Exit, OutputArgs, Purpose, Writer};

/// What prints records: loads the policy, and ends the run with `run-finished`.
fn with_records(
    policy: &PolicyArgs,
    output: OutputArgs,
    purpose: Purpose,
    work: impl FnOnce(&Policy, &mut Writer) -> anyhow::Result<()>,
) -> anyhow::Result<Exit> {
    let policy = policy.load()?;
    let mut out = Writer::stdout(Provider::Sandboxctl, purpose, output, false);
    work(&policy, &mut out)?;
    out.finish()
}
