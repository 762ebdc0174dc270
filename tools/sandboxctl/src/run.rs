//! The table of contents: which command is done where.

use clap::Parser;
use engine::wait_for;
use policy::PolicyArgs;
use record::Purpose::{Judge, Tell};
use record::{Exit, OutputArgs, Provider, Purpose, Writer};

use crate::cli::{Cert, Cli, Command, Secret};
use crate::{audit, cert, freeze, render, secret, status};

pub(crate) fn run() -> anyhow::Result<Exit> {
    let Cli { policy, output, command, .. } = Cli::parse();
    match command {
        Command::Render(what) => render::run(&what, &policy.load()?),
        Command::Audit { containers, rules, pick } => {
            let (scope, rules) = (audit::Scope::of(containers), audit::Rules::with(rules.as_deref())?);
            with_records(&policy, output, Judge, |policy, out| {
                wait_for(audit::run(policy, &scope, (&rules, &pick), out))
            })
        }
        Command::Controls => audit::list(output).map(|()| Exit::Success),
        Command::Cert(Cert::Fingerprint { plain: true }) => cert::plain(&policy.load()?).map(|()| Exit::Success),
        Command::Status => with_records(&policy, output, Judge, status::run),
        Command::Events => audit::follow(&policy.load()?, output),
        Command::Freeze => with_records(&policy, output, Judge, freeze::freeze),
        Command::Thaw => with_records(&policy, output, Judge, freeze::thaw),
        Command::Cert(what) => with_records(&policy, output, Tell, |policy, out| cert::run(&what, policy, out)),
        Command::Secret(Secret::Put { name, container }) => {
            with_records(&policy, output, Tell, |policy, out| secret::put(policy, &name, &container, out))
        }
        Command::Secret(Secret::List) => with_records(&policy, output, Judge, secret::list),
        Command::Completions { shell } => record::completions::<Cli>(shell),
    }
}

/// What prints records: loads the policy, and ends the run with `run-finished`.
fn with_records(
    policy: &PolicyArgs,
    output: OutputArgs,
    purpose: Purpose,
    work: impl FnOnce(&policy::Policy, &mut Writer) -> anyhow::Result<()>,
) -> anyhow::Result<Exit> {
    let policy = policy.load()?;
    let mut out = Writer::stdout(Provider::Sandboxctl, purpose, output, false);
    work(&policy, &mut out)?;
    out.finish()
}
