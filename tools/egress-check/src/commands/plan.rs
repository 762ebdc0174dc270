//! `plan`: the probes that the policy asks for; nothing is sent.

use anyhow::Result;
use policy::PolicyArgs;
use record::Provider;
use tool::{Exit, OutputArgs, Purpose, Writer};

use crate::cli::PlanArgs;
use crate::host::Surroundings;
use crate::plan::{Scope, plan};
use crate::probe::line;

/// Prints them, one a line.
///
/// # Errors
/// If the policy or this host cannot be read, or standard output not written.
pub(crate) fn run(policy: &PolicyArgs, args: &PlanArgs, output: OutputArgs) -> Result<Exit> {
    let scope = Scope { container: args.container.clone(), network: args.network.clone() };
    let probes = plan(&policy.load()?, &Surroundings::read()?, &scope, &args.target)?;
    let mut writer = Writer::stdout(Provider::EgressCheck, Purpose::Tell, output, false);
    for probe in &probes {
        writer.write(&line::planned(probe))?;
    }
    writer.finish()
}
