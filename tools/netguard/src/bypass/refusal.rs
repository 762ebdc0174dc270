//! What other programs' firewalls do with a packet that the moat lets by. We follow their rules as the kernel does, for
//! one new IPv4 packet from a network to the internet. A mark, a set or a rate cannot be worked out here. A rule that
//! asks for one refuses a part at most. A rule that asks for the opposite ("all but those in a set") is unclear: that
//! may be nearly all.

mod iptables;
mod nft;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// The hooks of the kernel that a forwarded packet passes.
pub(super) const HOOKS: [&str; 3] = ["prerouting", "forward", "postrouting"];

/// How deep chains may call each other: the kernel allows 16 (`NFT_JUMP_STACK_SIZE`).
const DEEPEST: u32 = 16;

/// A firewall's rules, as its program printed them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Firewall {
    /// What `nft -j list table` printed of one table.
    Nft(String),
    /// What `iptables-save -t` printed of the table `filter` or `raw`.
    Iptables(String),
}

/// A new packet, as the rules on its way see it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Packet<'a> {
    /// The bridge it comes in on.
    pub(super) inbound: &'a str,
    /// The interface it goes out on.
    pub(super) outbound: &'a str,
    /// The network that its source lies in.
    pub(super) source: Ipv4Net,
    /// The address it goes to.
    pub(super) destination: Ipv4Addr,
    /// `tcp` or `udp`.
    pub(super) protocol: &'static str,
    /// The port it goes to.
    pub(super) port: u16,
}

/// What becomes of the packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// No rule refuses it.
    Passes,
    /// This rule refuses it.
    Refused(String),
    /// This rule refuses it, unless an earlier rule with a condition that is not known accepts it.
    Unclear(String),
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// The next rule is asked: a counter, a log, a mark.
    Continue,
    Accept,
    Refuse,
    Return,
    Jump(String),
    Goto(String),
    /// It depends on what is not known here: a verdict map, a queue.
    Unclear,
}

#[derive(Debug)]
struct Rule {
    /// Whether the packet meets its conditions; `None` where that is not known.
    matches: Option<bool>,
    verdict: Verdict,
    /// Whether a condition that is not known is negated in it.
    inverted: bool,
    text: String,
}

#[derive(Debug, Default)]
struct Chain {
    /// Whether the kernel calls it for what is forwarded, before or behind the routing.
    hooked: bool,
    /// Whether what no rule decides on is dropped.
    drops: bool,
    rules: Vec<Rule>,
}

type Chains = BTreeMap<String, Chain>;

/// What these firewalls do with the packet, all in all: each of them may refuse it.
///
/// # Errors
/// If what a program printed cannot be read.
pub(super) fn fate(packet: &Packet<'_>, firewalls: &[Firewall]) -> Result<Fate, String> {
    let mut unclear = Fate::Passes;
    for firewall in firewalls {
        let chains = match firewall {
            Firewall::Nft(text) => nft::chains(text, packet)?,
            Firewall::Iptables(text) => iptables::chains(text, packet)?,
        };
        for (name, _) in chains.iter().filter(|(_, chain)| chain.hooked) {
            match through(&chains, name) {
                Fate::Passes => {}
                Fate::Unclear(rule) => unclear = Fate::Unclear(rule),
                refused @ Fate::Refused(_) => return Ok(refused),
            }
        }
    }
    Ok(unclear)
}

/// Both, in the logic of three values (Kleene): what is false stays so, whatever the other is.
fn both(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    match (one, other) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

impl Packet<'_> {
    /// Is its source in this range? Not known where the range holds some members and others not.
    fn comes_from(&self, range: &Ipv4Net) -> Option<bool> {
        match (range.contains(&self.source), self.source.contains(range)) {
            (true, _) => Some(true),
            (false, true) => None,
            (false, false) => Some(false),
        }
    }
}

/// Where a walk through a chain ended.
enum End {
    Accepted,
    Refused(String),
    Returned,
}

struct Walk<'a> {
    chains: &'a Chains,
    /// A rule that may have decided stands before.
    doubt: bool,
    /// A rule that may refuse nearly all.
    nearly: Option<String>,
}

/// What a chain that the kernel calls does with the packet.
fn through(chains: &Chains, name: &str) -> Fate {
    let mut walk = Walk { chains, doubt: false, nearly: None };
    let end = walk.chain(name, 0);
    let drops = chains.get(name).is_some_and(|chain| chain.drops);
    let refused = match (end, walk.nearly) {
        (End::Refused(rule), _) => rule,
        (End::Returned, _) if drops => format!("the policy of chain {name}"),
        (_, Some(rule)) => return Fate::Unclear(rule),
        (End::Accepted | End::Returned, None) => return Fate::Passes,
    };
    if walk.doubt { Fate::Unclear(refused) } else { Fate::Refused(refused) }
}

