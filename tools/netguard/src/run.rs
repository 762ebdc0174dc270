//! What each subcommand does: a table of contents.

use anyhow::Result;
use clap::Parser;
use engine::Families;
use record::Provider;
use tool::{Exit, Purpose, Writer};

use crate::cli::{ApplyArgs, Cli, Command, DeniedArgs};
use crate::commands::{apply, denied, explain, plan, remove, verify, watch};

/// Runs the command line.
///
/// # Errors
/// Everything that exit status 2 stands for.
pub fn run() -> Result<Exit> {
    let cli = Cli::parse();
    if matches!(&cli.command, Command::Plan | Command::Apply(_) | Command::Verify(_)) {
        warn_without_v6(Families::here());
    }
    let following = matches!(&cli.command, Command::Watch(_) | Command::Denied(DeniedArgs { follow: true, .. }));
    let judges = matches!(&cli.command, Command::Apply(_) | Command::Verify(_));
    let purpose = if judges { Purpose::Judge } else { Purpose::Tell };
    let writer = Writer::stdout(Provider::Netguard, purpose, cli.output, following);
    let (backend, policy) = (cli.backend, &cli.policy);
    match cli.command {
        Command::Plan => plan::run(policy, writer),
        Command::Apply(args) if args.check => apply::check(backend, args.plan.as_deref(), policy, writer),
        Command::Apply(ApplyArgs { plan: Some(plan), .. }) => apply::planned(backend, &plan, writer),
        Command::Apply(args) => apply::policy(backend, policy, args.last.keep.as_deref(), writer),
        Command::Verify(args) => verify::run(backend, policy, &args, writer),
        Command::Watch(args) => watch::run(backend, policy, args.last.keep.as_deref(), writer),
        Command::Denied(args) => denied::run(&args, backend, policy, writer),
        Command::Explain(args) => explain::run(&args, policy, writer),
        Command::Remove(args) => remove::run(backend, args.force, writer),
        Command::Completions { shell } => tool::completions::<Cli>(shell),
    }
}

/// The rules for IPv6 are loaded and verified all the same, for nft takes them; no packet ever meets them.
fn warn_without_v6(families: Families) {
    if !families.has_v6() {
        eprintln!("netguard: this kernel has no IPv6 (ipv6.disable=1): the rules for it have nothing to judge");
    }
}
