//! The sets, in the language of `ipset restore`, and as ipset(8) lists them.
//!
//! A set of denied destinations is filled under another name. Then it is swapped with the one that the rules ask, in
//! one step of the kernel's: no packet meets half of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use ipnet::IpNet;
use serde_json::{Value, json};

use super::budgets::{self, Sender};
use super::rulespec;
use crate::backend::ruleset::Set;
use crate::rules::address_set::{Family, SetName};
use crate::rules::plan::Plan;
use crate::rules::table::{FLOWS, FlowSet, REMEMBERED};

/// What begins the name of a set that is being filled.
const NEW: &str = "+";
/// The longest name of a set, in bytes (`IPSET_MAXNAMELEN` less the NUL).
const LONGEST: usize = 31;
/// The least that a set of ranges has room for.
const LEAST: usize = 65_536;
/// The type of the sets of denied destinations.
const RANGES: &str = "hash:net";
/// The type of the sets of flows: source, protocol and destination port, destination.
const COUNTS: &str = "hash:ip,port,ip";

/// What the kernel tells about a set, but for its contents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Header {
    pub(super) kind: String,
    words: Vec<String>,
    /// How many elements it holds.
    pub(super) entries: Option<usize>,
}

impl Header {
    fn value(&self, word: &str) -> Option<&str> {
        let place = self.words.iter().position(|have| have == word)?;
        self.words.get(place + 1).map(String::as_str)
    }

    pub(super) fn number(&self, word: &str) -> Option<u64> {
        self.value(word)?.parse().ok()
    }

    pub(super) fn is(&self, kind: &str, family: Family) -> bool {
        self.kind == kind && self.value("family") == Some(family_word(family))
    }

    pub(super) fn counts(&self) -> bool {
        self.words.iter().any(|word| word == "counters")
    }

    /// Whether a set in the kernel can count the flows of a planned one.
    fn holds(&self, set: &FlowSet) -> bool {
        let numbers = self.number("maxelem") == Some(FLOWS) && self.number("timeout") == Some(REMEMBERED);
        self.is(COUNTS, set.family) && self.counts() && numbers
    }

    /// As the other backend lists a set that does the same; a type that could not do it stays as it is.
    pub(crate) fn set(&self, name: &str, elements: Vec<Value>) -> Set {
        let key: Vec<String> = match (SetName::named(name), FlowSet::named(name)) {
            (Some(set), _) if self.is(RANGES, set.1) => vec![set.1.address_type().to_owned()],
            (_, Some(set)) if self.is(COUNTS, set.family) && self.counts() => {
                set.key_type().into_iter().map(str::to_owned).collect()
            }
            _ => vec![self.kind.clone()],
        };
        let timeout = self.number("timeout");
        let flags = timeout.map(|_| "timeout".to_owned()).into_iter().collect();
        Set { key, flags, size: self.number("maxelem"), timeout, elements }
    }
}

pub(super) fn family_word(family: Family) -> &'static str {
    match family {
        Family::V4 => "inet",
        Family::V6 => "inet6",
    }
}

/// Our sets in what `ipset list -terse` printed, by their names without the prefix.
///
/// # Errors
/// If ipset lists a set without its name or its type.
pub(crate) fn headers(text: &str) -> Result<BTreeMap<String, Header>> {
    let mut headers: Vec<(String, Header)> = Vec::new();
    for line in text.lines() {
        let Some((word, value)) = line.split_once(": ") else { continue };
        if word == "Name" {
            headers.push((value.to_owned(), Header::default()));
            continue;
        }
        let (_, header) = headers.last_mut().with_context(|| format!("ipset printed {line:?} of no set"))?;
        match word {
            "Type" => value.clone_into(&mut header.kind),
            "Number of entries" => header.entries = value.parse().ok(),
            "Header" => header.words = value.split(' ').map(str::to_owned).collect(),
            _ => {}
        }
    }
    let ours = headers
        .into_iter()
        .filter_map(|(name, header)| Some((name.strip_prefix(rulespec::PREFIX)?.to_owned(), header)));
    let ours: BTreeMap<_, _> = ours.collect();
    match ours.iter().find(|(_, header)| header.kind.is_empty()) {
        Some((name, _)) => bail!("ipset printed no type of set {name}"),
        None => Ok(ours),
    }
}

/// The elements in what `ipset save` printed of a set, in the form of nft's listing. Flows get the bridge
/// that their set is of.
///
/// # Errors
/// If one cannot be read.
pub(crate) fn elements(name: &str, bridge: &str, text: &str) -> Result<Vec<Value>> {
    let flows = FlowSet::named(name);
    text.lines()
        .filter_map(|line| line.strip_prefix("add "))
        .map(|line| {
            let (_, element) = line.split_once(' ').unwrap_or_default();
            let read = flows.as_ref().map_or_else(|| range(element), |set| flow(set.ported, bridge, element));
            read.with_context(|| format!("ipset printed {line:?}, which is no element of set {name}"))
        })
        .collect()
}

