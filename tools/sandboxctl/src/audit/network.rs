//! The networks: the moat stands on their bridges' names and subnets.

use std::collections::BTreeSet;

use engine::Families;
use engine::models::NetworkInspect;
use policy::{Network, Policy, Service};
use record::Severity::{Critical, High};

use super::control::{Control, Verdict, listed};

const REMAKE: &str = "scripts/down, then scripts/up: it makes the network anew";

/// The controls that this file decides.
pub(crate) const ALL: &[Control<Subject>] = &[
    Control::new("cellblock-network-present", "exists", High, "scripts/up", present),
    Control::new("cellblock-network-bridge", "has the bridge that the moat guards", Critical, REMAKE, bridge),
    Control::new(
        "cellblock-network-subnets",
        "has the subnets that the moat guards, in every family that the kernel has",
        Critical,
        REMAKE,
        subnets,
    ),
    Control::new("cellblock-network-internal", "is internal if the policy says so", Critical, REMAKE, internal),
    Control::new("cellblock-network-masquerade", "hides sources only if the policy says so", High, REMAKE, masquerade),
    Control::new(
        "cellblock-network-members",
        "has no member that the policy does not put there",
        Critical,
        "docker network disconnect -f NETWORK CONTAINER",
        members,
    ),
];

/// A network of the policy beside what the engine has: the answer, nothing, or why there is no answer.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    bridge: String,
    subnets: BTreeSet<String>,
    v6: bool,
    internal: bool,
    masquerade: bool,
    members: BTreeSet<String>,
    found: Result<Option<NetworkInspect>, String>,
}

impl Subject {
    /// Puts the two beside each other.
    pub(crate) fn of(
        policy: &Policy,
        network: &Network,
        families: Families,
        found: Option<&Result<Option<NetworkInspect>, String>>,
    ) -> Self {
        let guests = |service: &Service| *service != Service::Cell;
        Self {
            bridge: network.bridge.to_string(),
            subnets: families.each(network.v4.to_string(), network.v6.to_string()).into_iter().collect(),
            v6: families.has_v6(),
            internal: network.internal,
            masquerade: network.masquerade,
            members: network
                .members
                .iter()
                .copied()
                .filter(guests)
                .map(|service| policy.container(service).to_owned())
                .collect(),
            found: found.cloned().unwrap_or_else(|| Err("the engine was not asked".to_owned())),
        }
    }

    /// A control of a network that exists.
    fn judge(&self, judge: impl FnOnce(&NetworkInspect) -> Verdict) -> Verdict {
        match &self.found {
            Ok(Some(network)) => judge(network),
            Ok(None) => Verdict::NotApplicable,
            Err(why) => Verdict::untold(why),
        }
    }
}

fn option<'a>(network: &'a NetworkInspect, name: &str) -> Option<&'a String> {
    network.options.as_ref()?.get(&format!("com.docker.network.bridge.{name}"))
}

fn present(subject: &Subject) -> Verdict {
    match &subject.found {
        Ok(found) => Verdict::when(found.is_some(), "a network", if found.is_some() { "a network" } else { "none" }),
        Err(why) => Verdict::untold(why),
    }
}

fn bridge(subject: &Subject) -> Verdict {
    subject.judge(|network| match (network.driver.as_deref(), option(network, "name")) {
        (Some("bridge"), Some(name)) => Verdict::same(&subject.bridge, name),
        (Some("bridge"), None) => Verdict::differs(&subject.bridge, "a name of Docker's choice"),
        (Some(driver), _) => Verdict::differs("a bridge", driver),
        (None, _) => Verdict::untold("the engine did not tell the driver"),
    })
}

fn subnets(subject: &Subject) -> Verdict {
    subject.judge(|network| {
        let Some(config) = network.ipam.as_ref().and_then(|ipam| ipam.config.as_ref()) else {
            return Verdict::untold("the engine did not tell the subnets");
        };
        let found: BTreeSet<String> = config.iter().filter_map(|pool| pool.subnet.clone()).collect();
        let alike = network.enable_ipv6.unwrap_or(false) == subject.v6;
        let note = match (alike, subject.v6) {
            (true, _) => "",
            (false, true) => ", IPv6 not enabled",
            (false, false) => ", IPv6 enabled on a kernel that has none",
        };
        Verdict::when(found == subject.subnets && alike, listed(&subject.subnets), listed(&found) + note)
    })
}

fn internal(subject: &Subject) -> Verdict {
    let word = |internal| if internal { "internal" } else { "not internal" };
    subject.judge(|network| match network.internal {
        Some(found) => Verdict::same(&word(subject.internal), &word(found)),
        None => Verdict::untold("the engine did not tell whether it is internal"),
    })
}

/// Docker hides sources unless told not to.
fn masquerade(subject: &Subject) -> Verdict {
    let word = |hides| if hides { "masquerade" } else { "no masquerade" };
    subject.judge(|network| {
        let found = option(network, "enable_ip_masquerade").is_none_or(|value| value != "false");
        Verdict::same(&word(subject.masquerade), &word(found))
    })
}

fn members(subject: &Subject) -> Verdict {
    subject.judge(|network| {
        let Some(containers) = &network.containers else {
            return Verdict::untold("the engine did not tell the members");
        };
        let found: BTreeSet<String> =
            containers.iter().map(|(id, member)| member.name.clone().unwrap_or_else(|| id.clone())).collect();
        let strangers: Vec<&String> = found.difference(&subject.members).collect();
        Verdict::when(strangers.is_empty(), format!("at most: {}", listed(&subject.members)), listed(&found))
    })
}
