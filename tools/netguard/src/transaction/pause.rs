//! The table that drops what comes in from some interfaces: one chain in the kernel's `ingress` hook, and no rule.

use super::batch::{Batch, CREATE};
use super::kinds::{CHAIN_NAME, DELETE_TABLE, IN_TABLE, INET, NEW_CHAIN, NEW_TABLE, text};
use crate::netlink::append;

/// The table's name, and its chain's.
pub(crate) const PAUSE: &str = "netguard-pause";
/// `NFTA_CHAIN_HOOK`, in which stand `NFTA_HOOK_HOOKNUM`, `NFTA_HOOK_PRIORITY` and `NFTA_HOOK_DEVS`.
const HOOK: u16 = 4;
const NUMBER: u16 = 1;
const PRIORITY: u16 = 2;
const DEVICES: u16 = 4;
/// `NFTA_DEVICE_NAME`
const DEVICE: u16 = 1;
/// `NF_INET_INGRESS`
const INGRESS: u32 = 5;
/// Before all others.
const FIRST: i32 = i32::MIN;
/// `NFTA_CHAIN_POLICY`: `NF_DROP`
const POLICY: (u16, u32) = (5, 0);
/// `NFTA_CHAIN_TYPE`
const TYPE: u16 = 7;

/// The batch that makes the table, in the place of one that is there. With a generation, it is for that one only.
pub(crate) fn pause(interfaces: &[&str], generation: Option<u32>) -> Batch {
    let mut batch = resume(generation);
    batch.push(NEW_TABLE, CREATE, &named(), format!("table {PAUSE}"));
    if !interfaces.is_empty() {
        batch.push(NEW_CHAIN, CREATE, &chain(interfaces), format!("the chain of table {PAUSE}"));
    }
    batch
}

/// The batch that takes it away, whoever left it, and if it is there.
pub(crate) fn resume(generation: Option<u32>) -> Batch {
    let mut batch = Batch::begin(generation);
    batch.push(NEW_TABLE, CREATE, &named(), format!("table {PAUSE}"));
    batch.push(DELETE_TABLE, 0, &named(), format!("the end of table {PAUSE}"));
    batch
}

fn named() -> Vec<u8> {
    let mut body = INET.to_vec();
    append(&mut body, IN_TABLE, false, &text(PAUSE));
    body
}

fn chain(interfaces: &[&str]) -> Vec<u8> {
    let mut devices = Vec::new();
    interfaces.iter().for_each(|name| append(&mut devices, DEVICE, false, &text(name)));
    let mut hook = Vec::new();
    append(&mut hook, NUMBER, false, &INGRESS.to_be_bytes());
    append(&mut hook, PRIORITY, false, &FIRST.to_be_bytes());
    append(&mut hook, DEVICES, true, &devices);
    let mut body = named();
    append(&mut body, CHAIN_NAME, false, &text(PAUSE));
    append(&mut body, HOOK, true, &hook);
    append(&mut body, POLICY.0, false, &POLICY.1.to_be_bytes());
    append(&mut body, TYPE, false, &text("filter"));
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netlink::attribute;

    #[test]
    fn the_table_s_one_chain_drops_what_comes_in_from_the_interfaces() {
        let batch = pause(&["br-cell", "br-monitor"], Some(7));
        let table = batch.bodies(NEW_TABLE).remove(0);
        assert_eq!(attribute(&table[4..], IN_TABLE), Some(b"netguard-pause\0".as_slice()));
        assert_eq!(attribute(&table[4..], 2), None, "no flag: nft 1.0.6 prints no JSON of a table that has an owner");
        let chain = batch.bodies(NEW_CHAIN).remove(0);
        assert_eq!(attribute(&chain[4..], POLICY.0), Some([0; 4].as_slice()), "NF_DROP");
        assert_eq!(attribute(&chain[4..], TYPE), Some(b"filter\0".as_slice()));
        let hook = attribute(&chain[4..], HOOK).unwrap();
        assert_eq!(attribute(hook, NUMBER), Some([0, 0, 0, 5].as_slice()), "NF_INET_INGRESS");
        let devices = attribute(hook, DEVICES).unwrap();
        let names: Vec<&[u8]> = crate::netlink::attributes(devices).map(|(_, name)| name).collect();
        assert_eq!(names, [b"br-cell\0".as_slice(), b"br-monitor\0"]);
        assert!(pause(&[], None).bodies(NEW_CHAIN).is_empty(), "no interface, no chain");
    }
}
