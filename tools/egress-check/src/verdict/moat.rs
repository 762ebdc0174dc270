//! What the moat counted of this run's own packets. Where nobody answers, inside or outside, silence alone says
//! nothing; it does when the moat refused and counted the very flow of a probe. So it does when it counted none.
//!
//! The counts are `netguard denied`'s, read as the lines that it prints: once before the probes, once behind them.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use policy::PolicyArgs;
use record::cellblock::ProbeKind;
use record::{Action, Lines, Record};

use crate::probe::line::transport;
use crate::probe::question::{Ask, ProbeTarget};
use crate::wire::source_address::SourceAddress;

/// Source, destination, transport, port.
type Flow = (IpAddr, IpAddr, String, Option<u16>);

/// `netguard`, and the policy that it reads.
#[derive(Debug)]
pub(crate) struct Moat {
    program: PathBuf,
    policy: PolicyArgs,
}

/// What was counted at one time.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Counts {
    flows: BTreeMap<Flow, u64>,
    /// Packets that were refused and not counted one by one, and sets that are full.
    blind: u64,
}

/// What the moat shows of a probe, or the gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Witness {
    /// It refused so many packets of this very flow while the run lasted.
    Refused(u64),
    /// It refused none, and would have counted them.
    Nothing,
    /// The gate's own log has this request among those that it refused.
    RefusedByGate,
    /// It could have missed them, or the probe has no flow of its own.
    Blind,
}

impl Witness {
    /// The same where packets may pass no moat: then only a refusal says anything.
    pub(crate) fn if_refused(self) -> Self {
        if self == Self::Nothing { Self::Blind } else { self }
    }
}

impl Moat {
    /// Beside this program, else on the path.
    ///
    /// # Errors
    /// If the kernel does not tell where this program lies.
    pub(crate) fn find(policy: &PolicyArgs) -> Result<Self> {
        let own = std::env::current_exe().context("this program's own place cannot be told")?;
        let beside = own.with_file_name("netguard");
        let program = if beside.is_file() { beside } else { PathBuf::from("netguard") };
        Ok(Self { program, policy: policy.clone() })
    }

    /// Asks once.
    ///
    /// # Errors
    /// If `netguard denied` cannot be run, fails, or prints what is no record.
    pub(crate) fn counts(&self) -> Result<Counts> {
        let told = || format!("{} denied", self.program.display());
        let mut child = self.asks("denied").stdout(Stdio::piped()).spawn().with_context(told)?;
        let lines = child.stdout.take().with_context(told)?;
        let mut counts = Counts::default();
        for line in Lines::new(BufReader::new(lines)) {
            counts.take(&line.with_context(told)?.record);
        }
        ensure!(child.wait().with_context(told)?.success(), "{} failed: is there a moat?", told());
        Ok(counts)
    }

