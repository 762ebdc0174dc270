//! The table of contents: which command is done where.

use clap::Parser;
use engine::wait_for;
use policy::PolicyArgs;
use record::Provider;
use tool::Purpose::{Judge, Tell};
use tool::{Exit, OutputArgs, Purpose, Writer};

use crate::cli::{Cert, Cli, Command, Secret};
use crate::{audit, cert, freeze, paths, render, secret, status};

/// Runs the tool with the arguments of the process.
///
/// # Errors
/// Everything that exit status 2 stands for.
pub fn run() -> anyhow::Result<Exit> {
    let Cli { policy, output, command, .. } = Cli::parse();
    engine::raise_descriptors();
    match command {
        Command::Render(what) => render::run(&what, &policy.load()?),
        Command::Audit { containers, rules, layers, pick, show } => {
            pick.check()?;
            let (scope, rules) = (audit::Scope::of(containers), audit::Rules::with(rules.as_deref())?);
            with_records(&policy, output, Judge, |policy, out| {
                let rules = rules.marking(paths::keys(policy));
                let how = audit::How::new(&rules, &pick, layers);
                wait_for(audit::report(policy, &scope, &how, (&show, output), out))
            })
        }
        Command::Controls => audit::list(output).map(|()| Exit::Success),
        Command::Cert(Cert::Fingerprint { plain: true }) => cert::plain(&policy.load()?).map(|()| Exit::Success),
        Command::Status { follow: false } => with_records(&policy, output, Judge, status::run),
        Command::Status { follow: true } => status::follow(&policy.load()?, output),
        Command::Events => audit::follow(&policy.load()?, output),
        Command::Freeze(trigger) => with_records(&policy, output, Judge, |policy, out| {
            freeze::when(policy, &trigger, std::io::stdin().lock(), out)
        }),
        Command::Thaw => with_records(&policy, output, Judge, freeze::thaw),
        Command::Cert(what) => with_records(&policy, output, Tell, |policy, out| cert::run(&what, policy, out)),
        Command::Secret(Secret::Put { name, container }) => {
            with_records(&policy, output, Tell, |policy, out| secret::put(policy, &name, &container, out))
        }
        Command::Secret(Secret::Drop { name }) => {
            with_records(&policy, output, Tell, |policy, out| secret::drop_one(policy, &name, out))
        }
        Command::Secret(Secret::List) => with_records(&policy, output, Judge, secret::list),
        Command::Completions { shell } => tool::completions::<Cli>(shell),
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
