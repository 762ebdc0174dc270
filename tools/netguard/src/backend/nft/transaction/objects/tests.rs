//! What is copied of what the kernel tells, and what is not.

use super::*;

fn message(attributes: &[(u16, &[u8])]) -> Vec<u8> {
    let mut body = vec![1, 0, 0, 7];
    attributes.iter().for_each(|(kind, value)| append(&mut body, *kind, false, value));
    body
}

#[test]
fn what_only_the_kernel_gives_is_left_out_and_what_is_not_known_is_an_error() {
    let chain = message(&[(1, b"netguard\0"), (2, &[0; 8]), (3, b"inward\0"), (6, &[0; 4])]);
    let copy = object(&chain, &CHAIN_FORM, CHAIN_NAME).unwrap();
    assert_eq!(copy.name, "inward");
    assert_eq!(copy.body, [&in_table()[..4], &message(&[(1, b"netguard\0"), (3, b"inward\0")])[4..]].concat());
    let strange = message(&[(1, b"netguard\0"), (3, b"inward\0"), (99, &[0; 4])]);
    assert!(object(&strange, &CHAIN_FORM, CHAIN_NAME).unwrap_err().to_string().contains("99"));
    assert!(object(&chain[..chain.len() - 1], &CHAIN_FORM, CHAIN_NAME).is_err());
    assert!(object(&message(&[(1, b"netguard\0")]), &CHAIN_FORM, CHAIN_NAME).is_err());
}

fn table_with(sets: &[Vec<u8>]) -> Objects {
    let body = message(&[(1, b"netguard\0"), (2, &[0; 4])]);
    let chain = message(&[(1, b"netguard\0"), (3, b"inward\0")]);
    Objects {
        table: object(&body, &TABLE_FORM, IN_TABLE).unwrap(),
        chains: vec![object(&chain, &CHAIN_FORM, CHAIN_NAME).unwrap()],
        sets: sets.iter().map(|body| set(body).unwrap()).collect(),
        rules: Vec::new(),
    }
}

#[test]
fn sets_that_count_stay_where_they_are_of_the_planned_shape_and_else_the_table_goes() {
    let set = |name: &[u8], flags: u32, timeout: u8, note: &[u8]| {
        let timeout = [0, 0, 0, 0, 0, 0, 0, timeout];
        message(&[(1, b"netguard\0"), (2, name), (3, &flags.to_be_bytes()), (11, &timeout), (13, note)])
    };
    let planned = table_with(&[set(b"flows\0", FILLED, 9, b"a"), set(b"listed\0", 4, 0, b"a")]);
    let clear = |sets: &[Vec<u8>]| planned.deletion(&table_with(sets), &["flows".to_owned()]);
    let parts = |sets: &[&str], kept: &[&str]| Deletion::Parts {
        chains: vec!["inward".to_owned()],
        sets: sets.iter().map(|name| (*name).to_owned()).collect(),
        kept: kept.iter().map(|name| (*name).to_owned()).collect(),
    };
    let (old, listed) = (set(b"flows\0", FILLED, 9, b"of another nft"), set(b"listed\0", 4, 0, b"a"));
    let nameless = set(b"__set0\0", ANONYMOUS, 0, b"a");
    assert_eq!(clear(&[old, listed.clone(), nameless]), parts(&["listed"], &["flows"]));
    assert_eq!(clear(std::slice::from_ref(&listed)), parts(&["listed"], &[]));
    assert_eq!(clear(&[set(b"flows\0", FILLED, 8, b"a"), listed.clone()]), Deletion::Table);
    let mut dormant = table_with(&[listed]);
    dormant.table.body.push(1);
    assert_eq!(planned.deletion(&dormant, &[]), Deletion::Table);
}

#[test]
fn what_a_kernel_told_of_the_moat_is_copied_as_what_it_is() {
    macro_rules! seed {
        ($name:literal) => {
            include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fuzz/seeds/nft-messages/", $name))
                .as_slice()
        };
    }
    assert_eq!(object(seed!("table"), &TABLE_FORM, IN_TABLE).unwrap().name, TABLE);
    assert!(object(seed!("chain"), &CHAIN_FORM, CHAIN_NAME).is_ok());
    assert!(rule(seed!("rule")).unwrap().name.contains('/'));
    assert!(set(seed!("anonymous-set")).is_ok_and(|set| set.anonymous && !set.filled));
    assert!(set(seed!("set")).is_ok_and(|set| set.filled && !set.anonymous));
    assert!(!elements(&[seed!("elements").to_vec()]).unwrap().is_empty());
    for seed in [seed!("table"), seed!("chain"), seed!("rule"), seed!("set"), seed!("anonymous-set"), seed!("elements")]
    {
        let copies = copies(seed);
        assert!(!copies.is_empty() && copies.iter().all(|(copy, again)| again.as_ref() == Some(copy)));
    }
}

#[test]
fn a_rule_is_named_by_its_comment_and_forgets_what_it_counted() {
    let expression = |name: &[u8], data: &[u8]| {
        let (mut inner, mut outer) = (Vec::new(), Vec::new());
        append(&mut inner, 1, false, name);
        append(&mut inner, 2, true, data);
        append(&mut outer, 1, true, &inner);
        outer
    };
    let rule_with = |counted: &[u8]| {
        let list = [expression(b"counter\0", counted), expression(b"lookup\0", &[9; 8])].concat();
        rule(&message(&[(1, b"netguard\0"), (2, b"inward\0"), (3, &[0; 8]), (4, &list), (7, b"\x00\x0ccell/host/x\0")]))
    };
    let (mut seven, mut none) = (Vec::new(), Vec::new());
    append(&mut seven, 1, false, &7u64.to_be_bytes());
    append(&mut none, 1, false, &0u64.to_be_bytes());
    let rule = rule_with(&seven).unwrap();
    assert_eq!(rule.name, "cell/host/x");
    assert_eq!(rule, rule_with(&none).unwrap());
    assert!(rule.body.windows(8).any(|bytes| bytes == [9; 8]));
}

#[test]
fn elements_come_by_key_and_an_end_before_a_beginning() {
    let element = |address: u8, ends: bool| {
        let (mut value, mut inner, mut outer) = (Vec::new(), Vec::new(), Vec::new());
        append(&mut value, 1, false, &[10, 0, 0, address]);
        append(&mut inner, 1, true, &value);
        if ends {
            append(&mut inner, 3, false, &1u32.to_be_bytes());
        }
        append(&mut inner, 5, false, &[0; 8]);
        append(&mut outer, 1, true, &inner);
        outer
    };
    let list = [element(9, true), element(5, false), element(5, true), element(1, false)].concat();
    let copied = elements(&[message(&[(1, b"netguard\0"), (2, b"__set0\0"), (3, &list)])]).unwrap();
    let order: Vec<(u8, bool)> = copied.iter().map(|element| (element[15], element.len() > 16)).collect();
    assert_eq!(order, [(1, false), (5, true), (5, false), (9, true)]);
    assert!(elements(&[message(&[(1, b"netguard\0"), (3, &list[..list.len() - 3])])]).is_err());
}
