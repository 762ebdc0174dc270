//! Checkpoints: signed, followed, and not to be forged.

use std::fs;

use super::*;

fn written(lines: u64) -> About {
    let head = "a".repeat(64);
    About::Written(Written { segment: "x.jsonl".into(), bytes: lines, head, lines, sources: Default::default() })
}

fn book(lines: u64) -> (tempfile::TempDir, Notary) {
    let directory = tempfile::tempdir().unwrap();
    let notary = Notary::new(
        directory.path().join("audit.key"),
        vec![Anchor::File(directory.path().join("anchor"))],
        policy::DEFAULT_CHECKPOINT,
    );
    (1..=lines).for_each(|n| drop(notary.sign(vec![written(n)], || Ok(None)).unwrap()));
    (directory, notary)
}

#[test]
fn what_was_signed_is_read_back_from_the_log_and_the_anchor() {
    let (directory, notary) = book(3);
    for path in [notary.log(), directory.path().join("anchor")] {
        let book = Book::read(&path).unwrap().unbroken();
        assert!(book.faults.is_empty(), "{:?}", book.faults);
        assert_eq!(book.entries.iter().map(|entry| entry.checkpoint.sequence).collect::<Vec<_>>(), [1, 2, 3]);
    }
}

#[test]
fn no_byte_of_a_checkpoint_can_be_changed_and_none_taken_out() {
    let (_directory, notary) = book(3);
    let good = fs::read(notary.log()).unwrap();
    let second = good.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for at in (0..second).step_by(7) {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        fs::write(notary.log(), bytes).unwrap();
        assert!(!Book::read(&notary.log()).unwrap().unbroken().faults.is_empty(), "byte {at}");
    }
    fs::write(notary.log(), &good[second..]).unwrap();
    assert!(!Book::read(&notary.log()).unwrap().unbroken().faults.is_empty());
}

#[test]
fn a_crash_in_the_middle_of_a_checkpoint_is_no_fault_and_the_next_one_follows() {
    let (_directory, notary) = book(2);
    let mut torn = fs::read(notary.log()).unwrap();
    torn.extend_from_slice(b"{\"checkpoint\":{\"form");
    fs::write(notary.log(), torn).unwrap();
    notary.sign(vec![written(3)], || Ok(None)).unwrap();
    let book = Book::read(&notary.log()).unwrap().unbroken();
    assert!(book.faults.is_empty() && book.entries.len() == 3, "{book:?}");
}
