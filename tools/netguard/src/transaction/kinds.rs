//! The numbers of `nf_tables` messages and attributes (`nf_tables.h`), and how its messages begin.

use crate::netlink::append;
use crate::table::TABLE;

/// The subsystem, in the upper byte of a message's type.
pub(super) const NFTABLES: u16 = 10 << 8;
/// Messages that make, ask for, or take away.
pub(super) const NEW_TABLE: u16 = NFTABLES;
pub(super) const GET_TABLE: u16 = NFTABLES | 1;
pub(super) const DELETE_TABLE: u16 = NFTABLES | 2;
pub(super) const NEW_CHAIN: u16 = NFTABLES | 3;
pub(super) const GET_CHAIN: u16 = NFTABLES | 4;
pub(super) const DELETE_CHAIN: u16 = NFTABLES | 5;
pub(super) const NEW_RULE: u16 = NFTABLES | 6;
pub(super) const GET_RULE: u16 = NFTABLES | 7;
pub(super) const DELETE_RULE: u16 = NFTABLES | 8;
pub(super) const NEW_SET: u16 = NFTABLES | 9;
pub(super) const GET_SET: u16 = NFTABLES | 10;
pub(super) const DELETE_SET: u16 = NFTABLES | 11;
pub(super) const NEW_ELEMENT: u16 = NFTABLES | 12;
pub(super) const GET_ELEMENT: u16 = NFTABLES | 13;
pub(super) const DELETE_ELEMENT: u16 = NFTABLES | 14;
pub(super) const GET_GENERATION: u16 = NFTABLES | 16;
pub(super) const GET_OBJECT: u16 = NFTABLES | 19;
pub(super) const GET_FLOWTABLE: u16 = NFTABLES | 23;

/// `NFTA_GEN_ID`
pub(super) const GENERATION: u16 = 1;
/// In every message, the table's name comes first.
pub(super) const IN_TABLE: u16 = 1;
/// The name of a chain (`NFTA_CHAIN_NAME`), which is not where the others have it.
pub(super) const CHAIN_NAME: u16 = 3;
/// `NFTA_SET_NAME`, and `NFTA_SET_ELEM_LIST_SET`
pub(super) const SET_NAME: u16 = 2;
/// `NFTA_SET_ELEM_LIST_ELEMENTS`
pub(super) const ELEMENTS: u16 = 3;

/// `NFPROTO_INET`, in a `struct nfgenmsg`.
pub(super) const INET: [u8; 4] = [1, 0, 0, 0];

/// How every message about our table begins: with its family and its name.
pub(super) fn in_table() -> Vec<u8> {
    let mut body = INET.to_vec();
    append(&mut body, IN_TABLE, false, &text(TABLE));
    body
}

/// The same, and the name of something in it.
pub(super) fn named(kind: u16, name: &str) -> Vec<u8> {
    let mut body = in_table();
    append(&mut body, kind, false, &text(name));
    body
}

/// A name as the kernel wants it.
pub(super) fn text(name: &str) -> Vec<u8> {
    let mut text = name.as_bytes().to_vec();
    text.push(0);
    text
}
