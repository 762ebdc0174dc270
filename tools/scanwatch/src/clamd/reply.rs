//! What clamd answers within a session, as a pure function of one frame.
//!
//! A frame is what stands before a NUL: `7: fd[12]: Eicar-Test-Signature FOUND`. The id is ours,
//! counted by clamd from 1; the subject is `fd[N]` or `stream`; the word that decides stands at the
//! end. (clamd(8), "COMMANDS"; `clamd/session.c` and `clamd/scanner.c` of `ClamAV` 1.4.)

use std::fmt;

/// One answer of clamd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// `OK`: nothing found.
    Clean,
    /// `NAME FOUND`.
    Found(String),
    /// `TEXT ERROR`.
    Failed(String),
    /// `ClamAV 1.4.6/27500/…`: engine and signatures.
    Version(String),
}

/// A reply that is not in the protocol. The session that gave it cannot be trusted any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Garbled(pub(crate) String);

impl fmt::Display for Garbled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "clamd answered what is not in its protocol: {:?}", self.0)
    }
}

impl std::error::Error for Garbled {}

/// The longest frame that is taken, in bytes: a signature's name is far shorter.
pub(crate) const MAX_FRAME: usize = 8192;

/// Reads one frame, without its NUL: the number of the question it answers (from 1 on), and the answer.
///
/// # Errors
/// When it is not in the protocol, word for word.
pub fn parse(frame: &[u8]) -> Result<(u32, Answer), Garbled> {
    let garbled = || Garbled(String::from_utf8_lossy(frame).chars().take(200).collect());
    let text = std::str::from_utf8(frame).map_err(|_| garbled())?;
    if text.chars().any(char::is_control) {
        return Err(garbled());
    }
    let (id, rest) = text.split_once(": ").ok_or_else(garbled)?;
    let id = number(id).ok_or_else(garbled)?;
    Ok((id, answer(rest).ok_or_else(garbled)?))
}

fn answer(rest: &str) -> Option<Answer> {
    if rest.starts_with("ClamAV ") {
        return Some(Answer::Version(rest.to_owned()));
    }
    if let Some(result) = rest.split_once(": ").and_then(|(subject, result)| is_subject(subject).then_some(result)) {
        return match result {
            "OK" => Some(Answer::Clean),
            _ => found(result).or_else(|| failed(result)),
        };
    }
    // Errors of the session itself have no subject: "INSTREAM size limit exceeded. ERROR".
    failed(rest)
}

fn found(result: &str) -> Option<Answer> {
    let name = bare_name(result.strip_suffix(" FOUND")?);
    (!name.is_empty()).then(|| Answer::Found(name.to_owned()))
}

fn failed(result: &str) -> Option<Answer> {
    let text = result.strip_suffix(" ERROR")?;
    (!text.is_empty()).then(|| Answer::Failed(text.to_owned()))
}

/// Decimal, no sign, no leading zero: clamd counts from 1.
fn number(digits: &str) -> Option<u32> {
    let plain = !digits.starts_with('0') && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok())?
}

fn is_subject(subject: &str) -> bool {
    let fd = subject.strip_prefix("fd[").and_then(|rest| rest.strip_suffix(']'));
    subject == "stream" || fd.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// `ExtendedDetectionInfo yes` adds `(md5:size)` to the name; the name is what people know.
fn bare_name(name: &str) -> &str {
    let Some((bare, detail)) = name.strip_suffix(')').and_then(|inner| inner.rsplit_once('(')) else { return name };
    let Some((hash, size)) = detail.split_once(':') else { return name };
    let is_detail = hash.len() == 32
        && hash.bytes().all(|b| b.is_ascii_hexdigit())
        && !size.is_empty()
        && size.bytes().all(|b| b.is_ascii_digit());
    if is_detail { bare } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn replies_of_the_protocol_are_read_word_for_word() {
        let found = |name: &str| Answer::Found(name.to_owned());
        let failed = |text: &str| Answer::Failed(text.to_owned());
        let table: &[(&str, u32, Answer)] = &[
            ("1: fd[10]: OK", 1, Answer::Clean),
            ("2: stream: OK", 2, Answer::Clean),
            ("3: fd[4]: Eicar-Test-Signature FOUND", 3, found("Eicar-Test-Signature")),
            ("4: fd[4]: Eicar(44d88612fea8a8f36de82e1278abb02f:68) FOUND", 4, found("Eicar")),
            ("5: fd[4]: Odd(name) FOUND", 5, found("Odd(name)")),
            ("6: fd[4]: a FOUND FOUND", 6, found("a FOUND")),
            ("7: fd[4]: OK FOUND", 7, found("OK")),
            ("8: fd[12]: Not a regular file ERROR", 8, failed("Not a regular file")),
            ("9: INSTREAM size limit exceeded. ERROR", 9, failed("INSTREAM size limit exceeded.")),
            ("10: ClamAV 1.4.6", 10, Answer::Version("ClamAV 1.4.6".to_owned())),
        ];
        for (frame, id, answer) in table {
            assert_eq!(parse(frame.as_bytes()), Ok((*id, answer.clone())), "{frame}");
        }
    }

    #[test]
    fn hostile_replies_are_never_an_answer() {
        let table: &[&[u8]] = &[
            b"",
            b"OK",
            b"fd[1]: OK",
            b"1: OK",
            b"1: fd[10]: OK ",
            b"1: fd[10]: ok",
            b"1: fd[10]:OK",
            b"1: fd[10]: ",
            b"1: fd[10]:  FOUND",
            b"1: fd[]: OK",
            b"1: fd[-1]: OK",
            b"1: /etc/passwd: OK",
            b"0: fd[10]: OK",
            b"01: fd[10]: OK",
            b"+1: fd[10]: OK",
            b"4294967296: fd[10]: OK",
            b"1: fd[10]: x FOUND\n2: fd[11]: OK",
            b"1: fd[10]: \xff FOUND",
            b"1: UNKNOWN COMMAND",
            b"COMMAND READ TIMED OUT",
            b"1: fd[10]: x FOUND ERROR OK",
        ];
        for frame in table {
            assert!(parse(frame).is_err(), "{}", String::from_utf8_lossy(frame));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_fall_and_clean_is_only_ever_the_whole_word(frame: Vec<u8>) {
            if let Ok((_, Answer::Clean)) = parse(&frame) {
                prop_assert!(frame.ends_with(b"]: OK") || frame.ends_with(b": stream: OK"));
            }
        }
    }
}
