//! What the lines of the monitor come to.

use super::*;

fn say(action: &str, old: &str, new: &str, failed: bool) -> Said {
    let id = |id: &str| (!id.is_empty()).then(|| id.to_owned());
    let (action, repo, name) = (action.to_owned(), "r".to_owned(), "refs/tags/v1".to_owned());
    let check = Check { rule: Some(action.clone()), ..Check::default() };
    Said { action, repo, name, old: id(old), new: id(new), failed, check, ..Said::default() }
}

/// What is wrong after each of these lines.
fn wrong(lines: &[Said]) -> Vec<Vec<String>> {
    let mut fold = Fold::default();
    let mut after = |line: &Said| {
        fold.hear(line);
        fold.findings().into_iter().filter_map(|check| check.rule).collect()
    };
    lines.iter().map(&mut after).collect()
}

fn read(held: &[&str]) -> Said {
    Said { held: held.iter().map(|name| (*name).to_owned()).collect(), ..say("refs-read", "", "", false) }
}

#[test]
fn a_ref_is_wrong_until_it_is_back_where_it_was() {
    let lines = [
        say("ref-moved", "a", "b", true),
        say("ref-deleted", "b", "", true),
        say("ref-created", "b", "b", false),
        say("ref-first-seen", "", "b", false),
        say("ref-moved", "b", "a", true),
    ];
    assert_eq!(
        wrong(&lines),
        [vec!["ref-moved"], vec!["ref-deleted"], vec!["ref-deleted"], vec!["ref-deleted"], vec![]]
    );
}

#[test]
fn what_may_move_is_right_wherever_it_goes() {
    let lines =
        [say("ref-moved", "a", "b", true), say("ref-moved", "b", "c", false), say("ref-deleted", "c", "", false)];
    assert_eq!(wrong(&lines), [vec!["ref-moved"], vec![], vec![]]);
}

#[test]
fn a_pin_is_broken_until_a_round_does_not_say_so_and_one_that_holds_settles_a_move() {
    let broken = say("ref-pin-broken", "", "b", true);
    let lines = [broken.clone(), read(&[]), broken, read(&[]), read(&[])];
    assert_eq!(wrong(&lines).iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 1, 1, 0]);
    let lines = [say("ref-moved", "a", "b", true), read(&[]), read(&["refs/tags/v1"])];
    assert_eq!(wrong(&lines).iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 0]);
}

#[test]
fn many_that_moved_are_one_finding_more_until_all_are_back() {
    let lines = [
        say("ref-moved", "a", "b", true),
        say("refs-moved", "", "", true),
        read(&[]),
        say("ref-moved", "b", "a", true),
        say("refs-moved", "", "", true),
        read(&[]),
    ];
    assert_eq!(wrong(&lines)[2], ["refs-moved", "ref-moved"]);
    assert_eq!(wrong(&lines)[5], [""; 0]);
}
