//! Judges results as they come, and last of all those that something else has to say of: a resolver's log, the moat.

pub(crate) mod dns_log;

use std::collections::BTreeMap;
use std::net::IpAddr;

use anyhow::Result;
use ipnet::IpNet;
use tool::{Exit, Writer};

use crate::evaluation::dns_log::DnsLog;
use crate::inspect::Observations;
use crate::probe::Probe;
use crate::probe::question::ProbeTarget;
use crate::report;
use crate::verdict::Circumstances;
use crate::verdict::moat::{Counts, Moat, Origin};

/// The evaluation of a run: what its results are held against, and where they go.
pub(crate) struct Evaluation<'a> {
    pub(crate) writer: Writer,
    /// The log of a resolver outside, which shows whether a name left.
    pub(crate) log: Option<DnsLog>,
    /// The moat, and what it had counted before the first probe.
    pub(crate) moat: Option<(Moat, Counts)>,
    /// Where a packet to each address starts.
    pub(crate) origins: BTreeMap<IpAddr, Origin>,
    /// The subnets of the policy, where there is one: within one of them packets pass no moat.
    pub(crate) subnets: Option<Vec<IpNet>>,
    /// May who is inspected bend what is seen?
    pub(crate) can_alter_network: bool,
    /// What is judged when all have been asked.
    pub(crate) later: Vec<(&'a Probe, Observations)>,
}

/// Only silence counts for nothing, and only where the kernel says that nothing was ever sent.
fn is_left_out(silent: bool, origin: Option<Origin>) -> bool {
    silent && origin == Some(Origin::NoRoute)
}

impl<'a> Evaluation<'a> {
    /// Judges one result, or puts it aside until all that concerns it is there.
    ///
    /// # Errors
    /// If the record cannot be written.
    pub(crate) fn take(&mut self, probe: &'a Probe, observations: Observations) -> Result<()> {
        let logged = self.log.is_some() && observations.name.is_some();
        if is_left_out(report::is_silent(probe, &observations), self.origin(probe)) {
            return self.writer.write(&report::left_out(probe));
        }
        let counted = self.moat.is_some() && report::is_counted(probe, &observations);
        if logged || counted {
            self.later.push((probe, observations));
            return Ok(());
        }
        let around = Circumstances { can_alter_network: self.can_alter_network, ..Circumstances::default() };
        self.writer.check(&report::evaluated(probe, &observations, around))
    }

    /// Judges what was put aside, and ends the run.
    ///
    /// # Errors
    /// If the log or the moat cannot be asked, or the records cannot be written.
    pub(crate) fn finish(mut self) -> Result<Exit> {
        let after = self.moat.as_ref().map(|(moat, _)| moat.counts()).transpose()?;
        let named =
            self.later.iter().map(|(_, observations)| observations).filter(|observations| observations.name.is_some());
        let traces = self.log.as_mut().map(|log| log.traces(named)).transpose()?;
        for (probe, observations) in &self.later {
            let trace = traces.as_ref().filter(|_| observations.name.is_some()).map(|traces| traces.of(observations));
            let origin = self.origin(probe);
            let counted = self.moat.as_ref().zip(after.as_ref()).filter(|_| report::is_counted(probe, observations));
            let witness = counted.map(|((_, before), after)| after.since(before, &probe.ask, origin));
            let witness = witness.map(|seen| if self.is_beside(probe, origin) { seen.if_refused() } else { seen });
            let around = Circumstances { trace, witness, can_alter_network: self.can_alter_network };
            self.writer.check(&report::evaluated(probe, observations, around))?;
        }
        self.writer.finish()
    }

    fn origin(&self, probe: &Probe) -> Option<Origin> {
        match &probe.ask.whom {
            ProbeTarget::Ip(address) => self.origins.get(address).copied(),
            _ => None,
        }
    }

    /// Could the probe's packets reach their target without a look of the moat's?
    fn is_beside(&self, probe: &Probe, origin: Option<Origin>) -> bool {
        let (Some(subnets), Some(Origin::From(source)), ProbeTarget::Ip(to)) = (&self.subnets, origin, &probe.ask.whom)
        else {
            return true;
        };
        subnets.iter().any(|subnet| subnet.contains(&source) && subnet.contains(to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_leaves_the_count_only_where_it_met_silence_and_the_kernel_has_no_route() {
        let routed = Some(Origin::From([172, 30, 1, 3].into()));
        assert!(is_left_out(true, Some(Origin::NoRoute)));
        for (silent, origin) in [(true, routed), (true, None), (false, Some(Origin::NoRoute)), (false, routed)] {
            assert!(!is_left_out(silent, origin), "{silent} {origin:?}");
        }
    }
}
