//! Findings on members of one bridge. What one member's frames say to another never reaches the host, so no rule of the
//! moat sees it. Whoever may write frames can answer ARP and neighbour discovery in another's name.

use policy::Network;

use super::facts::{DockerContainer, Engine, Fact, Facts};
use super::{About, Bypass, Finding, engine};
use record::Outcome;

/// `CAP_NET_ADMIN` and `CAP_NET_RAW` (capabilities(7)): to take an address, or to write frames.
const FORGING: u64 = 1 << 12 | 1 << 13;

/// Whether members of a network can pose as each other, and whether Docker's rule between them is asked.
pub(crate) fn check(network: &Network, facts: &Facts) -> Vec<Finding> {
    let about = || About::Network(network.name.to_string());
    let bridge = network.bridge.as_str();
    match facts.link(bridge) {
        Err(why) => [Bypass::NeighboursPose, Bypass::BridgeNetfilter]
            .map(|bypass| Finding::new(bypass, about(), Outcome::Unknown, why.as_str()))
            .to_vec(),
        Ok(None) => Vec::new(),
        Ok(Some(_)) => vec![
            Finding::from(Bypass::NeighboursPose, about(), pose(bridge, facts)),
            Finding::from(Bypass::BridgeNetfilter, about(), netfilter(bridge, facts)),
        ],
    }
}

fn pose(bridge: &str, facts: &Facts) -> Fact<(bool, String)> {
    let ports = facts.ports(bridge)?;
    let isolated = ports.iter().filter(|port| port.isolated).count();
    if ports.len() < 2 {
        return Ok((false, format!("{bridge} has {} members", ports.len())));
    }
    if isolated == ports.len() {
        return Ok((false, format!("all {isolated} ports of {bridge} are isolated from each other")));
    }
    let engine = facts.engine.as_ref().map_err(Clone::clone)?;
    if !icc(bridge, engine) && asked(bridge, facts)? {
        return Ok((
            false,
            format!("enable_icc=false keeps {} members apart, and bridge-netfilter is on", ports.len()),
        ));
    }
    let members = engine::members(bridge, engine);
    let owners = members.iter().filter(|member| member.guest_of.is_none()).count();
    let known = |member: &&&DockerContainer| member.bounding.as_ref().is_ok_and(|bounding| bounding & FORGING != 0);
    let forgers: Vec<&str> = members.iter().filter(known).map(|member| member.name.as_str()).collect();
    if !forgers.is_empty() {
        return Ok((true, format!("{} on {bridge} may write frames (NET_RAW or NET_ADMIN)", forgers.join(", "))));
    }
    if let Some((member, why)) = members.iter().find_map(|member| Some((member, member.bounding.as_ref().err()?))) {
        return Err(format!("what {} may do is not known: {why}", member.name));
    }
    if owners < ports.len() {
        return Err(format!("{bridge} has {} ports, and Docker knows of {owners} members", ports.len()));
    }
    Ok((false, format!("none of the {} members of {bridge} may write frames", members.len())))
}

/// Whether Docker lets members of the network on this bridge talk to each other.
fn icc(bridge: &str, engine: &Engine) -> bool {
    engine.networks.iter().find(|network| network.bridge.as_deref() == Some(bridge)).is_none_or(|network| network.icc)
}

/// Whether frames between two ports of the bridge meet the rules of both families.
fn asked(bridge: &str, facts: &Facts) -> Fact<bool> {
    let own = facts.link(bridge)?.map(|link| link.netfilter).unwrap_or_default();
    let everywhere = |word: &str| Ok::<_, String>(facts.setting(&format!("bridge.{word}"))?.is_some_and(|on| on != 0));
    Ok((own.0 || everywhere("bridge-nf-call-iptables")?) && (own.1 || everywhere("bridge-nf-call-ip6tables")?))
}

