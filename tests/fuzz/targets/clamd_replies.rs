//! What stands where clamd should: a frame is one of the protocol's answers, word for word, or none.
//! "Clean" above all: a verdict that hostile bytes can talk us into is a virus that stays.
#![no_main]

use libfuzzer_sys::fuzz_target;
use scanwatch::{Answer, parse_reply};

fuzz_target!(|bytes: &[u8]| {
    for frame in bytes.split(|byte| *byte == 0) {
        let Ok((number, answer)) = parse_reply(frame) else { continue };
        let text = std::str::from_utf8(frame).expect("an answer is text");
        assert!(text.starts_with(&format!("{number}: ")), "the number is another: {text:?}");
        match answer {
            Answer::Clean => {
                let subject = text.strip_prefix(&format!("{number}: ")).and_then(|rest| rest.strip_suffix(": OK"));
                let subject = subject.expect("clean is `NUMBER: SUBJECT: OK`");
                let descriptor = subject.strip_prefix("fd[").and_then(|rest| rest.strip_suffix(']'));
                let known = subject == "stream" || descriptor.is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
                assert!(known, "clean for an unknown subject: {text:?}");
            }
            Answer::Found(name) => assert!(!name.is_empty() && text.ends_with(" FOUND"), "{text:?}"),
            Answer::Failed(_) => assert!(text.ends_with(" ERROR"), "{text:?}"),
            Answer::Version(version) => assert!(version.starts_with("ClamAV "), "{text:?}"),
        }
    }
});
