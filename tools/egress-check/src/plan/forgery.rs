//! Packets in somebody else's name: may one be made at all? Does the moat let one in as an answer to what the host
//! asked?

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use policy::Policy;
use record::cellblock::{Expect, ProbeKind};

use super::draft::Draft;
use super::{Post, internet};
use crate::host::Surroundings;
use crate::probe::Probe;
use crate::probe::question::{Ask, ProbeTarget};

/// Whose answer is forged: a resolver's over QUIC (RFC 9250). Few machines serve that themselves, so the
/// control can take the port for its own forgery.
const PORT: u16 = 853;

/// Raw sockets of both families, and an answer in the name of a resolver that the host may have asked.
pub(super) fn probes(draft: &mut Draft<'_>, policy: &Policy, around: &Surroundings, post: Post<'_>) {
    let unspecified = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
    for (ip, family) in unspecified.into_iter().zip(["ipv4", "ipv6"]) {
        let ask = Ask::new(ProbeKind::Raw, ProbeTarget::Ip(ip), 0);
        let gain = "Makes any packet, in anybody's name.";
        draft.add(Probe::new(format!("raw.{family}"), Expect::Blocked, ask, gain));
    }
    if post.network.is_none() {
        return;
    }
    let owners = internet::resolvers(policy).into_iter().take(1);
    for ip in owners.chain(around.v6.then_some(IpAddr::V6(internet::QUAD9))) {
        let ask = Ask::new(ProbeKind::Forged, ProbeTarget::Ip(ip), PORT);
        let gain = "Answers what the machine asked of somebody else, its resolver first.";
        draft.add(Probe::new(format!("forged.{ip}"), Expect::Blocked, ask, gain));
    }
}
