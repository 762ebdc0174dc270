//! A label that was never asked for before: whoever sees it has it from us, so no cache can answer for it. A log
//! outside that has it is evidence that the name left.

use anyhow::{Context, Result};
use rustix::rand::{GetRandomFlags, getrandom};

use crate::probe::question::Ask;

/// How each begins: a log is searched for these.
pub(crate) const PREFIX: &str = "ec-";
/// Hex digits after the prefix: 96 random bits.
pub(crate) const DIGITS: usize = 24;

/// Puts a fresh label before the name of a question that wants one.
///
/// # Errors
/// If the kernel has no random bytes.
pub(crate) fn put_on(ask: &mut Ask) -> Result<()> {
    let Some(question) = ask.question.as_mut().filter(|question| question.unique) else { return Ok(()) };
    question.name = format!("{}.{}", fresh()?, question.name);
    Ok(())
}

/// The unique label that a name begins with.
pub(crate) fn of(name: &str) -> Option<String> {
    let label = name.split('.').next()?.to_ascii_lowercase();
    let digits = label.strip_prefix(PREFIX)?;
    (digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(label)
}

fn fresh() -> Result<String> {
    let mut bits = [0u8; DIGITS / 2];
    getrandom(&mut bits, GetRandomFlags::empty()).context("no random bytes for a name")?;
    Ok(format!("{PREFIX}{}", hex::encode(bits)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::dns;
    use crate::probe::question::ProbeTarget;
    use record::cellblock::ProbeKind;

    #[test]
    fn a_question_that_wants_one_gets_one_and_no_two_are_alike() {
        let labelled = |unique| {
            let mut ask = dns(ProbeKind::Dns, ProbeTarget::OwnResolvers, "example.com", unique);
            put_on(&mut ask).unwrap();
            ask.question.unwrap().name
        };
        let (one, two) = (labelled(true), labelled(true));
        assert_ne!(one, two);
        assert!(one.ends_with(".example.com") && of(&one).is_some());
        assert_eq!(of(&one.to_uppercase()), of(&one), "0x20 changes the case of a name on its way");
        assert_eq!(labelled(false), "example.com");
    }

    #[test]
    fn other_names_have_none() {
        for name in ["", "example.com", "ec-12.example.com", "ec-zz00000000000000000000zz.example.com"] {
            assert_eq!(of(name), None, "{name}");
        }
    }
}
