//! A probe: a question, what must come of it, and what an attacker would gain.

pub(crate) mod label;
pub mod line;
pub(crate) mod observation;
pub(crate) mod question;

use std::time::Duration;

use record::cellblock::{Evidence, Expect, ProbeControl, ProbeKind};

use crate::probe::question::{Ask, ProbeTarget, Question, Request};

/// One try to get out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Stable from run to run, and unique in a plan: `cell.lan.192.168.1.1.icmp`.
    pub(crate) id: String,
    /// The container it must be made in; any where it is absent.
    pub(crate) container: Option<String>,
    /// The network of the policy that it leaves by.
    pub(crate) network: Option<String>,
    /// What is sent, and to whom.
    pub(crate) ask: Ask,
    /// What must come of it.
    pub(crate) expect: Expect,
    /// What counts as reaching the target.
    pub(crate) evidence: Evidence,
    /// What an attacker would gain, or what the cell would lose: one sentence.
    pub(crate) gain: String,
    /// How long to wait; the run's own where it is absent.
    pub(crate) timeout: Option<Duration>,
    /// What the control asks instead.
    pub(crate) control: Option<ProbeControl>,
}

impl Probe {
    /// A probe that must come to nothing, or must get through; the rest is set by the methods below.
    pub(crate) fn new(id: impl Into<String>, expect: Expect, ask: Ask, gain: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            container: None,
            network: None,
            ask,
            expect,
            evidence: Evidence::Target,
            gain: gain.into(),
            timeout: None,
            control: None,
        }
    }

    /// Sets what counts as reaching the target.
    pub(crate) fn evidence(mut self, evidence: Evidence) -> Self {
        self.evidence = evidence;
        self
    }

    /// Sets what the control asks instead.
    pub(crate) fn control(mut self, kind: ProbeKind, address: &str, port: u16) -> Self {
        self.control = Some(ProbeControl { kind, address: address.to_owned(), port });
        self
    }

    /// What is asked outside: the same, or what `control` says of it.
    pub(crate) fn control_ask(&self) -> Ask {
        let mut ask = self.ask.clone();
        if let Some(control) = &self.control {
            ask.kind = control.kind;
            ask.whom = ProbeTarget::read(&control.address);
            ask.port = control.port;
        }
        ask
    }
}

/// A question over HTTP; where `kind` takes TLS, `host` is its server name too.
pub(crate) fn http(kind: ProbeKind, whom: ProbeTarget, port: u16, method: &str, host: &str, path: &str) -> Ask {
    let mut ask = Ask::new(kind, whom, port);
    ask.request = Some(Request { method: method.to_owned(), host: host.to_owned(), path: path.to_owned() });
    if matches!(kind, ProbeKind::Https | ProbeKind::Wss) {
        ask.sni = Some(host.to_owned());
    }
    ask
}

/// A TLS handshake for a name.
pub(crate) fn tls(whom: ProbeTarget, port: u16, sni: &str) -> Ask {
    let mut ask = Ask::new(ProbeKind::Tls, whom, port);
    ask.sni = Some(sni.to_owned());
    ask
}

/// A DNS question for an address of a name.
pub(crate) fn dns(kind: ProbeKind, whom: ProbeTarget, name: &str, unique: bool) -> Ask {
    let port = match kind {
        ProbeKind::Dot => 853,
        ProbeKind::Doh => 443,
        _ => 53,
    };
    let mut ask = Ask::new(kind, whom, port);
    ask.question = Some(Question { name: name.to_owned(), kind: "A".to_owned(), unique });
    ask
}
