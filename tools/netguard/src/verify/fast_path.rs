//! What the kernel holds for judged, held against the rules that should have judged it. A pair of addresses that
//! somebody else put there would pass where the rules refuse it.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context, Result};
use record::cellblock::MoatCondition as Condition;
use serde_json::Value;

use crate::rules::evaluate::{Fate, Packet, outward};
use crate::rules::plan::Plan;
use crate::rules::role::Role;
use crate::rules::table::{PAIR_LIFETIME, PREROUTING};

/// What the kernel holds for judged.
struct Pair {
    /// By name; by number where there is none of this number any more.
    interface: String,
    source: IpAddr,
    destination: IpAddr,
}

/// The first of the listed elements that the plan would not let through, or that outstays its judgement; and why.
///
/// # Errors
/// If an element is no pair, as libnftables-json(5) has it.
pub(crate) fn foreign_pair(plan: &Plan, elements: &[Value]) -> Result<Option<String>> {
    for element in elements {
        let pair = pair(element).with_context(|| format!("{element} is no pair of addresses"))?;
        let Pair { interface, source, destination } = &pair;
        if element.pointer("/elem/timeout").and_then(Value::as_u64).is_some_and(|seconds| seconds > PAIR_LIFETIME) {
            return Ok(Some(format!("{source} and {destination} were put there by hand, and stay")));
        }
        if !(gone(interface) || guarded(plan, interface) && passes(plan, &pair)) {
            return Ok(Some(format!("{source} may not reach {destination} from {interface}")));
        }
    }
    Ok(None)
}

/// An interface of a number that has no name: it was there some seconds ago, and no packet comes from it.
fn gone(interface: &str) -> bool {
    interface.bytes().all(|byte| byte.is_ascii_digit())
}

fn guarded(plan: &Plan, interface: &str) -> bool {
    plan.rules_of(PREROUTING).any(|rule| rule.when == [Condition::From(interface.to_owned())])
}

fn pair(element: &Value) -> Result<Pair> {
    let value = element.pointer("/elem/val").unwrap_or(element);
    let parts = value.get("concat").and_then(Value::as_array).context("no concatenation")?;
    let [interface, source, destination] = parts.as_slice() else { anyhow::bail!("not of three parts") };
    let interface = match interface {
        Value::String(name) => name.clone(),
        number => number.as_u64().context("no interface")?.to_string(),
    };
    Ok(Pair { interface, source: address(source)?, destination: address(destination)? })
}

/// As text, or as the number that nft makes of bits that have no name.
fn address(value: &Value) -> Result<IpAddr> {
    match value {
        Value::String(text) => Ok(text.parse()?),
        number => {
            let bits = number.as_u64().and_then(|bits| u32::try_from(bits).ok()).context("no address")?;
            Ok(Ipv4Addr::from(bits).into())
        }
    }
}

/// Only the last rule of a network remembers, so its packets met no hole and answered nobody. Any protocol that no hole
/// is made for stands for all.
fn passes(plan: &Plan, pair: &Pair) -> bool {
    let packet = Packet {
        from: &pair.interface,
        into: None,
        source: pair.source,
        destination: pair.destination,
        transport: "icmp",
        port: None,
        answer: false,
        own_source: false,
        own_destination: false,
    };
    matches!(outward(plan, &packet), Fate::Passes(rule) if rule.role == Role::Internet)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::plan::tests::plan;
    use serde_json::json;

    fn foreign(interface: &str, source: &str, destination: &str) -> Option<String> {
        let part = |text: &str| match text.parse() {
            Ok(IpAddr::V4(address)) => json!(u32::from(address)),
            _ => json!(text),
        };
        let elements =
            [json!({"elem": {"val": {"concat": [interface, part(source), part(destination)]}, "expires": 4}})];
        foreign_pair(&plan(), &elements).unwrap()
    }

    #[test]
    fn a_pair_that_the_rules_let_through_is_not_odd_and_any_other_is() {
        assert_eq!(foreign("br-cell", "172.30.1.3", "8.8.8.8"), None);
        assert_eq!(foreign("br-cell", "fd6c:6c62:1::3", "2606:4700::1"), None);
        for (interface, source, destination) in [
            ("br-cell", "172.30.1.3", "192.168.77.10"),
            ("br-cell", "172.30.1.3", "8.8.4.4"),
            ("br-cell", "172.30.1.3", "5.6.7.8"),
            ("br-cell", "172.30.1.3", "172.30.1.4"),
            ("br-cell", "10.0.0.1", "8.8.8.8"),
            ("br-cell", "fd6c:6c62:1::3", "2a0a:77::1"),
            ("br-egress", "172.30.1.3", "8.8.8.8"),
            ("br-monitor", "172.30.2.4", "8.8.8.8"),
            ("lan0", "192.168.77.10", "8.8.8.8"),
        ] {
            assert!(foreign(interface, source, destination).is_some(), "{interface} {source} {destination}");
        }
    }

    #[test]
    fn a_pair_of_an_interface_that_is_gone_is_not_odd_unless_it_stays() {
        assert_eq!(foreign("17", "172.30.1.3", "192.168.77.10"), None);
        let stays = json!({"elem": {"val": {"concat": [17, 1, 2]}, "timeout": 3600, "expires": 3000}});
        assert!(foreign_pair(&plan(), &[stays]).unwrap().is_some());
    }

    #[test]
    fn a_pair_that_never_expires_and_what_is_no_pair_do_not_pass() {
        let concat = json!(["br-cell", "172.30.1.3", "8.8.8.8"]);
        let stays = json!({"elem": {"val": {"concat": concat}, "timeout": 86400, "expires": 86000}});
        assert!(foreign_pair(&plan(), &[stays]).unwrap().is_some());
        let short = json!({"concat": ["8.8.8.8", "8.8.4.4"]});
        for element in [json!("8.8.8.8"), short, json!({"concat": ["br-cell", "172.30.1.3", 1_u64 << 32]})] {
            assert!(foreign_pair(&plan(), &[element]).is_err());
        }
    }
}