fn netfilter(bridge: &str, facts: &Facts) -> Fact<(bool, String)> {
    let engine = facts.engine.as_ref().map_err(Clone::clone)?;
    if icc(bridge, engine) {
        return Ok((false, "members of this network may talk to each other".to_owned()));
    }
    let asked = asked(bridge, facts)?;
    let state = if asked { "on" } else { "off" };
    Ok((!asked, format!("enable_icc=false on {bridge}, and bridge-netfilter is {state}")))
}

#[cfg(test)]
mod tests {
    use super::super::facts::tests::clean;
    use super::*;
    use crate::host::interfaces::Link;
    use crate::rules::plan::tests::shipped;

    const NET_RAW: u64 = 1 << 13;

    fn outcomes(facts: &Facts) -> [Outcome; 2] {
        let policy = shipped();
        let cell = policy.active_networks().find(|network| network.name.as_str() == "cell").unwrap();
        let findings = check(cell, facts);
        [findings[0].outcome, findings[1].outcome]
    }

    fn armed() -> Facts {
        let mut facts = clean();
        facts.engine.as_mut().unwrap().containers[1].bounding = Ok(NET_RAW);
        facts
    }

    fn ports(facts: &mut Facts) -> impl Iterator<Item = &mut Link> {
        facts.links.as_mut().unwrap().iter_mut().filter(|link| link.master == Some(10))
    }

    #[test]
    fn two_members_of_which_one_may_write_frames_can_pose_as_each_other() {
        assert_eq!(outcomes(&clean())[0], Outcome::Success);
        assert_eq!(outcomes(&armed())[0], Outcome::Failure);
        let mut guest = clean();
        let mut joined = super::super::facts::tests::container("cell", &[]);
        (joined.guest_of, joined.bounding) = (Some("id-vault".to_owned()), Ok(NET_RAW));
        guest.engine.as_mut().unwrap().containers.push(joined);
        assert_eq!(outcomes(&guest)[0], Outcome::Failure, "a guest writes frames on its owner's port");
    }

    #[test]
    fn one_member_alone_or_ports_that_are_all_isolated_are_no_finding_and_one_open_port_is() {
        let mut alone = armed();
        alone.links.as_mut().unwrap().retain(|link| link.name != "veth2");
        assert_eq!(outcomes(&alone)[0], Outcome::Success);
        let mut isolated = armed();
        ports(&mut isolated).for_each(|port| port.isolated = true);
        assert_eq!(outcomes(&isolated)[0], Outcome::Success);
        ports(&mut isolated).next().unwrap().isolated = false;
        assert_eq!(outcomes(&isolated)[0], Outcome::Failure);
    }

    #[test]
    fn members_that_docker_keeps_apart_are_apart_only_where_frames_meet_its_rule() {
        let mut apart = armed();
        apart.engine.as_mut().unwrap().networks[0].icc = false;
        assert_eq!(outcomes(&apart), [Outcome::Failure, Outcome::Failure]);
        for word in ["bridge.bridge-nf-call-iptables", "bridge.bridge-nf-call-ip6tables"] {
            apart.settings.insert(word.to_owned(), Ok(Some(1)));
        }
        assert_eq!(outcomes(&apart), [Outcome::Success, Outcome::Success]);
        apart.settings.insert("bridge.bridge-nf-call-ip6tables".to_owned(), Ok(None));
        assert_eq!(outcomes(&apart), [Outcome::Failure, Outcome::Failure]);
    }

    #[test]
    fn a_member_whose_capabilities_nobody_knows_and_a_port_that_docker_does_not_know_are_unknown() {
        let mut hidden = clean();
        hidden.engine.as_mut().unwrap().containers[1].bounding = Err("gone".to_owned());
        assert_eq!(outcomes(&hidden)[0], Outcome::Unknown);
        let mut podman = clean();
        podman.engine.as_mut().unwrap().containers.pop();
        assert_eq!(outcomes(&podman)[0], Outcome::Unknown);
    }
}
