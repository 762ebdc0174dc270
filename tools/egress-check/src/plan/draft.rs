//! A plan in the making: gives each probe its vantage, and an id that stands once.

use std::collections::BTreeSet;
use std::net::IpAddr;

use record::cellblock::{Expect, ProbeKind};

use super::Post;
use crate::probe::Probe;
use crate::probe::question::{Ask, ProbeTarget};

/// The probes of one vantage, in the making.
pub(super) struct Draft<'a> {
    post: Post<'a>,
    ids: BTreeSet<String>,
    probes: Vec<Probe>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(post: Post<'a>) -> Self {
        Self { post, ids: BTreeSet::new(), probes: Vec::new() }
    }

    /// Takes a probe. What has the same id asks the same, and is left out.
    pub(super) fn add(&mut self, mut probe: Probe) {
        probe.id = format!("{}.{}", self.post.container, probe.id);
        if self.ids.insert(probe.id.clone()) {
            probe.container = Some(self.post.container.to_owned());
            probe.network = self.post.network.map(|network| network.name.to_string());
            self.probes.push(probe);
        }
    }

    /// Takes an ICMP probe of an address that must not answer.
    pub(super) fn no_echo(&mut self, group: &str, ip: IpAddr, gain: &str) {
        let ask = Ask::new(ProbeKind::Icmp, ProbeTarget::Ip(ip), 0);
        self.add(Probe::new(format!("{group}.{ip}.icmp"), Expect::Blocked, ask, gain));
    }

    /// Takes a probe of a port of an address that must not answer.
    pub(super) fn no_port(&mut self, group: &str, kind: ProbeKind, ip: IpAddr, port: u16, gain: &str) {
        let ask = Ask::new(kind, ProbeTarget::Ip(ip), port);
        let id = format!("{group}.{ip}.{}.{port}", crate::probe::question::kind_name(kind));
        self.add(Probe::new(id, Expect::Blocked, ask, gain));
    }

    pub(super) fn done(self) -> Vec<Probe> {
        self.probes
    }
}
