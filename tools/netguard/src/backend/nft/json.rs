//! Rules as nft prints them in JSON (libnftables-json(5)): what `verify` compares the kernel's with.

use ipnet::IpNet;
use record::cellblock::{MoatAnswer as Answer, MoatCondition as Condition, MoatVerdict as Verdict};
use serde_json::{Map, Value, json};

use crate::rules::address_set::Family;
use crate::rules::rule::Rule;
use crate::rules::syntax;
use crate::rules::table::{A_MINUTE, BURST, FlowSet, OWN, PORTED, Pairs, UNICAST, ported};

/// The `expr` of a rule, in [`plain`] form.
pub(crate) fn rule(rule: &Rule) -> Value {
    let mut expressions: Vec<Value> = rule.when.iter().map(condition).collect();
    if syntax::counts(rule) {
        expressions.push(json!({"counter": null}));
    }
    expressions.push(verdict(&rule.verdict));
    plain(Value::Array(expressions))
}

/// The same expression without what changes by itself: counters lose their numbers, sets are sorted, and a protocol
/// has its name, whether the machine knows it or not.
pub(crate) fn plain(value: Value) -> Value {
    match value {
        Value::Object(mut fields) if of_protocols(&fields) => {
            let named = fields.remove("right").map(named);
            fields.extend(named.map(|right| ("right".to_owned(), plain(right))));
            Value::Object(fields)
        }
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(name, value)| match (name.as_str(), value) {
                    ("counter", _) => (name, Value::Null),
                    ("set", Value::Array(elements)) => {
                        let mut elements: Vec<Value> = elements.into_iter().map(plain).collect();
                        elements.sort_by_key(ToString::to_string);
                        (name, Value::Array(elements))
                    }
                    (_, value) => (name, plain(value)),
                })
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(plain).collect()),
        other => other,
    }
}

/// Whether a match asks for the protocol behind the header.
fn of_protocols(fields: &Map<String, Value>) -> bool {
    fields.get("left").is_some_and(|left| {
        left.pointer("/meta/key").is_some_and(|key| key == "l4proto")
            || left.pointer("/payload/field").is_some_and(|field| field == "nexthdr")
    })
}

fn named(protocols: Value) -> Value {
    match protocols {
        Value::Object(fields) => Value::Object(fields.into_iter().map(|(name, value)| (name, named(value))).collect()),
        Value::Array(all) => Value::Array(all.into_iter().map(named).collect()),
        other => other.as_u64().and_then(ported).map_or(other, Value::from),
    }
}

fn matches(operator: &str, left: &Value, right: &Value) -> Value {
    json!({"match": {"op": operator, "left": left, "right": right}})
}

fn payload(protocol: &str, field: &str) -> Value {
    json!({"payload": {"protocol": protocol, "field": field}})
}

fn one_of<S: AsRef<str>>(words: &[S]) -> Value {
    match words {
        [one] => json!(one.as_ref()),
        many => json!({"set": many.iter().map(AsRef::as_ref).collect::<Vec<_>>()}),
    }
}

