//! What lies in layers and files, as its controls judge it.

use super::super::content::{Searched, layers::Layers};
use super::*;

fn searched(text: &str) -> Searched {
    let mut searched = Searched::default();
    searched.add(Ok(leak::in_file("/app/.env", &[".env"], text, leak::Rules::built_in())));
    searched
}

fn untold() -> Searched {
    Searched { untold: vec!["/app/.env is too large".to_owned()], ..Searched::default() }
}

#[test]
fn a_secret_in_a_file_fails_what_was_not_read_is_unknown_and_no_file_at_all_is_no_pass() {
    for id in ["cellblock-mounted-secret", "cellblock-compose-secret"] {
        let judged = |found: Option<Searched>| {
            let mut subject = subject("stranger", &sound(), &able());
            (subject.facts.given, subject.facts.composed) = (found.clone(), found);
            (control(id).judge)(&subject)
        };
        assert_eq!(judged(None), Verdict::NotApplicable, "{id}");
        assert_eq!(judged(Some(searched("A=b"))), Verdict::holds("none"), "{id}");
        assert_eq!(judged(Some(untold())), Verdict::untold("/app/.env is too large"), "{id}");
        let both = Searched { untold: untold().untold, ..searched("DB_PASSWORD=hunter2") };
        assert_eq!(judged(Some(both)), Verdict::differs("none", "/app/.env, line 1 (named so)"), "{id}");
    }
}

#[test]
fn layers_that_nobody_asked_for_say_nothing_and_those_that_were_not_read_are_unknown() {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(9);
    let broken = Layers::read(&[][..], until, leak::Rules::built_in());
    for id in super::super::content::OF_LAYERS {
        let judged = |layers| (control(id).judge)(&Subject { layers, ..subject("stranger", &sound(), &able()) });
        assert_eq!(judged(None), Verdict::NotApplicable, "{id}");
        assert!(matches!(judged(Some(Err("no answer".to_owned()))), Verdict::Unknown { .. }), "{id}");
        assert!(matches!(judged(Some(Ok(broken.clone()))), Verdict::Unknown { .. }), "{id}");
    }
}
