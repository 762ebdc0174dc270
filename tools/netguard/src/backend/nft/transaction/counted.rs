//! What the kernel counted of denied packets, as one number: the cheap question before the dear one. nft takes a tenth
//! of a second to list the same. So a follower asks it only when this number is another.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use anyhow::Result;

use super::kinds::{
    ELEMENT_EXPIRATION, ELEMENTS, GET_ELEMENT, GET_RULE, GET_SET, NEW_ELEMENT, NEW_RULE, NEW_SET, RULE_CHAIN, SET_NAME,
    in_table, named,
};
use super::objects::dump;
use crate::host::netlink::{Netlink, attribute, attributes};
use crate::rules::table::{FlowSet, REFUSE};

/// A number that is another one when a flow came, went or was counted again, or more went unrecorded.
///
/// # Errors
/// What the kernel says; also if there is no moat.
pub(crate) fn counted(netlink: &mut Netlink) -> Result<u64> {
    let mut sum = 0;
    let mut chains = BTreeSet::new();
    for set in dump(netlink, GET_SET, NEW_SET, &in_table())? {
        let Some((name, set)) = flow_set(&set) else { continue };
        for message in dump(netlink, GET_ELEMENT, NEW_ELEMENT, &named(SET_NAME, &name))? {
            sum = elements(&message).map(|element| number(&name, element)).fold(sum, u64::wrapping_add);
        }
        chains.insert(format!("{REFUSE}{}", set.network));
    }
    for chain in chains {
        let rules = dump(netlink, GET_RULE, NEW_RULE, &named(RULE_CHAIN, &chain))?;
        sum = rules.iter().map(|rule| number(&chain, rule)).fold(sum, u64::wrapping_add);
    }
    Ok(sum)
}

/// The set's name, if it is one that counts flows.
fn flow_set(body: &[u8]) -> Option<(String, FlowSet)> {
    let name = attribute(body.get(4..)?, SET_NAME)?;
    let name = String::from_utf8_lossy(name).trim_end_matches('\0').to_owned();
    FlowSet::named(&name).map(|set| (name, set))
}

fn elements(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let list = attribute(body.get(4..).unwrap_or_default(), ELEMENTS).unwrap_or_default();
    attributes(list).map(|(_, element)| element)
}

/// The kernel tells elements in no order that lasts, so their numbers are summed.
fn number(of: &str, told: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    attributes(told).filter(|(kind, _)| *kind != ELEMENT_EXPIRATION).for_each(|part| part.hash(&mut hasher));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::netlink::append;

    fn element(packets: u8, left: u8) -> Vec<u8> {
        let mut element = Vec::new();
        append(&mut element, 1, true, &[10, 0, 0, 1]);
        append(&mut element, ELEMENT_EXPIRATION, false, &[left]);
        append(&mut element, 7, true, &[packets]);
        element
    }

    #[test]
    fn what_was_counted_makes_another_number_and_the_time_that_is_left_does_not() {
        assert_eq!(number("flows4-cell", &element(1, 9)), number("flows4-cell", &element(1, 8)));
        assert_ne!(number("flows4-cell", &element(1, 9)), number("flows4-cell", &element(2, 9)));
        assert_ne!(number("flows4-cell", &element(1, 9)), number("flows4-monitor", &element(1, 9)));
    }

    #[test]
    fn only_the_sets_of_flows_are_looked_into_and_all_their_elements() {
        assert_eq!(flow_set(&named(SET_NAME, "flows4-cell")).map(|(_, set)| set.network), Some("cell".to_owned()));
        assert_eq!(flow_set(&named(SET_NAME, "budget-cell")), None);
        let mut list = Vec::new();
        append(&mut list, 1, true, &element(1, 9));
        append(&mut list, 1, true, &element(2, 9));
        let mut body = named(SET_NAME, "flows4-cell");
        append(&mut body, ELEMENTS, true, &list);
        assert_eq!(elements(&body).collect::<Vec<_>>(), [element(1, 9), element(2, 9)]);
    }
}
