//! Judges results as they come, and last of all those that something else has to say of: a resolver's log, the moat.

pub(crate) mod dns_log;
pub(crate) mod gate_log;

use std::collections::BTreeSet;
use std::net::IpAddr;

use anyhow::Result;
use ipnet::IpNet;
use record::cellblock::Evidence;
use tool::{Exit, Writer};

use crate::evaluation::dns_log::DnsLog;
use crate::evaluation::gate_log::{GateLog, Refusals};
use crate::inspect::Observations;
use crate::probe::Probe;
use crate::probe::question::ProbeTarget;
use crate::report;
use crate::verdict::Circumstances;
use crate::verdict::moat::{Counts, Moat, Witness};
use crate::wire::source_address::{SourceAddress, SourceAddresses};

/// The evaluation of a run: what its results are held against, and where they go.
pub(crate) struct Evaluation<'a> {
    pub(crate) writer: Writer,
    /// The log of a resolver outside, which shows whether a name left.
    pub(crate) log: Option<DnsLog>,
    /// The moat, and what it had counted before the first probe.
    pub(crate) moat: Option<(Moat, Counts)>,
    /// Did the moat hold as a whole before the first probe of a link, with no way past it?
    pub(crate) link_was_closed: bool,
    /// The gate's log of this run.
    pub(crate) gate: Option<GateLog>,
    /// Where a packet to each target starts.
    pub(crate) sources: SourceAddresses,
    /// The subnets of the policy, where there is one: within one of them packets pass no moat.
    pub(crate) subnets: Option<Vec<IpNet>>,
    /// Gateways of the policy on whose networks this host has no address, though it has their bridges.
    pub(crate) vacant: BTreeSet<IpAddr>,
    /// May who is inspected bend what is seen?
    pub(crate) can_alter_network: bool,
    /// What is judged when all have been asked.
    pub(crate) later: Vec<(&'a Probe, Observations)>,
}

/// Only silence counts for nothing, and only where the kernel says that nothing was ever sent. Either it has no route,
/// or the host has no address on that link, so nobody is its gateway.
fn is_left_out(silent: bool, source: Option<SourceAddress>, is_vacant: bool) -> bool {
    silent && (source == Some(SourceAddress::NoRoute) || is_vacant)
}

/// What is asked of others when all probes were made.
struct Afterwards {
    counts: Option<Counts>,
    link_is_closed: bool,
    refusals: Refusals,
}

/// Is it a request that the gate must keep, to an address that nobody outside answers for?
fn is_gates(probe: &Probe, observations: &Observations) -> bool {
    probe.evidence == Evidence::BeyondGate && report::is_silent(probe, observations)
}

/// Is it about who is on a link, where a frame for a group goes to everybody?
pub(crate) fn is_on_link(probe: &Probe) -> bool {
    matches!(probe.ask.whom, ProbeTarget::OnLink(..))
}

impl<'a> Evaluation<'a> {
    /// Judges one result, or puts it aside until all that concerns it is there.
    ///
    /// # Errors
    /// If the record cannot be written.
    pub(crate) fn take(&mut self, probe: &'a Probe, observations: Observations) -> Result<()> {
        let logged = self.log.is_some() && observations.name.is_some();
        if is_left_out(report::is_silent(probe, &observations), self.source(probe), self.is_vacant(probe)) {
            return self.writer.write(&report::left_out(probe));
        }
        let counted = self.moat.is_some() && report::is_counted(probe, &observations);
        let refused = self.gate.is_some() && is_gates(probe, &observations);
        if logged || counted || refused {
            self.later.push((probe, observations));
            return Ok(());
        }
        let around = Circumstances { can_alter_network: self.can_alter_network, ..Circumstances::default() };
        self.writer.check(&report::evaluated(probe, &observations, around))
    }

