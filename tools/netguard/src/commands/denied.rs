//! `netguard denied`: who tried what. The kernel counts; this reads its counters, names the container,
//! and says why each flow is denied.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use policy::{Policy, PolicyArgs};
use record::fields::{Container, Endpoint, Network as EcsNetwork};
use record::{Action, Category, Kind, Outcome, Provider, Record, Severity, Type};
use tool::{Exit, Stop, Writer};

use super::plan;
use crate::backend::denied_flows::{self, Count, Flow};
use crate::backend::{self, Backend, Choice};
use crate::cli::DeniedArgs;
use crate::commands::explain::reason;
use crate::host::docker::{self, Names};
use crate::host::interfaces::Machine;
use crate::rules::evaluate::{Fate, Packet, outward};
use crate::rules::plan::Plan;
use crate::rules::records::ecs;
use crate::rules::table::{FLOWS, FlowSet};

/// What the records of flows are made with.
#[derive(Debug)]
pub(crate) struct Reporter<'a> {
    /// For the networks' names and the reasons.
    pub(crate) policy: &'a Policy,
    /// For the rules' ids and meanings.
    pub(crate) plan: &'a Plan,
    /// For the host's own addresses.
    pub(crate) machine: Machine,
    /// For the containers' names.
    pub(crate) names: Names,
}

/// What the subcommand does: all that the kernel remembers, or what is new until a signal comes.
///
/// # Errors
/// Everything that exit status 2 stands for.
pub(crate) fn run(args: &DeniedArgs, choice: Choice, policy: &PolicyArgs, mut writer: Writer) -> Result<Exit> {
    let policy = policy.load()?;
    let (plan, machine) = plan::of(&policy)?;
    let backend = backend::find(choice)?;
    let mut reporter = Reporter { policy: &policy, plan: &plan, machine, names: docker::names() };
    if args.follow {
        let stop = Stop::listen()?;
        stop.when_unread(|| {});
        follow(&mut reporter, &*backend, Duration::from_secs(args.interval), &stop, &mut writer)?;
    } else {
        once(&reporter, &*backend, &mut writer)?;
    }
    writer.finish()
}

/// Prints every flow that the kernel remembers.
///
/// # Errors
/// If there is no moat, or its sets cannot be read.
pub(crate) fn once<W: std::io::Write>(
    reporter: &Reporter<'_>,
    backend: &dyn Backend,
    writer: &mut Writer<W>,
) -> Result<()> {
    let mut remembered = remembered(backend)?;
    remembered.flows.sort_by_key(|(_, count)| std::cmp::Reverse(count.packets));
    remembered.flows.iter().try_for_each(|(flow, count)| writer.write(&reporter.record(flow, *count)))?;
    remembered.unrecorded.iter().try_for_each(|(network, count)| {
        let budget = backend.budget();
        writer.write(&unrecorded(network, *count, budget))
    })?;
    remembered.full.iter().try_for_each(|set| writer.write(&full(set)))
}

/// Prints each flow when it is first seen. Prints what is new of it at every interval, until told to stop.
///
/// # Errors
/// As [`once`]; it waits for a moat that is gone for a while.
pub(crate) fn follow<W: std::io::Write>(
    reporter: &mut Reporter<'_>,
    backend: &dyn Backend,
    interval: Duration,
    stop: &Stop,
    writer: &mut Writer<W>,
) -> Result<()> {
    remembered(backend)?;
    let mut reported = Reported::default();
    let mut seen = None;
    while !stop.asked() {
        let began = Instant::now();
        // Asked before the listing: what is counted in between makes another number the next time.
        let counted = backend.counted();
        if (counted.is_none() || counted != seen)
            && let Ok(now) = remembered(backend)
        {
            reported.report_news(now, reporter, backend, writer)?;
            seen = counted;
        }
        stop.wait(interval.saturating_sub(began.elapsed()));
    }
    Ok(())
}

/// What a follower has reported.
#[derive(Debug, Default)]
struct Reported {
    flows: HashMap<Flow, Count>,
    unrecorded: BTreeMap<String, Count>,
    full: Vec<FlowSet>,
}

impl Reported {
    /// Reports what is new since the last listing.
    fn report_news<W: std::io::Write>(
        &mut self,
        now: Remembered,
        reporter: &mut Reporter<'_>,
        backend: &dyn Backend,
        writer: &mut Writer<W>,
    ) -> Result<()> {
        let Remembered { flows, unrecorded, full } = now;
        if flows.iter().any(|(flow, _)| !self.flows.contains_key(flow)) {
            reporter.names = docker::names();
            reporter.machine = Machine::read()?;
        }
        for (flow, count) in &flows {
            if let Some(news) = news(*count, self.flows.get(flow)) {
                writer.write(&reporter.record(flow, news))?;
            }
        }
        for (network, count) in &unrecorded {
            if let Some(news) = news(*count, self.unrecorded.get(network)) {
                writer.write(&self::unrecorded(network, news, backend.budget()))?;
            }
        }
        for set in full.iter().filter(|set| !self.full.contains(set)) {
            writer.write(&self::full(set))?;
        }
        // What the kernel has forgotten is forgotten here: its bound is ours.
        *self = Self { flows: flows.into_iter().collect(), unrecorded, full };
        Ok(())
    }
}

