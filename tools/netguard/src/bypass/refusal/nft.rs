//! Rules as `nft -j` prints them: libnftables-json(5).

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde_json::Value;

use super::{Chain, Chains, HOOKS, Packet, Rule, Verdict, both};

/// Statements that decide nothing and ask for nothing.
const NEUTRAL: [&str; 9] = ["counter", "log", "mangle", "set", "notrack", "comment", "ct helper", "flow", "masquerade"];

/// The chains of a table, and which of their rules the packet meets.
///
/// # Errors
/// If the text is no JSON of nft's.
pub(super) fn chains(text: &str, packet: &Packet<'_>) -> Result<Chains, String> {
    let whole: Value = serde_json::from_str(text).map_err(|error| format!("nft printed no table: {error}"))?;
    let items = whole.get("nftables").and_then(Value::as_array).ok_or("nft printed no table")?;
    let mut chains = Chains::new();
    for item in items {
        if let Some(chain) = item.get("chain") {
            let hooked = HOOKS.contains(&word(chain, "hook"));
            chains.insert(
                word(chain, "name").to_owned(),
                Chain { hooked, drops: word(chain, "policy") == "drop", rules: Vec::new() },
            );
        } else if let Some(found) = item.get("rule") {
            let chain = word(found, "chain");
            let rule = rule(found, chain, packet);
            chains.get_mut(chain).ok_or_else(|| format!("nft printed a rule in no chain {chain}"))?.rules.push(rule);
        }
    }
    Ok(chains)
}

fn word<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn rule(found: &Value, chain: &str, packet: &Packet<'_>) -> Rule {
    let statements = found.get("expr").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let said: Vec<String> = statements.iter().map(Value::to_string).collect();
    let table = format!("{} {}", word(found, "family"), word(found, "table"));
    let mut rule = Rule {
        matches: Some(true),
        verdict: Verdict::Continue,
        inverted: false,
        text: format!("table {table}, chain {chain}: {}", said.join(" ")),
    };
    for (key, value) in statements.iter().filter_map(Value::as_object).flatten() {
        match verdict(key, value) {
            Some(verdict) => rule.verdict = verdict,
            None if key == "match" => {
                let met = condition(value, packet);
                rule.inverted |= met.is_none() && word(value, "op") == "!=";
                rule.matches = both(rule.matches, met);
            }
            None if NEUTRAL.contains(&key.as_str()) => {}
            None => rule.matches = both(rule.matches, None),
        }
    }
    rule
}

fn verdict(key: &str, value: &Value) -> Option<Verdict> {
    Some(match key {
        "accept" => Verdict::Accept,
        "drop" | "reject" => Verdict::Refuse,
        "return" => Verdict::Return,
        "jump" => Verdict::Jump(word(value, "target").to_owned()),
        "goto" => Verdict::Goto(word(value, "target").to_owned()),
        "vmap" | "queue" | "tproxy" | "synproxy" => Verdict::Unclear,
        _ => return None,
    })
}

/// A match: `left op right`, where right is one value or several.
fn condition(found: &Value, packet: &Packet<'_>) -> Option<bool> {
    let (left, right) = (found.get("left")?, found.get("right")?);
    if is_of_another_protocol(left, packet) {
        return Some(false);
    }
    let met = compared(left, right, packet)?;
    match word(found, "op") {
        "==" | "in" => Some(met),
        "!=" => Some(!met),
        _ => None,
    }
}

/// Fields of a header that the packet does not have are equal to nothing, nor are they different from it.
fn is_of_another_protocol(left: &Value, packet: &Packet<'_>) -> bool {
    let protocol = left.get("payload").map_or("", |payload| word(payload, "protocol"));
    ["tcp", "udp", "icmp", "icmpv6", "sctp", "dccp", "ip6"].contains(&protocol) && protocol != packet.protocol
}

fn compared(left: &Value, right: &Value, packet: &Packet<'_>) -> Option<bool> {
    if let Some(meta) = left.get("meta") {
        return match word(meta, "key") {
            "iif" | "iifname" => one_of(right, &|value| Some(names(value.as_str()?, packet.inbound))),
            "oif" | "oifname" => one_of(right, &|value| Some(names(value.as_str()?, packet.outbound))),
            "l4proto" => one_of(right, &|value| Some(value == packet.protocol)),
            "nfproto" | "protocol" => one_of(right, &|value| Some(["ip", "ipv4"].contains(&value.as_str()?))),
            _ => None,
        };
    }
    if let Some(payload) = left.get("payload") {
        return match (word(payload, "protocol"), word(payload, "field")) {
            ("ip", "saddr") => one_of(right, &|value| packet.comes_from(&range(value)?)),
            ("ip", "daddr") => one_of(right, &|value| Some(range(value)?.contains(&packet.destination))),
            ("ip", "protocol") => one_of(right, &|value| Some(value == packet.protocol)),
            ("tcp" | "udp" | "th", "dport") => one_of(right, &|value| port(value, packet.port)),
            _ => None,
        };
    }
    match left.get("ct").map(|ct| word(ct, "key"))? {
        "state" => one_of(right, &|value| Some(value == "new")),
        "status" => one_of(right, &|value| (value == "dnat" || value == "snat").then_some(false)),
        _ => None,
    }
}

