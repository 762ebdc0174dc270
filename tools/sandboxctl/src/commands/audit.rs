//! `sandboxctl audit`: holds containers, networks and engine against the policy and the CIS Docker Benchmark.

use policy::PolicyArgs;
use tool::{Exit, OutputArgs, Purpose};

use super::with_records;
use crate::audit::{How, Rules, Scope, report};
use crate::cli::Audit;
use crate::paths;

/// Audits the composition, or the containers that are named, once.
///
/// # Errors
/// Everything that exit status 2 stands for.
pub(crate) fn run(args: Audit, policy: &PolicyArgs, output: OutputArgs) -> anyhow::Result<Exit> {
    let Audit { containers, rules, layers, pick, show } = args;
    pick.check()?;
    let (scope, rules) = (Scope::of(containers), Rules::with(rules.as_deref())?);
    with_records(policy, output, Purpose::Judge, |policy, out| {
        let rules = rules.marking(paths::keys(policy));
        let how = How::new(&rules, &pick, layers);
        engine::wait_for(report(policy, &scope, &how, (&show, output), out))
    })
}