impl Walk<'_> {
    fn chain(&mut self, name: &str, depth: u32) -> End {
        let Some(chain) = self.chains.get(name).filter(|_| depth <= DEEPEST) else {
            self.doubt = true;
            return End::Returned;
        };
        for rule in &chain.rules {
            match (rule.matches, &rule.verdict) {
                (Some(false), _) | (_, Verdict::Continue) => {}
                (None, Verdict::Refuse) if rule.inverted => self.nearly = Some(rule.text.clone()),
                (None, Verdict::Refuse) => {}
                (None, _) | (_, Verdict::Unclear) => self.doubt = true,
                (_, Verdict::Accept) => return End::Accepted,
                (_, Verdict::Refuse) => return End::Refused(rule.text.clone()),
                (_, Verdict::Return) => return End::Returned,
                (_, Verdict::Goto(chain)) => return self.chain(chain, depth + 1),
                (_, Verdict::Jump(chain)) => match self.chain(chain, depth + 1) {
                    End::Returned => {}
                    end => return end,
                },
            }
        }
        End::Returned
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the cell of the shipped policy asks its name server.
    pub(super) fn question() -> Packet<'static> {
        Packet {
            inbound: "br-cell",
            outbound: "eth0",
            source: "172.30.1.0/24".parse().unwrap(),
            destination: Ipv4Addr::new(9, 9, 9, 9),
            protocol: "udp",
            port: 53,
        }
    }

    fn rule(matches: Option<bool>, verdict: Verdict) -> Rule {
        Rule { matches, verdict, inverted: false, text: format!("{matches:?}") }
    }

    fn walked(drops: bool, rules: Vec<Rule>, called: Vec<Rule>) -> Fate {
        let forward = Chain { hooked: true, drops, rules };
        let called = Chain { rules: called, ..Chain::default() };
        through(&BTreeMap::from([("forward".to_owned(), forward), ("called".to_owned(), called)]), "forward")
    }

    #[test]
    fn the_first_verdict_that_holds_counts_and_a_chain_s_policy_last() {
        use Verdict::{Accept, Continue, Goto, Jump, Refuse, Return};
        let (yes, no) = (Some(true), Some(false));
        let to = || "called".to_owned();
        let refused = |fate| matches!(fate, Fate::Refused(_));
        assert_eq!(walked(false, vec![], vec![]), Fate::Passes);
        assert!(refused(walked(true, vec![], vec![])));
        assert_eq!(walked(true, vec![rule(yes, Accept), rule(yes, Refuse)], vec![]), Fate::Passes);
        assert!(refused(walked(false, vec![rule(yes, Continue), rule(no, Accept), rule(yes, Refuse)], vec![])));
        assert!(refused(walked(false, vec![rule(yes, Jump(to())), rule(yes, Accept)], vec![rule(yes, Refuse)])));
        assert!(refused(walked(false, vec![rule(yes, Jump(to())), rule(yes, Refuse)], vec![rule(yes, Return)])));
        assert_eq!(walked(false, vec![rule(yes, Goto(to())), rule(yes, Refuse)], vec![]), Fate::Passes);
    }

    #[test]
    fn a_condition_that_is_not_known_makes_no_refusal_and_casts_doubt_on_one_behind_it() {
        use Verdict::{Accept, Refuse};
        assert_eq!(walked(false, vec![rule(None, Refuse)], vec![]), Fate::Passes);
        assert!(matches!(walked(false, vec![rule(None, Accept), rule(Some(true), Refuse)], vec![]), Fate::Unclear(_)));
        assert!(matches!(walked(true, vec![rule(Some(true), Verdict::Unclear)], vec![]), Fate::Unclear(_)));
    }

    #[test]
    fn chains_that_call_each_other_for_ever_end() {
        let again = || vec![rule(Some(true), Verdict::Jump("called".to_owned()))];
        assert_eq!(walked(false, again(), again()), Fate::Passes);
        assert!(matches!(walked(true, again(), again()), Fate::Unclear(_)));
    }

    #[test]
    fn each_firewall_may_refuse_and_one_that_cannot_be_read_is_no_pass() {
        let save = |rule: &str| Firewall::Iptables(format!("*filter\n:FORWARD ACCEPT [0:0]\n{rule}COMMIT\n"));
        let packet = question();
        assert_eq!(fate(&packet, &[save("")]), Ok(Fate::Passes));
        let both = [save("-A FORWARD -i br-cell -j ACCEPT\n"), save("-A FORWARD -i br-cell -j DROP\n")];
        assert_eq!(fate(&packet, &both), Ok(Fate::Refused("-A FORWARD -i br-cell -j DROP".to_owned())));
        assert!(fate(&packet, &[Firewall::Nft("no json".to_owned())]).is_err());
    }
}