fn range(element: &str) -> Option<Value> {
    let word = element.split(' ').next()?;
    match word.split_once('/') {
        Some((address, length)) => Some(json!({"prefix": {"addr": address, "len": length.parse::<u64>().ok()?}})),
        None => Some(json!(word)),
    }
}

/// `SOURCE,PROTOCOL:PORT,DESTINATION timeout … packets … bytes …`; of ICMP the "port" is the type's name, and
/// of protocols without ports it is 0.
fn flow(ported: bool, bridge: &str, element: &str) -> Option<Value> {
    let mut words = element.split(' ');
    let mut key = words.next()?.splitn(3, ',');
    let (source, service, destination) = (key.next()?, key.next()?, key.next()?);
    let (protocol, port) = service.split_once(':')?;
    let mut concat = vec![json!(bridge), json!(source), json!(destination), json!(rulespec::protocol(protocol))];
    if ported {
        concat.push(json!(port.parse::<u16>().ok()?));
    }
    let rest: Vec<&str> = words.collect();
    let number = |word: &str| rest.get(rest.iter().position(|have| *have == word)? + 1)?.parse::<u64>().ok();
    let counter = json!({"packets": number("packets")?, "bytes": number("bytes")?});
    Some(json!({"elem": {"val": {"concat": concat}, "counter": counter}}))
}

/// What `ipset restore` is given, step by step.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Steps {
    /// Makes what is missing, and fills the new sets beside the ones in use.
    pub(crate) fill: String,
    /// Puts the new sets in the place of the ones in use; done twice, nothing was done.
    pub(crate) swap: String,
}

/// From the sets that are there to the plan's.
///
/// # Errors
/// If a name is longer than ipset takes.
pub(crate) fn steps(plan: &Plan, present: &BTreeMap<String, Header>, sender: Sender) -> Result<Steps> {
    let mut steps = Steps::default();
    for name in present.keys().filter(|name| name.starts_with(NEW)) {
        let _ = writeln!(steps.fill, "destroy {}{name}", rulespec::PREFIX);
    }
    for (name, ranges) in &plan.sets {
        let most = ranges.len().max(LEAST).saturating_mul(2);
        let shape = format!("{RANGES} family {} maxelem {most}", family_word(name.1));
        steps.make(&name.to_string(), &shape, !present.contains_key(&name.to_string()), true)?;
        let new = rulespec::set(&format!("{NEW}{name}"));
        for range in ranges.iter().flat_map(halves) {
            let _ = writeln!(steps.fill, "add {new} {range}");
        }
    }
    // What counts goes on counting, unless it is of another shape.
    for set in plan.flow_sets() {
        let found = present.get(&set.name());
        let shape =
            format!("{COUNTS} family {} maxelem {FLOWS} timeout {REMEMBERED} counters", family_word(set.family));
        steps.make(&set.name(), &shape, found.is_none(), found.is_some_and(|header| !header.holds(&set)))?;
    }
    for (family, name) in budgets::names(plan) {
        let found = present.get(&name);
        let misshapen = found.is_some_and(|header| !budgets::fits(header, family));
        steps.make(&name, &sender.shape(family), found.is_none(), misshapen)?;
    }
    Ok(steps)
}

/// The names of the sets that a plan needs, without the prefix.
pub(crate) fn names(plan: &Plan) -> Vec<String> {
    let flows = plan.flow_sets().into_iter().map(|set| set.name());
    plan.sets.keys().map(ToString::to_string).chain(flows).chain(budgets::names(plan).map(|(_, name)| name)).collect()
}

impl Steps {
    fn make(&mut self, name: &str, shape: &str, missing: bool, anew: bool) -> Result<()> {
        let (set, new) = (rulespec::set(name), rulespec::set(&format!("{NEW}{name}")));
        if set.len() > LONGEST || new.len() > LONGEST && anew {
            bail!("ipset takes no set of the name {set}; shorten the network's name, or install nftables");
        }
        if missing {
            let _ = writeln!(self.fill, "create {set} {shape}");
        }
        if anew {
            let _ = writeln!(self.fill, "create {new} {shape}");
            let _ = writeln!(self.swap, "swap {new} {set}");
        }
        Ok(())
    }
}

/// How many elements a set of these ranges has.
pub(super) fn entries(ranges: &[IpNet]) -> usize {
    ranges.iter().map(|range| halves(range).len()).sum()
}