/// Is one of the values it? Not known if none surely is and one may be.
fn one_of(right: &Value, is: &dyn Fn(&Value) -> Option<bool>) -> Option<bool> {
    let several = right.get("set").or(Some(right)).and_then(Value::as_array);
    let Some(several) = several else {
        return if right.as_str().is_some_and(|name| name.starts_with('@')) { None } else { is(right) };
    };
    let met: Vec<Option<bool>> = several.iter().map(is).collect();
    match met.contains(&Some(true)) {
        false if met.contains(&None) => None,
        one_is => Some(one_is),
    }
}

fn names(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |start| name.starts_with(start))
}

/// An address or a prefix. Of a range from one address to another nothing is said here.
fn range(value: &Value) -> Option<Ipv4Net> {
    match value.get("prefix") {
        Some(prefix) => format!("{}/{}", word(prefix, "addr"), prefix.get("len")?).parse().ok(),
        None => Some(Ipv4Net::from(value.as_str()?.parse::<Ipv4Addr>().ok()?)),
    }
}

fn port(value: &Value, port: u16) -> Option<bool> {
    match value.get("range").and_then(Value::as_array).map(Vec::as_slice) {
        Some([first, last]) => Some((first.as_u64()?..=last.as_u64()?).contains(&u64::from(port))),
        _ => Some(value.as_u64()? == u64::from(port)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::question;
    use super::super::{Fate, Firewall, fate};
    use serde_json::json;

    fn judged(policy: &str, rules: &[serde_json::Value]) -> Fate {
        let chain = json!({"chain": {"family": "inet", "table": "mine", "name": "forward", "hook": "forward", "policy": policy}});
        let called = json!({"chain": {"family": "inet", "table": "mine", "name": "called"}});
        let rules = rules
            .iter()
            .map(|expr| json!({"rule": {"family": "inet", "table": "mine", "chain": "forward", "expr": expr}}));
        let items: Vec<_> = [chain, called].into_iter().chain(rules).collect();
        fate(&question(), &[Firewall::Nft(json!({"nftables": items}).to_string())]).unwrap()
    }

    fn meta(key: &str, op: &str, right: &serde_json::Value) -> serde_json::Value {
        json!({"match": {"op": op, "left": {"meta": {"key": key}}, "right": right}})
    }

    fn field(protocol: &str, field: &str, right: &serde_json::Value) -> serde_json::Value {
        json!({"match": {"op": "==", "left": {"payload": {"protocol": protocol, "field": field}}, "right": right}})
    }

    #[test]
    fn what_refuses_all_that_the_bridge_sends_is_found_in_any_wording() {
        for conditions in [
            vec![meta("iifname", "==", &json!("br-cell"))],
            vec![meta("iifname", "==", &json!({"set": ["docker0", "br-*"]}))],
            vec![meta("oifname", "!=", &json!("br-cell"))],
            vec![field("ip", "saddr", &json!({"prefix": {"addr": "172.16.0.0", "len": 12}}))],
            vec![field("udp", "dport", &json!({"set": [{"range": [1, 52]}, 53]})), json!({"counter": {"packets": 1}})],
            vec![json!({"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["invalid", "new"]}})],
        ] {
            let rule: Vec<_> = conditions.into_iter().chain([json!({"drop": null})]).collect();
            assert!(matches!(judged("accept", &[json!(rule)]), Fate::Refused(_)), "{rule:?}");
        }
        assert!(matches!(judged("drop", &[]), Fate::Refused(_)));
    }

    #[test]
    fn what_refuses_others_or_a_part_of_it_is_no_refusal() {
        for condition in [
            meta("iifname", "==", &json!("docker0")),
            meta("nfproto", "==", &json!("ipv6")),
            meta("mark", "==", &json!(255)),
            field("ip", "daddr", &json!("@blocked")),
            field("ip", "saddr", &json!("172.30.1.7")),
            field("tcp", "dport", &json!(53)),
            json!({"match": {"op": "!=", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 25}}),
            field("ip6", "daddr", &json!("::1")),
            json!({"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": "invalid"}}),
            json!({"limit": {"rate": 1}}),
        ] {
            assert_eq!(judged("accept", &[json!([condition, {"reject": null}])]), Fate::Passes, "{condition}");
        }
        let accept = json!([meta("iifname", "==", &json!("br-cell")), {"accept": null}]);
        assert_eq!(judged("drop", &[accept]), Fate::Passes);
    }

    #[test]
    fn a_refusal_of_all_but_what_is_in_a_set_is_unclear() {
        let rule = json!([{"match": {"op": "!=", "left": {"payload": {"protocol": "ip", "field": "daddr"}}, "right": "@allowed"}}, {"drop": null}]);
        assert!(matches!(judged("accept", &[rule]), Fate::Unclear(_)));
    }

    #[test]
    fn a_verdict_map_before_a_refusal_leaves_it_unclear() {
        let map = json!([{"vmap": {"key": {"meta": {"key": "iifname"}}, "data": {"set": []}}}]);
        assert!(matches!(judged("drop", &[map]), Fate::Unclear(_)));
    }
}