    /// Judges what was put aside, and ends the run.
    ///
    /// # Errors
    /// If a resolver's log or the moat cannot be asked, or the records cannot be written.
    pub(crate) fn finish(mut self) -> Result<Exit> {
        let found = self.afterwards()?;
        let named =
            self.later.iter().map(|(_, observations)| observations).filter(|observations| observations.name.is_some());
        let traces = self.log.as_mut().map(|log| log.traces(named)).transpose()?;
        for (probe, observations) in &self.later {
            let trace = traces.as_ref().filter(|_| observations.name.is_some()).map(|traces| traces.of(observations));
            let witness = self.witness(probe, observations, &found);
            let around = Circumstances { trace, witness, can_alter_network: self.can_alter_network };
            self.writer.check(&report::evaluated(probe, observations, around))?;
        }
        self.writer.finish()
    }

    /// Asks the moat for its counts. The links and the gate are asked only where something waits for their word.
    fn afterwards(&self) -> Result<Afterwards> {
        let counts = self.moat.as_ref().map(|(moat, _)| moat.counts()).transpose()?;
        let asks_a_link = self.link_was_closed && self.later.iter().any(|(probe, _)| is_on_link(probe));
        let link_is_closed = asks_a_link && self.moat.as_ref().is_some_and(|(moat, _)| moat.holds());
        let gate = self.gate.as_ref().filter(|_| self.later.iter().any(|(probe, seen)| is_gates(probe, seen)));
        // What cannot be read shows nothing. What else was found is told all the same.
        let refusals = gate.and_then(|gate| gate.refusals().map_err(|error| eprintln!("egress-check: {error:#}")).ok());
        let refusals = refusals.unwrap_or_default();
        Ok(Afterwards { counts, link_is_closed, refusals })
    }

    fn witness(&self, probe: &Probe, observations: &Observations, found: &Afterwards) -> Option<Witness> {
        let source = self.source(probe);
        if is_gates(probe, observations) && found.refusals.has(&probe.ask, source, &observations.inside) {
            return Some(Witness::RefusedByGate);
        }
        if !report::is_counted(probe, observations) || (is_on_link(probe) && !found.link_is_closed) {
            return None;
        }
        let ((_, before), after) = self.moat.as_ref().zip(found.counts.as_ref())?;
        let seen = after.since(before, &probe.ask, source);
        Some(if self.is_beside(probe, source) { seen.if_refused() } else { seen })
    }

    fn source(&self, probe: &Probe) -> Option<SourceAddress> {
        self.sources.get(&probe.ask.whom).copied()
    }

    /// Could the probe's packets reach their target without a look of the moat's?
    fn is_beside(&self, probe: &Probe, source: Option<SourceAddress>) -> bool {
        self.is_in_one_subnet(probe, source).unwrap_or(true)
    }

    /// Is it about the host's end of its own link, which the host does not have? Docker 28 gives its host no address on
    /// an internal network.
    fn is_vacant(&self, probe: &Probe) -> bool {
        let ProbeTarget::Ip(to) = &probe.ask.whom else { return false };
        self.vacant.contains(to) && self.is_in_one_subnet(probe, self.source(probe)) == Some(true)
    }

    /// Does it begin and end in one subnet of the policy? `None` where that cannot be told.
    fn is_in_one_subnet(&self, probe: &Probe, source: Option<SourceAddress>) -> Option<bool> {
        let (Some(SourceAddress::Selected(source)), ProbeTarget::Ip(to)) = (source, &probe.ask.whom) else {
            return None;
        };
        let subnets = self.subnets.as_ref()?;
        Some(subnets.iter().any(|subnet| subnet.contains(&source) && subnet.contains(to)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_leaves_the_count_only_where_it_met_silence_and_the_kernel_has_no_route() {
        let (routed, no_route) = (Some(SourceAddress::Selected([172, 30, 1, 3].into())), Some(SourceAddress::NoRoute));
        assert!(is_left_out(true, no_route, false) && is_left_out(true, routed, true));
        for (silent, source) in [(true, routed), (true, None), (false, no_route), (false, routed)] {
            assert!(!is_left_out(silent, source, false), "{silent} {source:?}");
        }
        assert!(!is_left_out(false, routed, true), "somebody has it all the same");
    }
}
