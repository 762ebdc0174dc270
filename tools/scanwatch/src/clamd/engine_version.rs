//! Which signatures the engine has in memory. Its VERSION tells the number of the official ones and nothing of one's
//! own. So for those it is asked as about any file. `custom-signatures` (compose/images/clamd) gives a fixed text the
//! name of the set as its signature, and here that text is planted. The answer is what is loaded, not what lies on a
//! disk.

use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use jiff::civil::DateTime;

use super::trial::memory;
use super::{Answer, Broken, Session};

/// The text, word for word as in `custom-signatures`.
const PROBE: &[u8] = b"Cellblock asks its engine: which signatures of our own are in force?";
/// What stands before the name of the set.
const GENERATION: &str = "Cellblock.Generation.";

/// Engine and signatures, as they are in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EngineVersion {
    /// VERSION, as the engine gives it.
    pub(crate) version: String,
    /// The name of the set of one's own signatures, where it tells one.
    pub(crate) own: Option<String>,
}

impl EngineVersion {
    /// Asks for both; each answer may take `timeout`, which must not be zero.
    ///
    /// # Errors
    /// When clamd breaks off, or answers with something else.
    pub(crate) fn ask(session: &mut Session, timeout: Duration) -> Result<Self, Broken> {
        let id = session.ask_version()?;
        let Answer::Version(version) = session.answer(id, timeout)? else {
            return Err(session.out_of_step(id));
        };
        let planted = memory("probe", |fd| rustix::io::write(fd, PROBE).map(|_| ()))?;
        let id = session.submit(planted.as_fd(), PROBE.len() as u64)?;
        let own = match session.answer(id, timeout)? {
            Answer::Found(name) => own(&name),
            Answer::Failed(text) => return Err(Broken::Gone(io::Error::other(text))),
            _ => None,
        };
        Ok(Self { version, own })
    }

    /// The number of the official signatures; `None` where clamd runs without.
    pub(crate) fn official(&self) -> Option<&str> {
        self.version.split('/').nth(1).filter(|number| !number.is_empty())
    }

    /// When the official signatures were built, by the clock of who did; `None` where it is not told.
    pub(crate) fn built(&self) -> Option<DateTime> {
        let text = self.version.split('/').nth(2)?;
        // As ctime(3) writes it, which pads the day with a space.
        let words: Vec<&str> = text.split_whitespace().collect();
        DateTime::strptime("%a %b %d %H:%M:%S %Y", words.join(" ")).ok()
    }

    /// As `rule.ruleset` says it: `clamav 27500`, `clamav unofficial`, `clamav 27500, own 3f2a91c4`.
    pub(crate) fn ruleset(&self) -> String {
        let official = self.official().unwrap_or("unofficial");
        match &self.own {
            Some(own) => format!("clamav {official}, own {own}"),
            None => format!("clamav {official}"),
        }
    }
}

impl fmt::Display for EngineVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.version)?;
        self.own.iter().try_for_each(|own| write!(f, " with signatures of your own ({own})"))
    }
}

/// `Cellblock.Generation.3f2a91c4.UNOFFICIAL`, and nothing that only looks like it.
fn own(name: &str) -> Option<String> {
    let rest = name.strip_prefix(GENERATION)?;
    let own = rest.strip_suffix(".UNOFFICIAL").unwrap_or(rest);
    (own.len() == 8 && own.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| own.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine_version(version: &str, own: Option<&str>) -> EngineVersion {
        EngineVersion { version: version.to_owned(), own: own.map(str::to_owned) }
    }

    #[test]
    fn the_ruleset_is_the_number_of_the_official_signatures_and_the_name_of_ones_own() {
        let official = "ClamAV 1.4.6/27500/Sat Nov 21 09:00:00 2026";
        assert_eq!(engine_version(official, None).ruleset(), "clamav 27500");
        assert_eq!(engine_version("ClamAV 1.4.6", None).ruleset(), "clamav unofficial");
        assert_eq!(engine_version(official, Some("3f2a91c4")).ruleset(), "clamav 27500, own 3f2a91c4");
        assert_ne!(engine_version(official, Some("3f2a91c4")), engine_version(official, Some("3f2a91c5")));
    }

    #[test]
    fn only_the_name_that_we_gave_tells_a_set() {
        assert_eq!(own("Cellblock.Generation.3f2a91c4.UNOFFICIAL").as_deref(), Some("3f2a91c4"));
        for other in [
            "Eicar-Test-Signature",
            "Cellblock.Generation.",
            "Cellblock.Generation.3f2a91c4x",
            "Cellblock.Generation.3f2a 1c4",
        ] {
            assert_eq!(own(other), None, "{other}");
        }
    }

    #[test]
    fn the_script_that_names_the_set_plants_the_same_text() {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../compose/images/clamd/custom-signatures");
        let script = std::fs::read_to_string(script).unwrap();
        let probe = std::str::from_utf8(PROBE).unwrap();
        assert!(script.contains(&format!("readonly probe='{probe}'")) && script.contains(":Cellblock.Generation.%s:"));
    }
}
