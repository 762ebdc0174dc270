//! The man page knows every key that the parser knows, and no other.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

fn page(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../man").join(name)).unwrap()
}

/// The keys that the page documents: `.It Ic cell.share.size …`, as the schema writes them.
fn documented(page: &str) -> BTreeSet<String> {
    let items = page.lines().filter_map(|line| line.strip_prefix(".It Ic "));
    items.filter_map(|item| item.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn every_key_is_in_the_man_page_and_nothing_else_is() {
    let keys: Vec<String> = policy::keys().collect();
    let is_table = |key: &&String| keys.iter().any(|other| other.starts_with(&format!("{key}.")));
    let known: BTreeSet<String> = keys.iter().filter(|key| key.contains('.') && !is_table(key)).cloned().collect();
    let documented = documented(&page("cellblock-policy.5"));
    let missing: Vec<_> = known.difference(&documented).collect();
    let unknown: Vec<_> = documented.difference(&known).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "missing {missing:?}, unknown {unknown:?}");
}

#[test]
fn every_section_has_a_heading_in_the_man_page() {
    let page = page("cellblock-policy.5");
    for section in policy::keys().filter(|key| !key.contains('.')) {
        let headings = [format!(".Ss [{section}], "), format!(".Ss [[{section}]], ")];
        assert!(page.lines().any(|line| headings.iter().any(|heading| line.starts_with(heading))), "{section}");
    }
}

#[test]
fn the_example_of_the_man_page_loads() {
    let page = page("cellblock-policy.5");
    let example = page.split(".Bd -literal").last().and_then(|rest| rest.split(".Ed").next()).unwrap();
    let text: String = example.lines().skip(1).map(|line| format!("{}\n", line.replace("\\&", ""))).collect();
    crate::sample::parse(&text).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn every_special_purpose_block_is_in_the_man_page() {
    let page = page("cellblock-policy.5");
    for block in policy::special_purpose() {
        assert!(page.contains(&format!("{}", block.net)), "{}", block.net);
    }
}
