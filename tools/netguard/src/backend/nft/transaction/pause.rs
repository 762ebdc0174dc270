//! The table that drops what comes in from some interfaces: one chain in the kernel's `ingress` hook, and no rule.

use super::batch::{Batch, CREATE};
use super::kinds::{
    CHAIN_HOOK, CHAIN_NAME, CHAIN_POLICY, CHAIN_TYPE, DELETE_TABLE, DEVICE_NAME, HOOK_DEVICES, HOOK_NUMBER,
    HOOK_PRIORITY, NEW_CHAIN, NEW_TABLE, about, text,
};
use crate::host::netlink::append;
use crate::rules::table::PAUSE;

/// `NF_INET_INGRESS`
const INGRESS: u32 = 5;
/// The hook's lowest priority, so that no other chain sees a packet before.
const FIRST: i32 = i32::MIN;
/// `NF_DROP`
const DROP: u32 = 0;

/// The batch that makes the table, in the place of one that is there. With a generation, it is for that one only.
pub(crate) fn pause(interfaces: &[&str], generation: Option<u32>) -> Batch {
    let mut batch = resume(generation);
    batch.push(NEW_TABLE, CREATE, &about(PAUSE), format!("table {PAUSE}"));
    if !interfaces.is_empty() {
        batch.push(NEW_CHAIN, CREATE, &chain(interfaces), format!("the chain of table {PAUSE}"));
    }
    batch
}

/// The batch that deletes the pause's table, if it exists, whoever left it.
pub(crate) fn resume(generation: Option<u32>) -> Batch {
    let mut batch = Batch::begin(generation);
    batch.push(NEW_TABLE, CREATE, &about(PAUSE), format!("table {PAUSE}"));
    batch.push(DELETE_TABLE, 0, &about(PAUSE), format!("the end of table {PAUSE}"));
    batch
}

fn chain(interfaces: &[&str]) -> Vec<u8> {
    let mut devices = Vec::new();
    interfaces.iter().for_each(|name| append(&mut devices, DEVICE_NAME, false, &text(name)));
    let mut hook = Vec::new();
    append(&mut hook, HOOK_NUMBER, false, &INGRESS.to_be_bytes());
    append(&mut hook, HOOK_PRIORITY, false, &FIRST.to_be_bytes());
    append(&mut hook, HOOK_DEVICES, true, &devices);
    let mut body = about(PAUSE);
    append(&mut body, CHAIN_NAME, false, &text(PAUSE));
    append(&mut body, CHAIN_HOOK, true, &hook);
    append(&mut body, CHAIN_POLICY, false, &DROP.to_be_bytes());
    append(&mut body, CHAIN_TYPE, false, &text("filter"));
    body
}

#[cfg(test)]
mod tests {
    use super::super::kinds::IN_TABLE;
    use super::*;
    use crate::host::netlink::attribute;

    #[test]
    fn the_table_s_one_chain_drops_what_comes_in_from_the_interfaces() {
        let batch = pause(&["br-cell", "br-monitor"], Some(7));
        let table = batch.bodies(NEW_TABLE).remove(0);
        assert_eq!(attribute(&table[4..], IN_TABLE), Some(b"netguard-pause\0".as_slice()));
        assert_eq!(attribute(&table[4..], 2), None, "no flag: nft 1.0.6 prints no JSON of a table that has an owner");
        let chain = batch.bodies(NEW_CHAIN).remove(0);
        assert_eq!(attribute(&chain[4..], CHAIN_POLICY), Some([0; 4].as_slice()), "NF_DROP");
        assert_eq!(attribute(&chain[4..], CHAIN_TYPE), Some(b"filter\0".as_slice()));
        let hook = attribute(&chain[4..], CHAIN_HOOK).unwrap();
        assert_eq!(attribute(hook, HOOK_NUMBER), Some([0, 0, 0, 5].as_slice()), "NF_INET_INGRESS");
        let devices = attribute(hook, HOOK_DEVICES).unwrap();
        let names: Vec<&[u8]> = crate::host::netlink::attributes(devices).map(|(_, name)| name).collect();
        assert_eq!(names, [b"br-cell\0".as_slice(), b"br-monitor\0"]);
        assert!(pause(&[], None).bodies(NEW_CHAIN).is_empty(), "no interface, no chain");
    }
}
