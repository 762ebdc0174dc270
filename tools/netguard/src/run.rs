//! What each subcommand does: a table of contents.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Parser;
use ipnet::IpNet;
use policy::{Deny, Policy, PolicyArgs};
use record::{Exit, Provider, Purpose, Writer};

use crate::backend::{Backend, Choice};
use crate::cli::{Cli, Command, DeniedArgs, ExplainArgs};
use crate::denied::Teller;
use crate::explain::Explainer;
use crate::machine::Machine;
use crate::permit::Permit;
use crate::plan::Plan;
use crate::stop::Stop;
use crate::{connections, denied, docker, lines, permit, report, shadow, verify, watch};

/// Runs the command line.
///
/// # Errors
/// Everything that exit status 2 stands for.
pub fn run() -> Result<Exit> {
    let cli = Cli::parse();
    let following = matches!(&cli.command, Command::Watch | Command::Denied(DeniedArgs { follow: true, .. }));
    let judges = matches!(&cli.command, Command::Apply(_) | Command::Verify(_));
    let purpose = if judges { Purpose::Judge } else { Purpose::Tell };
    let writer = Writer::stdout(Provider::Netguard, purpose, cli.output, following);
    match cli.command {
        Command::Plan => plan(&cli.policy, writer),
        Command::Apply(args) if args.check => check(cli.backend, chosen(args.plan.as_deref(), &cli.policy)?, writer),
        Command::Apply(args) => apply(cli.backend, chosen(args.plan.as_deref(), &cli.policy)?, writer),
        Command::Verify(args) => verify(cli.backend, &cli.policy, args.permit, writer),
        Command::Watch => watch(cli.backend, &cli.policy, writer),
        Command::Denied(args) => denied(&args, cli.backend, &cli.policy, writer),
        Command::Explain(args) => explain(&args, &cli.policy, writer),
        Command::Remove(args) => remove(cli.backend, args.force, writer),
        Command::Completions { shell } => record::completions::<Cli>(shell),
    }
}

/// A plan for a machine that is itself in the range of a guarded network would be none: it is refused.
fn plan(policy: &PolicyArgs, mut writer: Writer) -> Result<Exit> {
    let policy = policy.load()?;
    let (plan, machine) = plan_of(&policy)?;
    let guarded: Vec<&str> = policy.active_networks().map(|network| network.bridge.as_str()).collect();
    for network in policy.active_networks() {
        if let Some((interface, theirs, ours)) = machine.over(&guarded, &network.subnets()) {
            bail!(
                "{interface} of this machine is on {theirs}, which lies over {ours} of the network {}: who is in both cannot be told apart; give the networks other subnets under [networks] in {}",
                network.name,
                policy.origin.display()
            );
        }
    }
    lines::write(&plan, &mut writer)?;
    writer.finish()
}

fn apply(choice: Choice, plan: Plan, mut writer: Writer) -> Result<Exit> {
    let backend = Backend::find(choice)?;
    let plan = backend.holds(plan);
    let start = Instant::now();
    let fresh = backend.absent()?;
    let slower = backend.apply(&plan)?;
    writer.check(&report::applied(&plan, start.elapsed(), slower))?;
    let flushed = Machine::read().and_then(|machine| connections::flush(&plan, &machine, fresh));
    writer.check(&report::flushed(&flushed))?;
    writer.finish()
}

/// Only what differs.
fn check(choice: Choice, plan: Plan, mut writer: Writer) -> Result<Exit> {
    let backend = Backend::find(choice)?;
    let (plan, kernel) = (backend.holds(plan), backend.listing(true)?);
    for finding in verify::compare(&plan, kernel.as_ref()) {
        match finding.outcome {
            record::Outcome::Success => writer.count(finding.outcome),
            _ => writer.check(&report::finding(&finding))?,
        }
    }
    writer.finish()
}

/// The kernel against the plan, and then what could make all of it worthless.
fn verify(choice: Choice, policy: &PolicyArgs, permit: bool, mut writer: Writer) -> Result<Exit> {
    let policy = policy.load()?;
    let backend = Backend::find(choice)?;
    let plan = backend.holds(plan_of(&policy)?.0);
    let kernel = backend.listing(true)?;
    let findings = verify::compare(&plan, kernel.as_ref());
    for finding in &findings {
        writer.check(&report::finding(finding))?;
    }
    let facts = shadow::gather(&policy, kernel.is_some(), verify::standing(&findings));
    if let Ok(engine) = &facts.engine {
        writer.asked(engine.identity.clone());
    }
    for finding in shadow::check(&policy, &facts) {
        writer.check(&finding.record())?;
    }
    let counts = writer.counts();
    match Exit::from(counts) {
        Exit::Success if permit && counts.checked > 0 => Permit::of(&policy).grant()?,
        Exit::Findings => Permit::of(&policy).withdraw()?,
        _ => {}
    }
    writer.finish()
}