    /// Does it hold as a whole, with no port or device on its bridges that leads past it? A frame for a group goes to all
    /// that are on a link. So a count of the moat's speaks for the link only then. No, too, where nobody can tell.
    pub(crate) fn holds(&self) -> bool {
        self.asks("verify").arg("--look").stdout(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    fn asks(&self, subcommand: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args([subcommand, "--format", "jsonl"]).stdin(Stdio::null());
        for (flag, path) in [("--policy", &self.policy.policy), ("--root", &self.policy.root)] {
            if let Some(path) = path {
                command.arg(flag).arg(path);
            }
        }
        command
    }
}

impl Counts {
    fn take(&mut self, record: &Record) {
        let packets = record.source.as_ref().and_then(|source| source.packets).unwrap_or(1);
        if record.event.action == Action::FlowsUnrecorded.name() {
            self.blind += packets.max(1);
        }
        let flow = || {
            let (source, destination) = (record.source.as_ref()?, record.destination.as_ref()?);
            let transport = record.network.as_ref()?.transport.clone()?;
            Some((source.ip?, destination.ip?, transport, destination.port))
        };
        if record.event.action == Action::FlowDenied.name()
            && let Some(flow) = flow()
        {
            *self.flows.entry(flow).or_default() += packets;
        }
    }

    /// What became of a probe's flow since `before`.
    pub(crate) fn since(&self, before: &Self, ask: &Ask, source: Option<SourceAddress>) -> Witness {
        let (Some(SourceAddress::Selected(source)), Some((destination, transport, port))) = (source, flow(ask)) else {
            return Witness::Blind;
        };
        let flow = (source, destination, transport.to_owned(), port);
        let count = |counts: &Self| counts.flows.get(&flow).copied().unwrap_or_default();
        match count(self).saturating_sub(count(before)) {
            0 if self.blind != before.blind => Witness::Blind,
            // Where nobody has the address on the link, an echo request is never sent, and no error says so.
            0 if ask.kind == ProbeKind::Icmp => Witness::Blind,
            0 => Witness::Nothing,
            packets => Witness::Refused(packets),
        }
    }
}

/// Has a question a flow of its own, which the moat could count?
pub(crate) fn has_flow(ask: &Ask) -> bool {
    flow(ask).is_some()
}

/// The flow of a question to one address, as far as its kind has one of its own.
fn flow(ask: &Ask) -> Option<(IpAddr, &'static str, Option<u16>)> {
    let (ProbeTarget::Ip(destination) | ProbeTarget::OnLink(destination, _)) = ask.whom else { return None };
    let port = match ask.kind {
        ProbeKind::Tcp
        | ProbeKind::Http
        | ProbeKind::Https
        | ProbeKind::Ws
        | ProbeKind::Wss
        | ProbeKind::Tls
        | ProbeKind::DnsTcp
        | ProbeKind::Dot
        | ProbeKind::Doh
        | ProbeKind::Udp
        | ProbeKind::Dns
        | ProbeKind::Quic => Some(ask.port),
        ProbeKind::Icmp => None,
        _ => return None,
    };
    Some((destination, transport(ask)?, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::fields::{Endpoint, Network};
    use record::{Provider, Record};

    fn denied(destination: &str, port: u16, packets: u64) -> Record {
        let mut record = Record::new(Provider::Netguard, Action::FlowDenied, "m");
        record.source = Some(Endpoint { packets: Some(packets), ..Endpoint::ip([172, 30, 1, 3].into()) });
        record.destination = Some(Endpoint { port: Some(port), ..Endpoint::ip(destination.parse().unwrap()) });
        record.network = Some(Network { transport: Some("tcp".to_owned()), ..Network::default() });
        record
    }

    fn counts(records: &[Record]) -> Counts {
        let mut counts = Counts::default();
        records.iter().for_each(|record| counts.take(record));
        counts
    }

    #[test]
    fn only_the_probe_s_own_flow_that_rose_shows_that_it_was_refused() {
        let ask = Ask::new(ProbeKind::Tcp, ProbeTarget::Ip([192, 0, 2, 1].into()), 80);
        let source = Some(SourceAddress::Selected([172, 30, 1, 3].into()));
        let before = counts(&[denied("192.0.2.1", 80, 3)]);
        let seen = |after: &[Record]| counts(after).since(&before, &ask, source);
        assert_eq!(seen(&[denied("192.0.2.1", 80, 5)]), Witness::Refused(2));
        assert_eq!(seen(&[denied("192.0.2.1", 80, 3), denied("192.0.2.1", 443, 9)]), Witness::Nothing);
        let other = Some(SourceAddress::Selected([172, 30, 1, 9].into()));
        assert_eq!(counts(&[denied("192.0.2.1", 80, 5)]).since(&before, &ask, other), Witness::Nothing, "another's");
        assert_eq!(counts(&[]).since(&before, &ask, None), Witness::Blind);
    }

    #[test]
    fn an_echo_request_is_a_flow_without_ports_in_either_family() {
        for (target, name) in [("192.0.2.1", "icmp"), ("2001:db8::1", "ipv6-icmp")] {
            let ask = Ask::new(ProbeKind::Icmp, ProbeTarget::Ip(target.parse().unwrap()), 0);
            let source = Some(SourceAddress::Selected([172, 30, 1, 3].into()));
            let mut echo = denied(target, 0, 2);
            echo.destination.as_mut().unwrap().port = None;
            echo.network.as_mut().unwrap().transport = Some(name.to_owned());
            assert_eq!(counts(&[echo]).since(&Counts::default(), &ask, source), Witness::Refused(2), "{name}");
            assert_eq!(
                counts(&[denied(target, 0, 2)]).since(&Counts::default(), &ask, source),
                Witness::Blind,
                "no echo"
            );
        }
    }

    #[test]
    fn a_group_on_a_link_is_a_flow_from_the_link_s_own_address() {
        let ask = Ask::new(ProbeKind::Udp, ProbeTarget::read("224.0.0.251%eth0"), 5353);
        let mut group = denied("224.0.0.251", 5353, 8);
        group.network.as_mut().unwrap().transport = Some("udp".to_owned());
        let source = Some(SourceAddress::Selected([172, 30, 1, 3].into()));
        assert_eq!(counts(&[group]).since(&Counts::default(), &ask, source), Witness::Refused(8));
        assert_eq!(counts(&[]).since(&Counts::default(), &ask, source), Witness::Nothing);
    }

    #[test]
    fn a_moat_that_no_longer_counts_each_flow_shows_nothing() {
        let ask = Ask::new(ProbeKind::Tcp, ProbeTarget::Ip([192, 0, 2, 1].into()), 80);
        let full = Record::new(Provider::Netguard, Action::FlowsUnrecorded, "m");
        let source = Some(SourceAddress::Selected([172, 30, 1, 3].into()));
        assert_eq!(counts(&[full]).since(&Counts::default(), &ask, source), Witness::Blind);
        let named = Ask::new(ProbeKind::Tcp, ProbeTarget::Name("example.com".to_owned()), 80);
        assert_eq!(Counts::default().since(&Counts::default(), &named, source), Witness::Blind);
    }
}
