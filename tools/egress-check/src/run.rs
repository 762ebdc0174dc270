//! What each subcommand does, as a table of contents.

use std::collections::BTreeSet;
use std::io::BufRead;
use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use policy::{Policy, PolicyArgs, Service};
use record::{Action, Lines, Provider};
use tool::{Exit, OutputArgs, Purpose, Writer, input};

use crate::cli::{Cli, Command, PlanArgs, RunArgs};
use crate::host::Surroundings;
use crate::inspect::{Manner, control, inspect};
use crate::judge::Judge;
use crate::judge::dns_log::DnsLog;
use crate::namespace::vantage::Vantage;
use crate::plan::{Scope, plan};
use crate::probe::{Probe, line};
use crate::verdict::moat::{self, Moat};
use crate::{limit, pin, progress};

/// More probes than this in one run is a mistake.
const MOST_PROBES: usize = 100_000;

/// The whole tool.
///
/// # Errors
/// Bad usage, bad input, or an environment that lacks something; the text says how to mend it.
pub fn run() -> Result<Exit> {
    let cli = Cli::parse();
    match &cli.command {
        Command::Plan(args) => print_plan(&cli.policy, args, cli.output),
        Command::Run(args) => make_probes(&cli.policy, args, cli.output),
        Command::Pin(args) => pin::check(&cli.policy, args, cli.output),
        Command::Completions { shell } => tool::completions::<Cli>(*shell),
    }
}

fn print_plan(policy: &PolicyArgs, args: &PlanArgs, output: OutputArgs) -> Result<Exit> {
    let scope = Scope { container: args.container.clone(), network: args.network.clone() };
    let probes = plan(&policy.load()?, &Surroundings::read()?, &scope, &args.target)?;
    let mut writer = Writer::stdout(Provider::EgressCheck, Purpose::Tell, output, false);
    for probe in &probes {
        writer.tell(&line::planned(probe))?;
    }
    writer.finish()
}

fn make_probes(policy: &PolicyArgs, args: &RunArgs, output: OutputArgs) -> Result<Exit> {
    let asked = policy;
    let policy = policy_if_needed(policy, args)?;
    let vantage = vantage(args)?;
    let gates = gate_resolvers(policy.as_ref(), &vantage);
    let vantage = vantage.with_resolvers(if args.resolver.is_empty() { gates } else { &args.resolver });
    let probes = match (&args.lines, &policy) {
        (Some(path), _) => chosen(read_lines(path)?, args, &vantage)?,
        (None, Some(policy)) => derived(policy, args, &vantage)?,
        (None, None) => bail!("no policy to derive probes from"),
    };
    let control = control::vantage(args, policy.as_ref())?;
    let log = args.dns_log.as_deref().map(DnsLog::open).transpose()?;
    let mut writer = Writer::stdout(Provider::EgressCheck, Purpose::Judge, output, true);
    if let Some(container) = &vantage.container {
        writer.asked(container.engine.clone());
    }
    let origins = moat::origins(vantage.netns.as_ref(), probes.iter().map(|probe| &probe.ask))?;
    let moat = args.moat.then(|| Moat::find(asked)).transpose()?;
    let before = moat.as_ref().map(Moat::counts).transpose()?;
    let subnets = policy.as_ref().map(|policy| policy.networks.values().flat_map(policy::Network::subnets).collect());
    let (moat, can_alter_network) = (moat.zip(before), vantage.can_alter_network());
    let mut judge = Judge { writer, log, moat, origins, subnets, can_alter_network, later: Vec::new() };
    let manner = Manner { timeout: args.timeout, parallel: limit::sockets(usize::from(args.parallel)) };
    let bar = progress::bar(probes.len());
    inspect(&probes, vantage, control, manner, |probe, observations| {
        bar.inc(1);
        bar.suspend(|| judge.take(probe, observations))
    })?;
    bar.finish_and_clear();
    judge.finish()
}

/// Lines bring all that is needed; without them the policy must be there.
fn policy_if_needed(policy: &PolicyArgs, args: &RunArgs) -> Result<Option<Policy>> {
    if args.lines.is_some() && policy::locate(policy.policy.as_deref()).is_err() {
        return Ok(None);
    }
    Ok(Some(policy.load()?))
}

/// The gate asks the policy's resolvers and no resolv.conf: Docker's knows the names that the gate serves as the
/// gate itself.
fn gate_resolvers<'a>(policy: Option<&'a Policy>, vantage: &Vantage) -> &'a [IpAddr] {
    let is_gate = |policy: &&Policy| {
        vantage.container.as_ref().is_some_and(|container| container.name == policy.container(Service::Proxy))
    };
    policy.filter(is_gate).map_or(&[], |policy| &policy.proxy.resolvers)
}

fn vantage(args: &RunArgs) -> Result<Vantage> {
    match (&args.container, args.pid, &args.netns) {
        (Some(name), _, _) => Vantage::container(name),
        (_, Some(pid), _) => Vantage::pid(pid),
        (_, _, Some(path)) => Vantage::netns(path),
        _ => Vantage::here(),
    }
}

/// The policy's probes for this vantage: those of its container, else of the network that was named, else the cell's.
fn derived(policy: &Policy, args: &RunArgs, vantage: &Vantage) -> Result<Vec<Probe>> {
    let container = vantage.container.as_ref().map(|container| container.name.clone());
    let nobody_named = container.is_none() && args.network.is_none();
    let container = container.or_else(|| nobody_named.then(|| policy.cell.container.clone()));
    let scope = Scope { container, network: args.network.clone() };
    plan(policy, &Surroundings::read()?, &scope, &args.target)
}

fn read_lines(path: &Path) -> Result<Vec<Probe>> {
    let input = input::open(path).with_context(|| format!("{} cannot be opened", path.display()))?;
    parse_lines(input, &input::name(path))
}

/// All lines or none: a run that leaves out what it could not read would look like a pass.
fn parse_lines(input: impl BufRead, origin: &str) -> Result<Vec<Probe>> {
    let mut probes = Vec::new();
    for line in Lines::new(input) {
        let line = line.with_context(|| origin.to_owned())?;
        if line.record.event.action == Action::RunFinished.name() {
            continue;
        }
        probes.push(line::read(line.record).with_context(|| format!("{origin}: line {}", line.number))?);
        ensure!(probes.len() <= MOST_PROBES, "{origin}: more than {MOST_PROBES} probes");
    }
    ensure!(!probes.is_empty(), "{origin}: no probes in it; egress-check plan prints some");
    Ok(probes)
}

/// The lines that are for this vantage.
fn chosen(mut probes: Vec<Probe>, args: &RunArgs, vantage: &Vantage) -> Result<Vec<Probe>> {
    let all = probes.len();
    if let Some(network) = &args.network {
        probes.retain(|probe| probe.network.as_ref().is_none_or(|name| name == network));
    } else if let Some(container) = &vantage.container {
        probes.retain(|probe| probe.container.as_ref().is_none_or(|name| *name == container.name));
    }
    let owners: BTreeSet<&str> = probes.iter().filter_map(|probe| probe.container.as_deref()).collect();
    ensure!(
        owners.len() < 2,
        "the lines are for several containers ({}); choose one with --container or --network",
        owners.into_iter().collect::<Vec<_>>().join(", ")
    );
    ensure!(!probes.is_empty(), "none of the {all} lines is for this place; see their container.name and network.name");
    if probes.len() < all {
        eprintln!("egress-check: {} of {all} probes are for other containers and are not made", all - probes.len());
    }
    Ok(probes)
}
