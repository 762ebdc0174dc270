//! The numbers of `nf_tables` messages and attributes (`nf_tables.h`), and how its messages begin.

use crate::host::netlink::append;
use crate::host::numbers::{NFNL_SUBSYS_NFTABLES, NFPROTO_INET, NFT_MSG_DELTABLE};
use crate::rules::table::TABLE;

/// Messages that make, ask for, or take away.
pub(super) const NEW_TABLE: u16 = NFNL_SUBSYS_NFTABLES;
pub(super) const GET_TABLE: u16 = NFNL_SUBSYS_NFTABLES | 1;
pub(super) const DELETE_TABLE: u16 = NFT_MSG_DELTABLE;
pub(super) const NEW_CHAIN: u16 = NFNL_SUBSYS_NFTABLES | 3;
pub(super) const GET_CHAIN: u16 = NFNL_SUBSYS_NFTABLES | 4;
pub(super) const DELETE_CHAIN: u16 = NFNL_SUBSYS_NFTABLES | 5;
pub(super) const NEW_RULE: u16 = NFNL_SUBSYS_NFTABLES | 6;
pub(super) const GET_RULE: u16 = NFNL_SUBSYS_NFTABLES | 7;
pub(super) const DELETE_RULE: u16 = NFNL_SUBSYS_NFTABLES | 8;
pub(super) const NEW_SET: u16 = NFNL_SUBSYS_NFTABLES | 9;
pub(super) const GET_SET: u16 = NFNL_SUBSYS_NFTABLES | 10;
pub(super) const DELETE_SET: u16 = NFNL_SUBSYS_NFTABLES | 11;
pub(super) const NEW_ELEMENT: u16 = NFNL_SUBSYS_NFTABLES | 12;
pub(super) const GET_ELEMENT: u16 = NFNL_SUBSYS_NFTABLES | 13;
pub(super) const DELETE_ELEMENT: u16 = NFNL_SUBSYS_NFTABLES | 14;
pub(super) const GET_GENERATION: u16 = NFNL_SUBSYS_NFTABLES | 16;
pub(super) const GET_OBJECT: u16 = NFNL_SUBSYS_NFTABLES | 19;
pub(super) const GET_FLOWTABLE: u16 = NFNL_SUBSYS_NFTABLES | 23;

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

/// `NFTA_CHAIN_HOOK`, in which stand `NFTA_HOOK_HOOKNUM`, `NFTA_HOOK_PRIORITY` and `NFTA_HOOK_DEVS`.
pub(super) const CHAIN_HOOK: u16 = 4;
pub(super) const HOOK_NUMBER: u16 = 1;
pub(super) const HOOK_PRIORITY: u16 = 2;
pub(super) const HOOK_DEVICES: u16 = 4;
/// `NFTA_DEVICE_NAME`
pub(super) const DEVICE_NAME: u16 = 1;
/// `NFTA_CHAIN_POLICY` and `NFTA_CHAIN_TYPE`
pub(super) const CHAIN_POLICY: u16 = 5;
pub(super) const CHAIN_TYPE: u16 = 7;
/// `NFTA_RULE_CHAIN`, `NFTA_RULE_EXPRESSIONS` and `NFTA_RULE_USERDATA`: in the last, nft's note of type 0 is the
/// comment.
pub(super) const RULE_CHAIN: u16 = 2;
pub(super) const RULE_EXPRESSIONS: u16 = 4;
pub(super) const RULE_NOTES: u16 = 7;
/// `NFTA_SET_FLAGS`
pub(super) const SET_FLAGS: u16 = 3;
/// `NFTA_SET_ID`: a number that the sets of one batch are told apart by.
pub(super) const SET_ID: u16 = 10;
/// `NFTA_LIST_ELEM`: what stands in a list, of elements, of expressions.
pub(super) const LISTED: u16 = 1;
/// `NFTA_EXPR_NAME` and `NFTA_EXPR_DATA`
pub(super) const EXPRESSION_NAME: u16 = 1;
pub(super) const EXPRESSION_DATA: u16 = 2;
/// `NFTA_SET_ELEM_KEY`, around `NFTA_DATA_VALUE`
pub(super) const ELEMENT_KEY: u16 = 1;
/// `NFTA_SET_ELEM_FLAGS`
pub(super) const ELEMENT_FLAGS: u16 = 3;
/// `NFTA_SET_ELEM_EXPIRATION`: what is left of an element's time, which is another with each look.
pub(super) const ELEMENT_EXPIRATION: u16 = 5;
/// `NFTA_SET_ELEM_USERDATA`
pub(super) const ELEMENT_NOTES: u16 = 6;

/// `struct nfgenmsg`, for a table of both families.
const INET: [u8; 4] = [NFPROTO_INET, 0, 0, 0];

/// How every message about our table begins: with its family and its name.
pub(super) fn in_table() -> Vec<u8> {
    about(TABLE)
}

/// How every message about a table begins.
pub(super) fn about(table: &str) -> Vec<u8> {
    let mut body = INET.to_vec();
    append(&mut body, IN_TABLE, false, &text(table));
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
