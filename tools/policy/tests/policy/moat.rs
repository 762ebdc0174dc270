//! `[moat]`.

use std::path::PathBuf;

use policy::{Deny, Protocol, Refuse};

use crate::sample::{DESIGN, parse, refuses, takes};

const DENY: &str = "[\"special-purpose\", \"on-link\"]";
const ALLOW: &str = "allow   = []";

fn with_deny(entry: &str) -> String {
    format!("[\"special-purpose\", \"on-link\", {entry:?}]")
}

fn with_hole(hole: &str) -> String {
    format!("allow = [{hole:?}]")
}

#[test]
fn neither_group_can_be_left_out() {
    for bad in ["[]", "[\"special-purpose\"]", "[\"on-link\"]", "[\"10.0.0.0/8\"]"] {
        refuses(DENY, bad, "moat.deny", "the LAN is within reach");
    }
}

#[test]
fn what_is_denied_is_answered_unless_the_policy_says_otherwise() {
    let with = |refuse: &str| format!("{ALLOW}\n{refuse}");
    assert_eq!(takes(ALLOW, &with("")).moat.refuse, Refuse::Reject);
    assert_eq!(takes(ALLOW, &with("refuse = \"reject\"")).moat.refuse, Refuse::Reject);
    assert_eq!(takes(ALLOW, &with("refuse = \"drop\"")).moat.refuse, Refuse::Drop);
    refuses(ALLOW, &with("refuse = \"rejct\""), "moat.refuse", "reject");
}

#[test]
fn a_range_an_address_and_a_file_are_told_apart() {
    let last = |entry: &str| takes(DENY, &with_deny(entry)).moat.deny.pop();
    assert_eq!(last("198.51.100.0/24"), Some(Deny::Net("198.51.100.0/24".parse().unwrap())));
    assert_eq!(last("2001:db8::/32"), Some(Deny::Net("2001:db8::/32".parse().unwrap())));
    assert_eq!(last("203.0.113.7"), Some(Deny::Net("203.0.113.7/32".parse().unwrap())));
    assert_eq!(last("./lists/bad.txt"), Some(Deny::File(PathBuf::from("/srv/cellblock/lists/bad.txt"))));
    assert_eq!(last("firehol.netset"), Some(Deny::File(PathBuf::from("/srv/cellblock/firehol.netset"))));
    assert_eq!(last("/var/lib/lists/x"), Some(Deny::File(PathBuf::from("/var/lib/lists/x"))));
}

#[test]
fn a_range_with_a_slip_is_not_taken_for_a_file() {
    refuses(DENY, &with_deny("10.1.2.3/8"), "moat.deny[3]", "write 10.0.0.0/8");
    refuses(DENY, &with_deny("10.0.0.0/33"), "moat.deny[3]", "prefix length");
    refuses(DENY, &with_deny("10.0.0/8"), "moat.deny[3]", "is no range");
    refuses(DENY, &with_deny("2001:db8::/129"), "moat.deny[3]", "prefix length");
    refuses(DENY, &with_deny("2001:db8::1/32"), "moat.deny[3]", "write 2001:db8::/32");
}

#[test]
fn an_unknown_group_names_the_nearest() {
    refuses(DENY, &with_deny("special_purpose"), "moat.deny[3]", "did you mean \"special-purpose\"?");
    refuses(DENY, &with_deny("onlink"), "moat.deny[3]", "did you mean \"on-link\"?");
    refuses(DENY, &with_deny("everything"), "moat.deny[3]", "a file such as");
    refuses(DENY, &with_deny("../list.txt"), "moat.deny[3]", "'..'");
}

#[test]
fn a_hole_inside_a_denied_group_is_fine() {
    let hole = takes(ALLOW, &with_hole("cell 192.168.1.53:53/udp")).moat.allow.pop().unwrap();
    assert_eq!((hole.port, hole.protocol), (53, Protocol::Udp));
    takes(ALLOW, &with_hole("cell [2001:db8:77::10]:443/tcp"));
}

#[test]
fn a_hole_to_a_whole_network_is_refused() {
    refuses(ALLOW, &with_hole("cell 192.168.1.0/24"), "moat.allow[1]", "whole range");
    refuses(ALLOW, &with_hole("cell 192.168.1.0/24:53/udp"), "moat.allow[1]", "whole range");
}

#[test]
fn a_hole_needs_a_known_network_that_is_open() {
    refuses(ALLOW, &with_hole("lan 192.168.1.53:53/udp"), "moat.allow[1]", "there is no network lan");
    refuses(ALLOW, &with_hole("monitor 192.168.1.53:53/udp"), "moat.allow[1]", "is sealed");
    takes(ALLOW, &with_hole("egress 192.168.1.53:53/udp"));
}

#[test]
fn a_hole_for_the_cell_does_not_survive_the_switch_to_proxied() {
    let text = DESIGN.replace(ALLOW, &with_hole("cell 192.168.1.53:53/udp")).replace("\"open\"", "\"proxied\"");
    assert!(parse(&text).expect_err("sealed").faults()[0].problem.contains("is sealed"));
}

#[test]
fn a_hole_to_a_peer_or_to_another_network_is_refused_but_not_one_to_the_host() {
    refuses(ALLOW, &with_hole("cell 172.30.1.7:80/tcp"), "moat.allow[1]", "peers need no hole");
    refuses(ALLOW, &with_hole("cell 172.30.2.1:80/tcp"), "moat.allow[1]", "of the network monitor");
    refuses(ALLOW, &with_hole("cell [fd6c:6c62:4::2]:80/tcp"), "moat.allow[1]", "of the network egress");
    takes(ALLOW, &with_hole("cell 172.30.1.1:11434/tcp"));
    takes(ALLOW, &with_hole("cell [fd6c:6c62:1::1]:11434/tcp"));
}

#[test]
fn the_same_hole_twice_is_refused_also_in_another_spelling() {
    let twice = "allow = [\"cell [fd00::5]:53/udp\", \"cell [fd00:0::5]:53/udp\"]";
    refuses(ALLOW, twice, "moat.allow[2]", "the same hole as element 1");
}