/// What the kernel remembers of refused flows.
#[derive(Debug)]
struct Remembered {
    flows: Vec<(Flow, Count)>,
    unrecorded: BTreeMap<String, Count>,
    full: Vec<FlowSet>,
}

fn remembered(backend: &dyn Backend) -> Result<Remembered> {
    let listing = backend
        .refused_flows()?
        .context("there is no moat, so nothing is denied and nothing counted; load it with netguard apply")?;
    Ok(Remembered {
        flows: denied_flows::read(&listing)?,
        unrecorded: denied_flows::unrecorded(&listing),
        full: denied_flows::full(&listing),
    })
}

fn more(message: String, network: &str) -> Record {
    let mut record = Record::new(Provider::Netguard, Action::FlowsUnrecorded, message)
        .about(Category::Network, Type::Denied)
        .kind(Kind::Event)
        .severity(Severity::Medium);
    record.network = Some(EcsNetwork { name: Some(network.to_owned()), ..EcsNetwork::default() });
    record
}

/// A member tried more than is kept of one sender.
fn unrecorded(network: &str, count: Count, budget: String) -> Record {
    let message = format!(
        "{} packets of {network} were refused and not recorded one by one: somebody there floods.",
        count.packets
    );
    let mut record = more(message, network).reason(budget);
    record.source = Some(Endpoint { packets: Some(count.packets), bytes: Some(count.bytes), ..Endpoint::default() });
    record
}

/// A set holds as much as it may.
fn full(set: &FlowSet) -> Record {
    let message = format!("Set {} is full: new flows of {} are refused and not recorded.", set.name(), set.network);
    more(message, &set.network).reason(format!("it holds {FLOWS} flows, which takes several senders or a forger"))
}

/// What came since the last look; a counter that went back began anew.
fn news(now: Count, before: Option<&Count>) -> Option<Count> {
    let before = before.copied().filter(|before| before.packets <= now.packets).unwrap_or_default();
    let news = Count { packets: now.packets - before.packets, bytes: now.bytes.saturating_sub(before.bytes) };
    (news.packets > 0).then_some(news)
}

impl Reporter<'_> {
    fn record(&self, flow: &Flow, count: Count) -> Record {
        let container = self.names.get(&flow.source);
        let who = container.map_or_else(|| flow.source.to_string(), |(_, name)| name.clone());
        let port = flow.port.map(|port| format!(" port {port}")).unwrap_or_default();
        let times = if count.packets == 1 { "once".to_owned() } else { format!("{} times", count.packets) };
        let message = format!("{who} tried {} {}{port}, {times}, and was refused.", flow.destination, flow.protocol);
        let mut record = Record::new(Provider::Netguard, Action::FlowDenied, message)
            .about(Category::Network, Type::Denied)
            .kind(Kind::Event)
            .severity(Severity::Low);
        record.event.outcome = None::<Outcome>;
        if let Some(rule) = self.why(flow) {
            let why = reason(self.policy, rule, flow.destination);
            // A day has some hundreds of these lines: the rule's own words are there once.
            let mut told = ecs(rule);
            told.description = told.description.filter(|text| text.trim_end_matches('.') != why);
            (record.event.reason, record.rule) = (Some(why), Some(told));
        }
        record.source =
            Some(Endpoint { packets: Some(count.packets), bytes: Some(count.bytes), ..Endpoint::ip(flow.source) });
        record.destination = Some(Endpoint { port: flow.port, ..Endpoint::ip(flow.destination) });
        record.network = Some(self.network(flow));
        record.container = container.map(|(id, name)| Container { id: Some(id.clone()), ..Container::named(name) });
        record
    }

    fn network(&self, flow: &Flow) -> EcsNetwork {
        let name = self.policy.active_networks().find(|network| network.bridge.as_str() == flow.bridge);
        EcsNetwork {
            name: name.map(|network| network.name.to_string()),
            kind: Some(if flow.source.is_ipv4() { "ipv4" } else { "ipv6" }.to_owned()),
            transport: Some(flow.protocol.clone()),
            direction: Some("egress".to_owned()),
            ..EcsNetwork::default()
        }
    }

    /// The rule that refuses it today. What a set of flows does not keep, such as an option in the packet's
    /// header, leaves no reason.
    fn why(&self, flow: &Flow) -> Option<&crate::rules::rule::Rule> {
        let packet = Packet {
            from: &flow.bridge,
            into: None,
            source: flow.source,
            destination: flow.destination,
            transport: &flow.protocol,
            port: flow.port,
            answer: false,
            own_source: self.machine.takes_in(flow.source),
            own_destination: self.machine.takes_in(flow.destination),
        };
        match outward(self.plan, &packet) {
            Fate::Dropped(rule) => Some(rule),
            Fate::Passes(_) | Fate::Unconcerned => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_new_is_told_and_a_counter_that_began_anew_is_new() {
        let count = |packets| Count { packets, bytes: packets * 60 };
        assert_eq!(news(count(5), None), Some(count(5)));
        assert_eq!(news(count(5), Some(&count(3))), Some(count(2)));
        assert_eq!(news(count(5), Some(&count(5))), None);
        assert_eq!(news(count(2), Some(&count(9))), Some(count(2)));
    }
}
