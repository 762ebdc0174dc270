//! What stands beside clamd's socket: one line each about the official database and about signatures of one's own.
//! Whoever runs clamd and freshclam writes it (compose/images/clamd/serve). Where there is nothing, nothing is known.
//! The writer parses what the prisoner made, so it is not trusted: a line is bounded, and only told.

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use policy::Clamd;

/// The longest line that is read, in bytes.
const LONGEST: u64 = 1024;

/// What came of signatures of one's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OwnSignatures {
    /// They are loaded: the name of the set.
    InForce(String),
    /// They are not: what is wrong, and in which line.
    Refused(String),
}

/// What came of the official database, in the words of `serve`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// It is there; what came of the last try to fetch it.
    Present(String),
    /// The database is not there, and why.
    Absent(String),
}

/// What `clamd/serve` says of one's own signatures.
pub(crate) fn own_signatures(clamd: &Clamd) -> Option<OwnSignatures> {
    own(&line(clamd, "signatures")?)
}

/// What `clamd/serve` says of the official database.
pub(crate) fn freshness(clamd: &Clamd) -> Option<Freshness> {
    fresh(&line(clamd, "database")?)
}

fn own(line: &str) -> Option<OwnSignatures> {
    let in_force = line.strip_prefix("in force: ").map(|name| OwnSignatures::InForce(name.to_owned()));
    in_force.or_else(|| line.strip_prefix("refused: ").map(|why| OwnSignatures::Refused(why.to_owned())))
}

fn fresh(line: &str) -> Option<Freshness> {
    if line.starts_with("official database (") {
        return Some(Freshness::Present(line.to_owned()));
    }
    line.starts_with("official database absent").then(|| Freshness::Absent(line.to_owned()))
}

fn line(clamd: &Clamd, name: &str) -> Option<String> {
    let Clamd::Unix(socket) = clamd else { return None };
    let path: PathBuf = socket.parent()?.join(name);
    // A FIFO in its place must not hold us.
    let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, rustix::fs::Mode::empty()).ok()?;
    let mut bytes = Vec::new();
    File::from(file).take(LONGEST).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    Some(text.lines().next()?.chars().filter(|c| !c.is_control()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_words_of_who_writes_them_say_something() {
        assert_eq!(own("in force: 3f2a91c4"), Some(OwnSignatures::InForce("3f2a91c4".to_owned())));
        assert_eq!(own("refused: a.yar line 2: x"), Some(OwnSignatures::Refused("a.yar line 2: x".to_owned())));
        assert_eq!(own("in force"), None);
        assert!(matches!(fresh("official database (daily.cvd main.cvd); last fetched"), Some(Freshness::Present(_))));
        assert!(matches!(fresh("official database absent: only the shipped"), Some(Freshness::Absent(_))));
        assert_eq!(fresh("all is well"), None);
    }

    #[test]
    fn the_lines_are_those_that_serve_writes() {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../compose/images/clamd/serve");
        let script = std::fs::read_to_string(script).unwrap();
        for words in ["official database ($found);", "official database absent:", "in force: $answer", "refused: $("] {
            assert!(script.contains(words), "{words}");
        }
    }

    #[test]
    fn what_stands_there_is_read_beside_the_socket_and_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let clamd = Clamd::Unix(dir.path().join("clamd.sock"));
        assert_eq!(own_signatures(&clamd), None);
        std::fs::write(dir.path().join("signatures"), format!("refused: \x1b[31m{}\nmore", "x".repeat(5000))).unwrap();
        let Some(OwnSignatures::Refused(why)) = own_signatures(&clamd) else { panic!("it was refused") };
        assert!(why.len() < 1024 && why.starts_with("[31mx"), "{why}");
    }
}
