//! What is said of a file: one of four, and only the engine's own "OK" makes it clean.

use rustix::io::Errno;

use crate::clamd::Answer;
use crate::clamd::{ENCRYPTED, LIMITS, NAMELESS};

/// A verdict on one state of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Scanned whole, and nothing found.
    Clean,
    /// A signature matched: its name.
    Infected(String),
    /// Nobody looked at all of it.
    Unscanned(Why),
    /// The engine could not do its work.
    Error(String),
}

/// Why a file was not scanned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Why {
    /// Over the policy's `warden.max_size`, in bytes.
    TooLarge(u64),
    /// The engine gave up at one of its own limits: which.
    LimitsExceeded(String),
    /// The engine cannot look into it: what it calls it.
    Encrypted(String),
    /// A FIFO, a socket or a device: which.
    Special(&'static str),
    /// It was gone before it could be opened.
    Vanished,
    /// It changed each time it was scanned.
    Changed,
    /// It cannot be opened.
    Unreadable(Errno),
    /// Somebody holds a lease on it and does not give it up.
    Leased,
    /// A symbolic link, or one on the way to it.
    Link,
    /// The engine died of this content so often that it is not asked now.
    KillsEngine(u32),
}

impl Why {
    /// One word, for `cellblock.scan.why`.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::TooLarge(_) => "too-large",
            Self::LimitsExceeded(_) => "limits-exceeded",
            Self::Encrypted(_) => "encrypted",
            Self::Special(_) => "special-file",
            Self::Vanished => "vanished",
            Self::Changed => "changed-while-scanned",
            Self::Unreadable(_) => "unreadable",
            Self::Leased => "leased",
            Self::Link => "link",
            Self::KillsEngine(_) => "kills-engine",
        }
    }

    /// A sentence, for `event.reason`.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::TooLarge(limit) => format!("larger than warden.max_size, {limit} bytes"),
            Self::LimitsExceeded(name) => format!("the engine stopped at one of its limits: {name}"),
            Self::Encrypted(name) => format!("the engine cannot look into it: {name}"),
            Self::Special(kind) => format!("a {kind} has no content to scan"),
            Self::Vanished => "gone before it could be opened".to_owned(),
            Self::Changed => "it changed each time while it was scanned".to_owned(),
            Self::Unreadable(error) => format!("cannot be opened: {error}"),
            Self::Leased => "somebody holds a lease on it and does not give it up".to_owned(),
            Self::Link => "it is a symbolic link, or one is on the way to it; links are not followed".to_owned(),
            Self::KillsEngine(times) => {
                format!("the engine died of this content {times} times, and is asked about it once an hour")
            }
        }
    }

    /// Is the answer the same as long as the file does not change? Then it need not be given twice.
    pub(crate) fn is_lasting(&self) -> bool {
        matches!(self, Self::TooLarge(_) | Self::LimitsExceeded(_) | Self::Encrypted(_) | Self::Special(_))
    }
}

impl Verdict {
    /// One word, for `cellblock.scan.verdict`.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Infected(_) => "infected",
            Self::Unscanned(_) => "unscanned",
            Self::Error(_) => "error",
        }
    }
}

/// What an answer of clamd means for the file it is about.
pub(crate) fn judge(answer: Answer) -> Verdict {
    match answer {
        Answer::Clean => Verdict::Clean,
        Answer::Found(name) if name.starts_with(LIMITS) => Verdict::Unscanned(Why::LimitsExceeded(name)),
        Answer::Found(name) if name.starts_with(ENCRYPTED) => Verdict::Unscanned(Why::Encrypted(name)),
        Answer::Found(name) if name == NAMELESS => {
            Verdict::Unscanned(Why::LimitsExceeded("an engine before 1.0 does not say which".to_owned()))
        }
        Answer::Found(name) => Verdict::Infected(name),
        Answer::Failed(text) => Verdict::Error(text),
        Answer::Version(_) => Verdict::Error("the engine told its version instead of a verdict".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ok_is_clean_and_what_the_engine_did_not_read_is_unscanned() {
        let found = |name: &str| judge(Answer::Found(name.to_owned()));
        assert_eq!(judge(Answer::Clean), Verdict::Clean);
        assert_eq!(found("Eicar"), Verdict::Infected("Eicar".to_owned()));
        for name in ["Heuristics.Limits.Exceeded.MaxFileSize", "Heuristics.Limits.Exceeded"] {
            assert_eq!(found(name), Verdict::Unscanned(Why::LimitsExceeded(name.to_owned())));
        }
        for name in ["Heuristics.Encrypted.Zip", "Heuristics.Encrypted.Office.UNOFFICIAL"] {
            assert_eq!(found(name), Verdict::Unscanned(Why::Encrypted(name.to_owned())));
        }
        assert_eq!(found("(null)").word(), "unscanned", "no virus is called so");
        assert_eq!(found("(null).Trojan").word(), "infected");
        assert_eq!(found("Heuristics.Broken.Executable").word(), "infected");
        assert_eq!(judge(Answer::Failed("x".to_owned())).word(), "error");
        assert_eq!(judge(Answer::Version("ClamAV".to_owned())).word(), "error");
    }
}