/// ipset knows no range of everything: its halves are.
fn halves(range: &IpNet) -> Vec<IpNet> {
    match range.prefix_len() {
        0 => range.subnets(1).map(Iterator::collect).unwrap_or_default(),
        _ => vec![*range],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::denied_flows;
    use crate::backend::ruleset::Listing;
    use crate::rules::plan::tests::plan;

    const LISTED: &str = "Name: netguard-special4
Type: hash:net
Revision: 7
Header: family inet hashsize 1024 maxelem 131072 bucketsize 12 initval 0xe65f5395
Size in memory: 600
References: 4
Number of entries: 3

Name: somebody-elses
Type: hash:ip
Header: family inet hashsize 1024 maxelem 65536

Name: netguard-flows4-cell
Type: hash:ip,port,ip
Header: family inet hashsize 1024 maxelem 16384 timeout 3600 counters bucketsize 12 initval 0xc9c723de
";

    #[test]
    fn only_our_sets_are_read_and_one_that_can_count_fits() {
        let headers = headers(LISTED).unwrap();
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["flows4-cell", "special4"]);
        assert_eq!(headers["special4"].entries, Some(3));
        let steps = steps(&crate::backend::iptables::adapted(&plan()), &headers, Sender::Hardware).unwrap();
        assert!(
            !steps.fill.contains("create netguard-flows4-cell") && !steps.fill.contains("create netguard-special4")
        );
        assert!(steps.fill.contains("create netguard-flows6-cell hash:ip,port,ip family inet6"));
        assert!(steps.fill.contains("create netguard-budget6-cell hash:mac maxelem 1024 timeout 3600 counters\n"));
        assert!(steps.swap.contains("swap netguard-+special4 netguard-special4\n"));
        assert!(!steps.swap.contains("flows"), "{}", steps.swap);
        let smaller = self::headers(&LISTED.replace("16384", "512")).unwrap();
        let steps = self::steps(&crate::backend::iptables::adapted(&plan()), &smaller, Sender::Address).unwrap();
        assert!(steps.swap.contains("swap netguard-+flows4-cell netguard-flows4-cell\n"));
        assert!(
            steps
                .fill
                .contains("create netguard-budget6-cell hash:ip family inet6 maxelem 1024 timeout 3600 counters\n")
        );
    }

    #[test]
    fn what_was_left_half_filled_is_destroyed_first() {
        let headers = headers("Name: netguard-+special4\nType: hash:net\nHeader: family inet\n").unwrap();
        assert!(
            steps(&crate::backend::iptables::adapted(&plan()), &headers, Sender::Address)
                .unwrap()
                .fill
                .starts_with("destroy netguard-+special4\n")
        );
    }

    #[test]
    fn a_range_of_everything_is_two_halves() {
        let halves = halves(&"0.0.0.0/0".parse().unwrap());
        assert_eq!(halves, ["0.0.0.0/1".parse().unwrap(), "128.0.0.0/1".parse().unwrap()]);
        assert_eq!(entries(&["::/0".parse().unwrap(), "10.0.0.0/8".parse().unwrap()]), 3);
    }

    #[test]
    fn flows_of_every_kind_of_protocol_are_read_with_their_bridge() {
        let ported = "create netguard-flows4-cell hash:ip,port,ip family inet
add netguard-flows4-cell 172.30.1.2,tcp:445,192.168.77.10 timeout 3599 packets 3 bytes 180
";
        let others = "add netguard-other6-cell fd00::2,ipv6-icmp:echo-request,fe80::1 timeout 3599 packets 1 bytes 84
add netguard-other6-cell fd00::2,99:0,fe80::1 timeout 3599 packets 1 bytes 20
";
        let mut listing = Listing::default();
        for (name, text) in [("flows4-cell", ported), ("other6-cell", others)] {
            let elements = elements(name, "br-cell", text).unwrap();
            listing.sets.insert(name.to_owned(), Set { elements, ..Set::default() });
        }
        let flows = denied_flows::read(&listing).unwrap();
        let told: Vec<_> =
            flows.iter().map(|(flow, count)| (flow.protocol.as_str(), flow.port, count.packets)).collect();
        assert_eq!(told, [("tcp", Some(445), 3), ("ipv6-icmp", None, 1), ("99", None, 1)]);
        assert!(flows.iter().all(|(flow, _)| flow.bridge == "br-cell"));
        assert!(self::elements("flows4-cell", "br-cell", "add netguard-flows4-cell 172.30.1.2\n").is_err());
    }

    #[test]
    fn ranges_are_read_as_the_kernel_holds_them() {
        let elements =
            elements("special4", "", "add netguard-special4 10.0.0.0/8\nadd netguard-special4 1.2.3.4\n").unwrap();
        let set = headers(LISTED).unwrap()["special4"].set("special4", elements);
        assert_eq!(set.key, ["ipv4_addr"]);
        assert_eq!(set.ranges().unwrap(), ["1.2.3.4/32".parse().unwrap(), "10.0.0.0/8".parse().unwrap()]);
    }
}