fn condition(condition: &Condition) -> Value {
    let meta = |key: &str| json!({"meta": {"key": key}});
    match condition {
        Condition::From(bridge) => matches("==", &meta("iifname"), &json!(bridge)),
        Condition::NotFrom(bridge) => matches("!=", &meta("iifname"), &json!(bridge)),
        Condition::Into(bridge) => matches("==", &meta("oifname"), &json!(bridge)),
        Condition::Source(nets) => address("==", "saddr", nets),
        Condition::SourceOutside(net) => address("!=", "saddr", std::slice::from_ref(net)),
        Condition::Destination(nets) => address("==", "daddr", nets),
        Condition::SourceIn(set) => within("saddr", set),
        Condition::DestinationIn(set) => within("daddr", set),
        Condition::Icmpv6(kinds) => matches("==", &payload("icmpv6", "type"), &one_of(kinds)),
        Condition::HopLimit(limit) => matches("==", &payload("ip6", "hoplimit"), &json!(limit)),
        Condition::Port(port) => matches("==", &payload(&port.transport, "dport"), &json!(port.number)),
        Condition::Transport(name) => matches("==", &meta("l4proto"), &json!(name)),
        Condition::HasPorts(ported) => matches(if *ported { "==" } else { "!=" }, &meta("l4proto"), &one_of(&PORTED)),
        Condition::IpOption(name) => matches("==", &json!({"ip option": {"name": name}}), &json!(true)),
        Condition::RoutingHeader => matches("==", &json!({"exthdr": {"name": "rt"}}), &json!(true)),
        Condition::Answer => matches("==", &json!({"ct": {"key": "direction"}}), &json!("reply")),
        Condition::Belongs => matches("in", &json!({"ct": {"key": "state"}}), &json!("established")),
        Condition::SourceOwn => matches("==", &fib("saddr"), &one_of(&OWN)),
        Condition::SourceUnicast => matches("==", &fib("saddr"), &json!(UNICAST)),
        Condition::DestinationOwn => matches("==", &fib("daddr"), &one_of(&OWN)),
        Condition::Bare(4) => matches("==", &raw((0, 8)), &json!(syntax::BARE)),
        Condition::Bare(_) => matches("==", &payload("ip6", "nexthdr"), &one_of(&syntax::BEHIND)),
        Condition::Judged(set) => matches("==", &json!({"concat": pair_in(set)}), &json!(format!("@{set}"))),
        Condition::NewTo(set) => matches("!=", &json!({"concat": key_of(set)}), &json!(format!("@{set}"))),
        Condition::AtMost(packets) => json!({"limit": {"rate": packets, "burst": packets, "per": "second"}}),
        Condition::Spent(set) => json!({"set": {
            "op": "update",
            "elem": payload("ether", "saddr"),
            "set": format!("@{set}"),
            "stmt": [{"limit": {"rate": A_MINUTE, "burst": BURST, "per": "minute", "inv": true}}],
        }}),
    }
}

fn within(field: &str, set: &str) -> Value {
    matches("==", &payload(syntax::family_of_set(set).header(), field), &json!(format!("@{set}")))
}

fn fib(field: &str) -> Value {
    json!({"fib": {"result": "type", "flags": [field]}})
}

fn address(operator: &str, field: &str, nets: &[String]) -> Value {
    let header = nets.first().map_or(Family::V4, |net| syntax::family(net)).header();
    let nets: Vec<Value> = nets.iter().map(|net| range(net)).collect();
    let right = match nets.as_slice() {
        [one] => one.clone(),
        many => json!({"set": many}),
    };
    matches(operator, &payload(header, field), &right)
}

fn range(net: &str) -> Value {
    match net.parse::<IpNet>() {
        Ok(net) if net.prefix_len() < net.max_prefix_len() => {
            json!({"prefix": {"addr": net.addr(), "len": net.prefix_len()}})
        }
        Ok(net) => json!(net.addr()),
        Err(_) => json!(net),
    }
}

fn verdict(verdict: &Verdict) -> Value {
    match verdict {
        Verdict::Accept => json!({"accept": null}),
        Verdict::Drop => json!({"drop": null}),
        Verdict::Reject(Answer::TcpReset) => json!({"reject": {"type": "tcp reset"}}),
        Verdict::Reject(Answer::AdminProhibited) => json!({"reject": {"type": "icmpx", "expr": "admin-prohibited"}}),
        Verdict::Goto(chain) => json!({"goto": {"target": chain}}),
        Verdict::Record(set) => {
            json!({"set": {"op": "add", "elem": {"concat": key_of(set)}, "set": format!("@{set}")}})
        }
        Verdict::Remember(set) => {
            json!({"set": {"op": "add", "elem": {"concat": pair_in(set)}, "set": format!("@{set}")}})
        }
    }
}

fn key_of(set: &str) -> Vec<Value> {
    FlowSet::named(set).as_ref().map(key).unwrap_or_default()
}

fn pair_in(set: &str) -> [Value; 3] {
    let [source, destination] = match Pairs::named(set).map(|set| set.family) {
        Some(Family::V6) => ["saddr", "daddr"].map(|field| payload("ip6", field)),
        _ => syntax::ENDS.map(raw),
    };
    [json!({"meta": {"key": "iif"}}), source, destination]
}

/// Bits of the network header.
fn raw((offset, length): (u32, u32)) -> Value {
    json!({"payload": {"base": "nh", "offset": offset, "len": length}})
}

fn key(set: &FlowSet) -> Vec<Value> {
    let header = set.family.header();
    let meta = |key: &str| json!({"meta": {"key": key}});
    let mut key = vec![meta("iifname"), payload(header, "saddr"), payload(header, "daddr"), meta("l4proto")];
    if set.ported {
        key.push(payload("th", "dport"));
    }
    key
}
