//! What the rules of the packet filter say, and a watch's memory of it. To read them starts a dozen programs, while
//! between two looks of a watch at rest nobody changed a rule. The kernel counts changes, and that number is asked
//! first.

use super::facts::{Fact, ForwardChain};
use super::nat::Printed;
use super::refusal::Firewall;
use super::{firewalls, forward, moats, nat};
use crate::backend::iptables;
use crate::backend::nft::transaction;
use crate::host::netlink::Netlink;

/// What `Facts` says of rules, each as whoever is there prints it.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub(super) moats: Fact<Vec<&'static str>>,
    pub(super) forward: Fact<Vec<ForwardChain>>,
    pub(super) outbound: Fact<Vec<Printed>>,
    pub(super) firewalls: Fact<Vec<Firewall>>,
}

impl Rules {
    fn read() -> Self {
        Self {
            moats: moats::holders().map_err(|error| format!("{error:#}")),
            forward: forward::chains().map_err(|error| format!("{error:#}")),
            outbound: nat::tables().map_err(|error| format!("{error:#}")),
            firewalls: firewalls::all().map_err(|error| format!("{error:#}")),
        }
    }

    /// Whether all was read. What was not it reads again, whatever the number.
    fn whole(&self) -> bool {
        self.moats.is_ok() && self.forward.is_ok() && self.outbound.is_ok() && self.firewalls.is_ok()
    }
}

/// The rules as they were read last, and the generation that they are of.
#[derive(Debug, Default)]
pub(crate) struct Memory(Option<(u32, Rules)>);

impl Memory {
    /// The rules as they are.
    pub(super) fn rules(&mut self) -> Rules {
        self.of(generation(), Rules::read)
    }

    /// The generation is read first: a change while the rules are read then counts as a new generation.
    fn of(&mut self, now: Option<u32>, read: impl FnOnce() -> Rules) -> Rules {
        if let Some((known, rules)) = &self.0
            && now == Some(*known)
        {
            return rules.clone();
        }
        let rules = read();
        self.0 = now.filter(|_| rules.whole()).map(|now| (now, rules.clone()));
        rules
    }
}

/// Nothing where iptables's legacy variant has tables, whose changes are not counted, or where the kernel does not
/// tell.
fn generation() -> Option<u32> {
    if iptables::legacy_is_used() {
        return None;
    }
    transaction::generation(&mut Netlink::netfilter().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_once_in_a_generation_and_always_where_it_or_one_of_them_is_not_known() {
        let rules = |moats| Rules { moats, forward: Ok(vec![]), outbound: Ok(vec![]), firewalls: Ok(vec![]) };
        let mut memory = Memory::default();
        let mut reads = |now, moats: Fact<Vec<&'static str>>| {
            let mut read = false;
            let got = memory.of(now, || {
                read = true;
                rules(moats)
            });
            (read, got.moats)
        };
        assert_eq!(reads(Some(7), Ok(vec!["nft"])), (true, Ok(vec!["nft"])));
        assert_eq!(reads(Some(7), Ok(vec![])), (false, Ok(vec!["nft"])));
        assert_eq!(reads(Some(8), Err("no nft".to_owned())), (true, Err("no nft".to_owned())));
        assert_eq!(reads(Some(8), Ok(vec!["nft"])), (true, Ok(vec!["nft"])), "what was not had is asked again");
        assert_eq!(reads(None, Ok(vec![])), (true, Ok(vec![])));
        assert_eq!(reads(None, Ok(vec!["nft"])), (true, Ok(vec!["nft"])), "no number, no memory");
    }
}
