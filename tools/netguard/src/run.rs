//! What each subcommand does: a table of contents.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Parser;
use engine::Families;
use policy::{Policy, PolicyArgs};
use record::{Exit, Provider, Purpose, Writer};

use crate::backend::{Backend, Choice};
use crate::cli::{ApplyArgs, Cli, Command, DeniedArgs, ExplainArgs};
use crate::denied::Teller;
use crate::explain::Explainer;
use crate::kept::Kept;
use crate::machine::Machine;
use crate::permit::Permit;
use crate::plan::Plan;
use crate::saved::Saved;
use crate::shadow::{Asker, Memory};
use crate::stop::Stop;
use crate::{connections, demand, denied, docker, lines, owner, permit, report, shadow, verify, watch};

/// Runs the command line.
///
/// # Errors
/// Everything that exit status 2 stands for.
pub fn run() -> Result<Exit> {
    let cli = Cli::parse();
    if matches!(&cli.command, Command::Plan | Command::Apply(_) | Command::Verify(_)) {
        tell_of_families(Families::here());
    }
    let following = matches!(&cli.command, Command::Watch(_) | Command::Denied(DeniedArgs { follow: true, .. }));
    let judges = matches!(&cli.command, Command::Apply(_) | Command::Verify(_));
    let purpose = if judges { Purpose::Judge } else { Purpose::Tell };
    let writer = Writer::stdout(Provider::Netguard, purpose, cli.output, following);
    match cli.command {
        Command::Plan => plan(&cli.policy, writer),
        Command::Apply(args) if args.check => check(cli.backend, chosen(args.plan.as_deref(), &cli.policy)?, writer),
        Command::Apply(ApplyArgs { plan: Some(plan), .. }) => {
            apply(cli.backend, chosen(Some(&plan), &cli.policy)?, writer)
        }
        Command::Apply(args) => apply_policy(cli.backend, &cli.policy, args.last.keep.as_deref(), writer),
        Command::Verify(args) => verify(cli.backend, &cli.policy, args.permit, writer),
        Command::Watch(args) => watch(cli.backend, &cli.policy, args.last.keep.as_deref(), writer),
        Command::Denied(args) => denied(&args, cli.backend, &cli.policy, writer),
        Command::Explain(args) => explain(&args, &cli.policy, writer),
        Command::Remove(args) => remove(cli.backend, args.force, writer),
        Command::Completions { shell } => record::completions::<Cli>(shell),
    }
}

/// The rules for IPv6 are loaded and verified all the same, for nft takes them; no packet ever meets them.
fn tell_of_families(families: Families) {
    if !families.has_v6() {
        eprintln!("netguard: this kernel has no IPv6 (ipv6.disable=1): the rules for it have nothing to judge");
    }
}

/// A plan for a machine that is itself in the range of a guarded network would be none: it is refused.
fn plan(policy: &PolicyArgs, mut writer: Writer) -> Result<Exit> {
    let policy = policy.load()?;
    let (plan, machine) = plan_of(&policy)?;
    let guarded = demand::guarded(&policy);
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

/// The rules of the policy; or the last good ones, where they are kept and it cannot be read.
fn apply_policy(choice: Choice, policy: &PolicyArgs, keep: Option<&Path>, mut writer: Writer) -> Result<Exit> {
    let backend = Backend::find(choice)?;
    let (kept, saved) = Kept::open(policy, keep, &backend)?;
    // A watch has what it read last, be it the last good rules: it is not disturbed while the policy cannot be read.
    owner::make_sure_of_none(Some(kept.file()).filter(|_| saved.is_none())).map_err(|watched| {
        let broken = saved.as_ref().and_then(|told| told.event.reason.clone());
        broken.map_or_else(|| anyhow::anyhow!("{watched:#}"), |broken| anyhow::anyhow!("{broken}\n{watched:#}"))
    })?;
    if let Some(saved) = &saved {
        permit::withdraw_all()?;
        writer.check(saved)?;
    }
    let (plan, _) = kept.plan()?;
    load(&backend, plan.clone(), &mut writer)?;
    if let (Some(path), Some(policy)) = (keep, kept.good()) {
        writer.check(&Saved::write(path, policy, &plan).unwrap_or_else(|error| report::unsaved(&error)))?;
    }
    writer.finish()
}

fn apply(choice: Choice, plan: Plan, mut writer: Writer) -> Result<Exit> {
    load(&Backend::find(choice)?, plan, &mut writer)?;
    writer.finish()
}

fn load(backend: &Backend, plan: Plan, writer: &mut Writer) -> Result<()> {
    let plan = backend.holds(plan);
    let start = Instant::now();
    let fresh = backend.absent()?;
    let slower = backend.apply(&plan)?;
    writer.check(&report::applied(&plan, start.elapsed(), slower))?;
    let flushed = Machine::read().and_then(|machine| connections::flush(&plan, &machine, fresh));
    writer.check(&report::flushed(&flushed))
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
    let facts =
        shadow::gather(&policy, kernel.is_some(), verify::standing(&findings), Asker::Person, &mut Memory::default());
    if let Ok(engine) = &facts.engine {
        writer.asked(engine.identity.clone());
    }
    let shadows = shadow::check(&policy, &facts);
    for finding in &shadows {
        writer.check(&finding.record())?;
    }
    let verdict = permit::verdict(
        findings.iter().map(|finding| finding.outcome),
        shadows.iter().map(|finding| (finding.outcome, finding.shadow.is_promise())),
    );
    settle_permit(&Permit::of(&policy), verdict, permit, &mut writer)?;
    writer.finish()
}

/// What does not hold takes the permit away, whoever asks; it is given to who asks for it, once all was seen to hold.
fn settle_permit(permit: &Permit, verdict: record::Outcome, asked: bool, writer: &mut Writer) -> Result<()> {
    match verdict {
        record::Outcome::Success if asked => permit.grant()?,
        record::Outcome::Failure => permit.withdraw()?,
        _ => {}
    }
    if asked {
        writer.tell(&report::permitted(verdict))?;
    }
    Ok(())
}

fn watch(choice: Choice, policy: &PolicyArgs, keep: Option<&Path>, mut writer: Writer) -> Result<Exit> {
    let stop = Stop::listen()?;
    watch::run(choice, policy, keep, &stop, &mut writer)?;
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
    if !force {
        owner::make_sure_of_none(None)?;
    }
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
    let machine = Machine::read()?;
    let plan = Plan::new(policy, &demand::listed(policy)?, &machine.on_link(&demand::guarded(policy)));
    Ok((plan, machine))
}
