//! `netguard explain`: what the moat does with a packet of a member, and the rule that says so.

use std::io::{BufRead, Read};
use std::net::IpAddr;

use anyhow::{Context, Result, ensure};
use policy::{Network, Policy, PolicyArgs};
use record::fields::{Endpoint, Network as EcsNetwork};
use record::{Action, Category, Kind, Provider, Record, Type};
use tool::{Exit, Writer};

use super::plan;
use crate::cli::ExplainArgs;
use crate::host::interfaces::Machine;
use crate::rules::address_set::Group;
use crate::rules::evaluate::{Fate, Packet, outward};
use crate::rules::plan::Plan;
use crate::rules::records::ecs;
use crate::rules::role::Role;
use crate::rules::rule::Rule;
use crate::rules::target::{self, Target};

/// The longest line of targets that is read.
const LONGEST: u64 = 4096;
const LONGEST_BYTES: usize = 4096;

/// Tells of each target what the moat does, and by which rule.
///
/// # Errors
/// Everything that exit status 2 stands for.
pub(crate) fn run(args: &ExplainArgs, policy: &PolicyArgs, mut writer: Writer) -> Result<Exit> {
    let policy = policy.load()?;
    let (plan, machine) = plan::of(&policy)?;
    Explainer::new(&policy, &plan, &machine, &args.from)?.all(&args.targets, std::io::stdin().lock(), &mut writer)?;
    writer.finish()
}

/// What `explain` needs to know.
#[derive(Debug)]
pub(crate) struct Explainer<'a> {
    policy: &'a Policy,
    plan: &'a Plan,
    machine: &'a Machine,
    network: &'a Network,
}

impl<'a> Explainer<'a> {
    /// For the members of a network.
    ///
    /// # Errors
    /// If the policy's present shape has no such network.
    pub(crate) fn new(policy: &'a Policy, plan: &'a Plan, machine: &'a Machine, network: &str) -> Result<Self> {
        let names = || policy.active_networks().map(|network| network.name.to_string()).collect::<Vec<_>>().join(", ");
        let network = policy
            .active_networks()
            .find(|candidate| candidate.name == *network)
            .with_context(|| format!("--from {network}: the policy has no such network in use; it has {}", names()))?;
        Ok(Self { policy, plan, machine, network })
    }

    /// Prints the verdict on each target; `-` stands for lines of standard input.
    ///
    /// # Errors
    /// The first target that cannot be read, and where it stood.
    pub(crate) fn all<W: std::io::Write>(
        &self,
        targets: &[String],
        input: impl BufRead,
        writer: &mut Writer<W>,
    ) -> Result<()> {
        let mut input = Some(input);
        for text in targets {
            if text == "-" {
                self.lines(input.take().context("- can be given once")?, writer)?;
            } else {
                writer.write(&self.one(&target::parse(text)?))?;
            }
        }
        Ok(())
    }

    fn lines<W: std::io::Write>(&self, mut input: impl BufRead, writer: &mut Writer<W>) -> Result<()> {
        for number in 1.. {
            let place = || format!("line {number}");
            let mut line = String::new();
            let read = input.by_ref().take(LONGEST).read_line(&mut line).with_context(place)?;
            if read == 0 {
                break;
            }
            ensure!(line.ends_with('\n') || line.len() < LONGEST_BYTES, "line {number}: longer than {LONGEST} bytes");
            if !line.trim().is_empty() {
                writer.write(&self.one(&target::parse(&line).with_context(place)?))?;
            }
        }
        Ok(())
    }

    fn one(&self, target: &Target) -> Record {
        let packet = self.packet(target.address, target.port, target.transport);
        let from = &self.network.name;
        let (word, kind, rule) = match outward(self.plan, &packet) {
            Fate::Dropped(rule) => ("may not reach", Type::Denied, Some(rule)),
            Fate::Passes(rule) => ("may reach", Type::Allowed, Some(rule)),
            Fate::Unconcerned => ("is not held from", Type::Allowed, None),
        };
        let message = format!("{from} {word} {}.", target.written);
        let mut record = Record::new(Provider::Netguard, Action::VerdictExplained, message)
            .kind(Kind::State)
            .about(Category::Network, kind);
        record.event.reason = rule.map(|rule| self.because(rule, target.address));
        record.rule = rule.map(ecs);
        record.destination =
            Some(Endpoint { address: Some(target.written.clone()), port: target.port, ..Endpoint::ip(target.address) });
        let kind = if target.address.is_ipv4() { "ipv4" } else { "ipv6" };
        record.network = Some(EcsNetwork {
            name: Some(from.to_string()),
            kind: Some(kind.to_owned()),
            transport: target.port.map(|_| target.transport.to_owned()),
            direction: Some("egress".to_owned()),
            ..EcsNetwork::default()
        });
        record
    }

    /// A packet of a member to an address, as the kernel would see it.
    pub(crate) fn packet<'b>(&'b self, destination: IpAddr, port: Option<u16>, transport: &'b str) -> Packet<'b> {
        let (v4, v6) = self.network.gateway();
        let source = if destination.is_ipv4() { next(v4.into()) } else { next(v6.into()) };
        Packet {
            from: self.network.bridge.as_str(),
            into: None,
            source,
            destination,
            transport,
            port,
            answer: false,
            own_source: false,
            own_destination: self.machine.takes_in(destination),
        }
    }

    /// Why a rule says so, in words that name the block where there is one.
    fn because(&self, rule: &Rule, address: IpAddr) -> String {
        reason(self.policy, rule, address)
    }
}

/// Why a rule stops packets to an address, or lets them pass.
pub(crate) fn reason(policy: &Policy, rule: &Rule, address: IpAddr) -> String {
    let denied = |group| matches!(rule.role, Role::Denied(set) if set.0 == group);
    if let Some(block) = policy::special_purpose_of(address).filter(|_| denied(Group::Special)) {
        return format!("{address} lies in {} ({}, {})", block.net, block.name, block.source);
    }
    if denied(Group::Listed) {
        let named = policy.moat.deny.iter().find_map(|deny| match deny {
            policy::Deny::Net(net) if net.contains(&address) => Some(format!("the policy denies {net}")),
            policy::Deny::File(path) => policy::blocklist::load(path)
                .ok()
                .filter(|ranges| crate::rules::address_set::holds(ranges, address))
                .map(|_| format!("it is in {}", path.display())),
            _ => None,
        });
        if let Some(named) = named {
            return named;
        }
    }
    rule.meaning.trim_end_matches('.').to_owned()
}

/// The address after one: a member's, when the first is the gateway.
fn next(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => IpAddr::V4(u32::from(v4).wrapping_add(1).into()),
        IpAddr::V6(v6) => IpAddr::V6(u128::from(v6).wrapping_add(1).into()),
    }
}
