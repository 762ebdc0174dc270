//! `cellblock-record(5)` and the types say the same: every action, every field, both ways.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;

use record::{Action, Record};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../man/cellblock-record.5");
/// A name that no field has: serde answers it with the names there are.
const NONE: &str = "no_such_name";

fn page() -> String {
    std::fs::read_to_string(PAGE).unwrap()
}

fn section<'a>(page: &'a str, name: &str) -> &'a str {
    let start = page.find(&format!(".Sh {name}\n")).unwrap();
    let rest = &page[start + 4..];
    &rest[..rest.find("\n.Sh ").unwrap()]
}

/// The items of a list, each with the subsection it stands in.
fn items(section: &str, macro_name: &str) -> Vec<(String, String)> {
    let mut group = String::new();
    let mut found = Vec::new();
    for line in section.lines() {
        if let Some(name) = line.strip_prefix(".Ss ") {
            group = name.to_owned();
        } else if let Some(item) = line.strip_prefix(&format!(".It {macro_name} ")) {
            found.push((group.clone(), item.to_owned()));
        }
    }
    found
}

/// The names that may stand at a path, as serde tells them; `None` where there is no object.
fn names(path: &[String]) -> Option<Vec<String>> {
    ["{}", "[{}]"].iter().find_map(|shape| {
        let inner = shape.replace("{}", &format!("{{\"{NONE}\":0}}"));
        let json = path.iter().rev().fold(inner, |inner, name| format!("{{\"{name}\":{inner}}}"));
        let error = Record::from_json(json.as_bytes()).unwrap_err().to_string();
        let expected = error.strip_prefix(&format!("unknown field `{NONE}`, expected "))?;
        Some(expected.split('`').skip(1).step_by(2).map(str::to_owned).collect())
    })
}

fn fields(path: &mut Vec<String>, found: &mut BTreeSet<String>) {
    for name in names(path).unwrap_or_default() {
        path.push(name);
        let inner = names(path).is_some();
        // The field sets themselves are headings, everything below is an item.
        if path.len() > 1 || !inner {
            assert!(found.insert(path.join(".")), "{path:?}");
        }
        fields(path, found);
        path.pop();
    }
}

#[test]
fn every_action_stands_on_the_page_under_its_tool_and_no_other_does() {
    let page = page();
    let on_page: BTreeSet<(String, String)> = items(section(&page, "ACTIONS"), "Cm").into_iter().collect();
    let emitted: BTreeSet<(String, String)> = Action::ALL
        .iter()
        .map(|(action, tool, _)| {
            let tool = if *tool == "every tool" { "Every tool" } else { tool };
            (tool.to_owned(), action.name().to_owned())
        })
        .collect();
    assert_eq!(emitted.difference(&on_page).collect::<Vec<_>>(), [] as [&(String, String); 0], "not on the page");
    assert_eq!(on_page.difference(&emitted).collect::<Vec<_>>(), [] as [&(String, String); 0], "no such action");
}

#[test]
fn every_field_stands_on_the_page_and_no_other_does() {
    let page = page();
    let on_page: BTreeSet<String> = items(section(&page, "FIELDS"), "Va").into_iter().map(|(_, item)| item).collect();
    let mut written = BTreeSet::new();
    fields(&mut Vec::new(), &mut written);
    assert!(written.contains("file.hash.sha256") && written.contains("@timestamp"), "{written:?}");
    assert_eq!(written.difference(&on_page).collect::<Vec<_>>(), [] as [&String; 0], "not on the page");
    assert_eq!(on_page.difference(&written).collect::<Vec<_>>(), [] as [&String; 0], "no such field");
}
