//! The rules, held against texts with a label: `outside.tsv` was gathered before they were written; `formats.tsv` and
//! `harmless.tsv` beside them.

use super::*;

/// Each line: `secret` or `none`, the place, the text. Words of a command line stand between bars.
fn verdicts(corpus: &str) -> Vec<(bool, bool, String)> {
    let lines = corpus.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let verdict = |line: &str| {
        let mut parts = line.splitn(3, '\t');
        let (label, place, text) = (parts.next().unwrap(), parts.next().unwrap(), parts.next().unwrap());
        assert!(matches!(label, "secret" | "none"), "{line}");
        (label == "secret", !found(place, text).is_empty(), line.to_owned())
    };
    lines.map(verdict).collect()
}

fn found(place: &str, text: &str) -> Vec<String> {
    let words: Vec<String> = text.split(" | ").map(str::to_owned).collect();
    let labels: HashMap<String, String> =
        text.split_once('=').map(|(name, held)| (name.to_owned(), held.to_owned())).into_iter().collect();
    let variables = [text.to_owned()];
    let texts = match place {
        "env" => Texts { variables: &variables, ..Texts::default() },
        "command" => Texts { words: &words, ..Texts::default() },
        "health" => Texts { health_check: &words, ..Texts::default() },
        "label" => Texts { labels: Some(&labels), ..Texts::default() },
        "host" => Texts { hostname: text, ..Texts::default() },
        other => panic!("{other} is no place"),
    };
    places(&texts, Rules::built_in())
}

fn wrong(corpus: &str) -> Vec<String> {
    verdicts(corpus).into_iter().filter(|(is, seen, _)| is != seen).map(|(_, _, line)| line).collect()
}

#[test]
fn what_was_tried_from_outside_is_told_right_to_the_last() {
    let corpus = include_str!("outside.tsv");
    assert!(verdicts(corpus).iter().filter(|(is, ..)| *is).count() >= 60);
    assert_eq!(wrong(corpus), [""; 0]);
}

#[test]
fn documented_formats_and_what_only_sounds_like_secrets_are_told_right_to_the_last() {
    for (corpus, many) in [(include_str!("formats.tsv"), 130), (include_str!("harmless.tsv"), 310)] {
        assert!(verdicts(corpus).len() >= many);
        assert_eq!(wrong(corpus), [""; 0]);
    }
}

#[test]
fn a_place_and_how_it_was_known_are_told_and_no_value() {
    let secret = "ghp_0123456789abcdefghijABCDEFGHIJ012345";
    assert_eq!(found("env", &format!("X={secret}")), ["X (github-token)"]);
    assert_eq!(found("command", &format!("app | --token={secret}")), ["word 2 of the command line (github-token)"]);
    assert_eq!(found("command", "app | --password | hunter2"), ["word 2 of the command line (named so)"]);
    assert_eq!(found("label", "api-password=hunter2"), ["label api-password (named so)"]);
    assert_eq!(found("health", "CMD | curl | http://a:b3c4d5@x/"), ["word 3 of the health check (url-password)"]);
    assert_eq!(found("host", secret), ["the host name (github-token)"]);
}
