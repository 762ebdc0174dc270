//! The facts beside a jailed file: all that is needed to judge it again, and to put it back.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

/// The version of the format that is written.
const FORMAT: u32 = 1;
/// The largest sidecar that is read, in bytes: a path of 64 KiB in base64, and as text of nothing but control
/// characters. JSON writes each of these in six.
pub(crate) const MAX_SIDECAR: usize = 1024 * 1024;

/// The facts of a jailed file, as `<id>.json` beside its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sidecar {
    /// The format's number, [`Sidecar::FORMAT`].
    pub(crate) format: u32,
    /// The id, a `UUIDv7`, as in the file's name.
    pub(crate) id: String,
    /// When it was jailed, RFC 3339.
    pub(crate) jailed: String,
    /// Why: `infected` or `unscanned`.
    pub(crate) verdict: String,
    /// What was found: the signature's name, or why it was not scanned.
    pub(crate) found: String,
    /// VERSION of the engine.
    pub(crate) engine: String,
    /// The share it was in, as the warden knew it.
    pub(crate) share: String,
    /// Where in the share, for people.
    pub(crate) path: String,
    /// Where in the share, the exact bytes in base64.
    pub(crate) path_base64: String,
    /// SHA-256 of the content, in hex.
    pub(crate) sha256: String,
    /// The content's length in bytes.
    pub(crate) size: u64,
    /// Device, inode and number of names, when it was found.
    pub(crate) device: u64,
    /// The inode number on that device.
    pub(crate) inode: u64,
    /// How many names the inode had.
    pub(crate) links: u64,
    /// The permission bits, set-id bits included.
    pub(crate) mode: u32,
    /// The owner's uid.
    pub(crate) uid: u32,
    /// The owner's gid.
    pub(crate) gid: u32,
    /// Last change of content: seconds since 1970, and nanoseconds.
    pub(crate) modified: (i64, u32),
}

/// A sidecar that cannot be what we wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadSidecar(pub(crate) String);

impl std::fmt::Display for BadSidecar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no sidecar of ours: {}", self.0)
    }
}

impl std::error::Error for BadSidecar {}

impl Sidecar {
    /// The only format that is written and read.
    pub(crate) const FORMAT: u32 = FORMAT;

    /// Reads the sidecar of the entry `id`, at most 1 MiB, and insists that its parts fit each other.
    ///
    /// # Errors
    /// When it is not what we write: no JSON of these fields, another format, another id, no hash, or a
    /// path that leads out of a share.
    pub fn parse(bytes: &[u8], id: &str) -> Result<Self, BadSidecar> {
        let bad = |why: &str| BadSidecar(why.to_owned());
        if bytes.len() > MAX_SIDECAR {
            return Err(bad("too long"));
        }
        let sidecar: Self = serde_json::from_slice(bytes).map_err(|error| BadSidecar(error.to_string()))?;
        if sidecar.format != FORMAT {
            return Err(bad("of another version"));
        }
        if sidecar.id != id {
            return Err(bad("its id is another"));
        }
        if sidecar.sha256.len() != 64 || !sidecar.sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(bad("its sha256 is none"));
        }
        sidecar.below()?;
        Ok(sidecar)
    }

    /// Where in the share: bytes, relative, with single slashes.
    ///
    /// # Errors
    /// When `path_base64` is no such path.
    pub fn below(&self) -> Result<Vec<u8>, BadSidecar> {
        let bytes =
            BASE64_STANDARD.decode(&self.path_base64).map_err(|_| BadSidecar("its path is no base64".to_owned()))?;
        let is_plain = |part: &[u8]| !part.is_empty() && part != b"." && part != b".." && !part.contains(&0);
        if !bytes.split(|byte| *byte == b'/').all(is_plain) {
            return Err(BadSidecar("its path is none below a share".to_owned()));
        }
        Ok(bytes)
    }
}

/// A path in base64, as a sidecar and a record have it.
pub(crate) fn base64(path: &[u8]) -> String {
    BASE64_STANDARD.encode(path)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn example() -> Sidecar {
        Sidecar {
            format: FORMAT,
            id: "0193a1b2-0000-7000-8000-000000000000".to_owned(),
            jailed: "2026-11-22T05:00:00Z".to_owned(),
            verdict: "infected".to_owned(),
            found: "Eicar".to_owned(),
            engine: "ClamAV 1.4.6".to_owned(),
            share: "/share".to_owned(),
            path: "a/b".to_owned(),
            path_base64: base64(b"a/b"),
            sha256: "0".repeat(64),
            size: 3,
            device: 1,
            inode: 2,
            links: 1,
            mode: 0o644,
            uid: 0,
            gid: 0,
            modified: (1, 2),
        }
    }

    fn parse(sidecar: &Sidecar) -> Result<Sidecar, BadSidecar> {
        Sidecar::parse(&serde_json::to_vec(sidecar).unwrap(), &example().id)
    }

    #[test]
    fn what_was_written_is_read_back() {
        assert_eq!(parse(&example()), Ok(example()));
    }

    #[test]
    fn the_longest_path_of_the_worst_bytes_is_read_back() {
        let below = [vec![1; 255]; 1].concat();
        let below = std::iter::repeat_n(below, 256).collect::<Vec<_>>().join(&b'/');
        assert!(below.len() > crate::share::directory::MAX_PATH - 256);
        let path = String::from_utf8_lossy(&below).into_owned();
        let sidecar = Sidecar { path, path_base64: base64(&below), ..example() };
        assert_eq!(parse(&sidecar), Ok(sidecar));
    }

    #[test]
    fn a_sidecar_that_does_not_fit_is_refused() {
        let path = |bytes: &[u8]| Sidecar { path_base64: base64(bytes), ..example() };
        let table = [
            Sidecar { id: "other".to_owned(), ..example() },
            Sidecar { format: 2, ..example() },
            Sidecar { sha256: "0".repeat(63), ..example() },
            Sidecar { sha256: "A".repeat(64), ..example() },
            Sidecar { path_base64: "%".to_owned(), ..example() },
            path(b"../../etc/passwd"),
            path(b"/etc/passwd"),
            path(b"a//b"),
            path(b"a/./b"),
            path(b""),
            path(b"a\0b"),
        ];
        for sidecar in table {
            assert!(parse(&sidecar).is_err(), "{sidecar:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_fall(bytes: Vec<u8>) {
            prop_assert!(Sidecar::parse(&bytes, "x").is_err());
        }
    }
}
