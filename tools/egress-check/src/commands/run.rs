//! `run`: makes probes, those of the policy or of lines.

mod control;
mod lines;

use std::net::IpAddr;

use anyhow::{Context, Result, bail};
use policy::{Policy, PolicyArgs, Service};
use record::Provider;
use tool::{Exit, OutputArgs, Purpose, Writer};

use crate::cli::RunArgs;
use crate::evaluation::dns_log::DnsLog;
use crate::evaluation::gate_log::GateLog;
use crate::evaluation::{Evaluation, is_on_link};
use crate::host::{self, Surroundings};
use crate::inspect::{Manner, inspect};
use crate::namespace::vantage::Vantage;
use crate::plan::{Scope, plan};
use crate::probe::Probe;
use crate::verdict::moat::{self, Moat};
use crate::wire::source_address;
use crate::{limit, progress};

/// Asks all of them, and judges what comes back.
///
/// # Errors
/// Bad lines, or a place, a policy, a control or a moat that cannot be asked; standard output that cannot be written.
pub(crate) fn run(policy: &PolicyArgs, args: &RunArgs, output: OutputArgs) -> Result<Exit> {
    let asked = policy;
    let policy = policy_if_needed(policy, args)?;
    let vantage = vantage(args)?;
    let gates = gate_resolvers(policy.as_ref(), &vantage);
    let vantage = vantage.with_resolvers(if args.resolver.is_empty() { gates } else { &args.resolver });
    let probes = match (&args.lines, &policy) {
        (Some(path), _) => lines::chosen(lines::read(path)?, args, &vantage)?,
        (None, Some(policy)) => derived(policy, args, &vantage)?,
        (None, None) => bail!("no policy to derive probes from"),
    };
    let control = control::vantage(args, policy.as_ref())?;
    let mut evaluation = evaluation(asked, policy.as_ref(), args, (&vantage, &probes), output)?;
    let manner = Manner { timeout: args.timeout, parallel: limit::sockets(usize::from(args.parallel)) };
    let bar = progress::bar(probes.len());
    inspect(&probes, vantage, control, manner, |probe, observations| {
        bar.inc(1);
        bar.suspend(|| evaluation.take(probe, observations))
    })?;
    bar.finish_and_clear();
    evaluation.finish()
}

/// What the results are held against, as it is before the first probe.
fn evaluation<'a>(
    asked: &PolicyArgs,
    policy: Option<&Policy>,
    args: &RunArgs,
    (vantage, probes): (&Vantage, &'a [Probe]),
    output: OutputArgs,
) -> Result<Evaluation<'a>> {
    let mut writer = Writer::stdout(Provider::EgressCheck, Purpose::Judge, output, true);
    if let Some(container) = &vantage.container {
        writer.asked(container.engine.clone());
    }
    let counted = probes.iter().filter(|probe| moat::has_flow(&probe.ask));
    let moat = args.moat.then(|| Moat::find(asked)).transpose()?;
    let asked_of = moat.as_ref().filter(|_| probes.iter().any(is_on_link));
    let link_was_closed = asked_of.is_some_and(Moat::holds);
    let before = moat.as_ref().map(Moat::counts).transpose()?;
    Ok(Evaluation {
        writer,
        log: args.dns_log.as_deref().map(DnsLog::open).transpose()?,
        moat: moat.zip(before),
        link_was_closed,
        gate: gate_log(policy, args)?,
        sources: source_address::select(vantage.netns.as_ref(), counted.map(|probe| &probe.ask.whom))?,
        subnets: policy.map(|policy| policy.networks.values().flat_map(policy::Network::subnets).collect()),
        vacant: policy.map(host::vacant_gateways).transpose()?.unwrap_or_default(),
        can_alter_network: vantage.can_alter_network(),
        later: Vec::new(),
    })
}

/// Lines bring all that is needed; without them the policy must be there.
fn policy_if_needed(policy: &PolicyArgs, args: &RunArgs) -> Result<Option<Policy>> {
    if args.lines.is_some() && policy::locate(policy.policy.as_deref()).is_err() {
        return Ok(None);
    }
    Ok(Some(policy.load()?))
}

fn gate_log(policy: Option<&Policy>, args: &RunArgs) -> Result<Option<GateLog>> {
    let wanted = args.gate_log.then(|| policy.context("--gate-log: no policy says which container is the gate"));
    Ok(wanted.transpose()?.map(GateLog::new))
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
