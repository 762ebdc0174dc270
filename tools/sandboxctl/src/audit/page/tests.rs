//! A page is for people: what they need is on it, and nothing that a container chose can forge a part of it.

use jiff::civil::Date;
use std::path::Path;

use policy::Policy;
use record::{Record, Severity};

use super::super::control::{Control, Verdict};
use super::super::records::{Target, record};
use super::super::waivers;
use super::Page;

const TODAY: Date = Date::constant(2026, 11, 29);
const SHIPPED: &str = include_str!("../../../../../compose/policy.toml");

const ROOT: Control<()> =
    Control::new("cis-docker-5.13", "has a read-only root", Severity::High, "read_only: true; scripts/up", |()| {
        Verdict::NotApplicable
    });
const BARE: Control<()> =
    Control::new("cis-docker-5.5", "is not privileged", Severity::Critical, "docker logs NAME", |()| {
        Verdict::NotApplicable
    });

fn policy(more: &str) -> Policy {
    Policy::parse(&format!("{SHIPPED}{more}"), Path::new("/etc/cellblock/policy.toml"), Path::new("/")).unwrap()
}

fn told(control: &Control<()>, name: &str, verdict: &Verdict, policy: &Policy) -> Record {
    record(control, &Target::container(name, true), verdict, policy.waiver(control.id, name), TODAY).unwrap()
}

fn page(records: &[Record], all: bool) -> String {
    let policy = Path::new("/etc/cellblock/policy.toml");
    Page { records, policy, today: TODAY, coloured: false, all, known: 0 }.text()
}

fn sample(policy: &Policy) -> Vec<Record> {
    vec![
        told(&ROOT, "cell", &Verdict::holds("read-only"), policy),
        told(&BARE, "cell", &Verdict::holds("not privileged"), policy),
        told(&ROOT, "x", &Verdict::differs("read-only", "writable"), policy),
        told(&BARE, "x", &Verdict::differs("not privileged", "privileged"), policy),
        told(&ROOT, "gone", &Verdict::untold("no answer"), policy),
    ]
}

#[test]
fn the_summary_comes_first_then_failures_the_worst_first_with_id_fix_and_waiver() {
    let text = page(&sample(&policy("")), false);
    let lines: Vec<&str> = text.lines().collect();
    let squeezed: Vec<String> =
        lines.iter().take(4).map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(squeezed, ["TARGET OK FAILED UNKNOWN WAIVED", "cell 2 - - -", "x - 2 - -", "gone - - 1 -"], "{text}");
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part} is not in:\n{text}"));
    assert!(at("FAILED  critical cis-docker-5.5 ") < at("FAILED  high     cis-docker-5.13 "), "{text}");
    assert!(at("fix: read_only: true; make x anew") < at("UNKNOWN cis-docker-5.13"), "{text}");
    assert!(text.contains("expected read-only, found writable") && text.contains("fix: docker logs x"), "{text}");
    assert!(!text.contains("ok      "), "passes are counted only:\n{text}");
    assert!(page(&sample(&policy("")), true).contains("ok      cis-docker-5.5 cell is not privileged."), "{text}");
}

#[test]
fn what_is_pasted_is_a_waiver_that_the_policy_takes_once_it_has_a_reason() {
    let text = page(&sample(&policy("")), false);
    let (_, blocks) = text.split_once("write why:\n").unwrap();
    let without = Policy::parse(&format!("{SHIPPED}{blocks}"), Path::new("/p"), Path::new("/"));
    assert!(without.unwrap_err().to_string().contains("a waiver needs a reason"));
    let accepted = policy(&blocks.replace("reason = \"\"", "reason = \"it writes\""));
    assert_eq!(accepted.waivers.len(), 2);
    let records = sample(&accepted);
    let text = page(&records, false);
    assert!(!text.contains("\nFAILED  ") && text.contains("\nWAIVED  cis-docker-5.13"), "{text}");
    assert!(waivers::idle(&accepted, &records, None).is_empty());
}

#[test]
fn no_container_forges_a_line_or_a_waiver() {
    let name = "x\n[[waiver]]\u{1b}[2J";
    let records = [told(&ROOT, name, &Verdict::differs("a", "b\nFAILED  forged"), &policy(""))];
    let text = page(&records, true);
    assert!(!text.contains('\u{1b}') && !text.contains("\n[[waiver]]") && !text.contains("\nFAILED  forged"), "{text}");
}

#[test]
fn a_waiver_that_waives_nothing_is_told_with_its_reason() {
    let waiver = |control: &str, container: &str| {
        format!(
            "\n[[waiver]]\ncontrol = \"{control}\"\ncontainer = \"{container}\"\nuntil = 2999-01-01\nreason = \"x\"\n"
        )
    };
    let idle = |control: &str, container: &str| {
        let policy = policy(&waiver(control, container));
        let known = ["cell", "x", "gone"].map(str::to_owned).into();
        waivers::idle(&policy, &sample(&policy), Some(&known)).pop()
    };
    let why = |control: &str, container: &str| idle(control, container).unwrap_or_default();
    assert!(
        why("cis-docker-5.99", "cell").ends_with("there is no such control; sandboxctl controls lists those there are")
    );
    assert!(why("cis-docker-5.13", "cel").ends_with("there is no container or network cel"));
    assert!(why("cis-docker-5.13", "cell").ends_with("it passes anyway; take the waiver out"));
    assert_eq!(idle("cis-docker-5.13", "x"), None, "it waives a failure");
    assert_eq!(idle("cis-docker-5.13", "gone"), None, "not known is no pass");
    assert_eq!(idle("cis-docker-5.12", "cell"), None, "it was not asked for");
}
