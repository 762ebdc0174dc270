//! What the kernel holds for judged, held against the rules that should have judged it: a pair of addresses
//! that somebody else put there would pass where the rules refuse it.

use std::net::IpAddr;

use anyhow::{Context, Result};
use record::cellblock::{MoatCondition as Condition, MoatVerdict as Verdict};
use serde_json::Value;

use crate::plan::Plan;
use crate::table::{JUDGED, PREROUTING, Pairs};
use crate::verdict::{Fate, Packet, outward};

/// The first of the listed elements that the plan would not let through, or that stays for longer than one
/// judgement holds; and why.
///
/// # Errors
/// If an element is no pair of addresses, as libnftables-json(5) has it.
pub(crate) fn odd(plan: &Plan, pairs: &Pairs, elements: &[Value]) -> Result<Option<String>> {
    let Some(bridge) = bridge(plan, pairs) else { return Ok(None) };
    for element in elements {
        let (source, destination) = pair(element).with_context(|| format!("{element} is no pair of addresses"))?;
        if !passes(plan, bridge, source, destination) {
            return Ok(Some(format!("{source} may not reach {destination}")));
        }
        if element.pointer("/elem/timeout").and_then(Value::as_u64).is_some_and(|seconds| seconds > JUDGED) {
            return Ok(Some(format!("{source} and {destination} were put there by hand, and stay")));
        }
    }
    Ok(None)
}

fn bridge<'a>(plan: &'a Plan, pairs: &Pairs) -> Option<&'a str> {
    let target = format!("net-{}", pairs.network);
    plan.rules_of(PREROUTING).find_map(|rule| match (rule.when.as_slice(), &rule.verdict) {
        ([Condition::From(bridge)], Verdict::Goto(chain)) if *chain == target => Some(bridge.as_str()),
        _ => None,
    })
}

fn pair(element: &Value) -> Result<(IpAddr, IpAddr)> {
    let value = element.pointer("/elem/val").unwrap_or(element);
    let ends = value.get("concat").and_then(Value::as_array).context("no concatenation")?;
    let [source, destination] = ends.as_slice() else { anyhow::bail!("not of two parts") };
    let address = |end: &Value| -> Result<IpAddr> { Ok(end.as_str().context("no address")?.parse()?) };
    Ok((address(source)?, address(destination)?))
}

/// Only the last rule of a network remembers, so its packets met no hole and answered nobody: any protocol
/// that no hole is made for stands for all.
fn passes(plan: &Plan, from: &str, source: IpAddr, destination: IpAddr) -> bool {
    let packet = Packet {
        from,
        into: None,
        source,
        destination,
        transport: "icmp",
        port: None,
        answer: false,
        own_source: false,
        own_destination: false,
    };
    matches!(outward(plan, &packet), Fate::Passes(rule) if rule.id.ends_with("/internet"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::plan;
    use serde_json::json;

    fn told(source: &str, destination: &str) -> Option<String> {
        let elements = [json!({"elem": {"val": {"concat": [source, destination]}, "expires": 4}})];
        let family = if source.contains(':') { "judged6-cell" } else { "judged4-cell" };
        odd(&plan(), &Pairs::named(family).unwrap(), &elements).unwrap()
    }

    #[test]
    fn a_pair_that_the_rules_let_through_is_not_odd_and_any_other_is() {
        assert_eq!(told("172.30.1.3", "8.8.8.8"), None);
        assert_eq!(told("fd6c:6c62:1::3", "2606:4700::1"), None);
        for (source, destination) in [
            ("172.30.1.3", "192.168.77.10"),
            ("172.30.1.3", "8.8.4.4"),
            ("172.30.1.3", "5.6.7.8"),
            ("172.30.1.3", "172.30.1.4"),
            ("10.0.0.1", "8.8.8.8"),
            ("fd6c:6c62:1::3", "2a0a:77::1"),
        ] {
            assert!(told(source, destination).is_some(), "{source} {destination}");
        }
    }

    #[test]
    fn a_pair_that_never_expires_and_what_is_no_pair_do_not_pass() {
        let pairs = Pairs::named("judged4-cell").unwrap();
        let stays = json!({"elem": {"val": {"concat": ["172.30.1.3", "8.8.8.8"]}, "timeout": 86400, "expires": 86000}});
        assert!(odd(&plan(), &pairs, &[stays]).unwrap().is_some());
        for element in [json!("8.8.8.8"), json!({"concat": ["8.8.8.8"]}), json!({"concat": ["172.30.1.3", 7]})] {
            assert!(odd(&plan(), &pairs, &[element]).is_err());
        }
    }
}