fn watch(choice: Choice, policy: &PolicyArgs, mut writer: Writer) -> Result<Exit> {
    let stop = Stop::listen()?;
    watch::run(choice, policy, &stop, &mut writer)?;
    writer.finish()
}

fn denied(args: &DeniedArgs, choice: Choice, policy: &PolicyArgs, mut writer: Writer) -> Result<Exit> {
    let policy = policy.load()?;
    let (plan, machine) = plan_of(&policy)?;
    let backend = Backend::find(choice)?;
    let mut teller = Teller { policy: &policy, plan: &plan, machine, names: docker::names() };
    if args.follow {
        denied::follow(&mut teller, &backend, Duration::from_secs(args.interval), &Stop::listen()?, &mut writer)?;
    } else {
        denied::once(&teller, &backend, &mut writer)?;
    }
    writer.finish()
}

fn explain(args: &ExplainArgs, policy: &PolicyArgs, mut writer: Writer) -> Result<Exit> {
    let policy = policy.load()?;
    let (plan, machine) = plan_of(&policy)?;
    Explainer::new(&policy, &plan, &machine, &args.from)?.all(&args.targets, io::stdin().lock(), &mut writer)?;
    writer.finish()
}

fn remove(choice: Choice, force: bool, mut writer: Writer) -> Result<Exit> {
    let (mut standing, mut bridges) = (Vec::new(), BTreeSet::new());
    for backend in Backend::every(choice)? {
        if let Some(guarded) = backend.guarded()? {
            standing.push(backend);
            bridges.extend(guarded);
        }
    }
    if standing.is_empty() {
        permit::withdraw_all()?;
        writer.tell(&report::removed(&[], false))?;
        return writer.finish();
    }
    let machine = Machine::read()?;
    let behind: Vec<(&str, Vec<&str>)> = bridges
        .iter()
        .map(|bridge| (bridge.as_str(), machine.ports(bridge)))
        .filter(|(_, ports)| !ports.is_empty())
        .collect();
    if !force && !behind.is_empty() {
        for (bridge, ports) in &behind {
            writer.check(&report::kept(bridge, ports))?;
        }
        return writer.finish();
    }
    permit::withdraw_all()?;
    standing.iter().try_for_each(Backend::remove)?;
    writer.tell(&report::removed(&behind, true))?;
    writer.finish()
}

/// The plan that was given, or the policy's.
fn chosen(given: Option<&Path>, policy: &PolicyArgs) -> Result<Plan> {
    match given {
        None => derived(policy),
        Some(path) if path == Path::new("-") => lines::read(io::stdin().lock()).context("standard input"),
        Some(path) => {
            let file = File::open(path).with_context(|| format!("{} could not be opened", path.display()))?;
            lines::read(BufReader::new(file)).with_context(|| path.display().to_string())
        }
    }
}

fn derived(policy: &PolicyArgs) -> Result<Plan> {
    plan_of(&policy.load()?).map(|(plan, _)| plan)
}

fn plan_of(policy: &Policy) -> Result<(Plan, Machine)> {
    let guarded: Vec<&str> = policy.active_networks().map(|network| network.bridge.as_str()).collect();
    let machine = Machine::read()?;
    let plan = Plan::new(policy, &listed(policy)?, &machine.on_link(&guarded));
    Ok((plan, machine))
}

/// What the policy's deny list names: ranges, and files of ranges.
///
/// # Errors
/// If a file cannot be read, or a line of it is no range.
pub(crate) fn listed(policy: &Policy) -> Result<Vec<IpNet>> {
    let mut listed = Vec::new();
    for deny in &policy.moat.deny {
        match deny {
            Deny::Net(net) => listed.push(*net),
            Deny::File(path) => listed.extend(policy::blocklist::load(path)?),
            Deny::SpecialPurpose | Deny::OnLink => {}
        }
    }
    Ok(listed)
}
