//! Is this clamd one to rely on? Three questions whose answers we know beforehand. Only then is any file of the share
//! believed to be clean because clamd says so.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use policy::Clamd;
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};

use super::{Answer, Broken, EngineVersion, Session};

/// Longest wait for each answer of the trial.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Larger than any limit clamd knows (its files are below 2 GiB); sparse, so it costs nothing.
const BEYOND_ALL_LIMITS: u64 = 5 << 30;
/// What clamd calls a file that it did not scan whole, with `AlertExceedsMax yes`.
pub(crate) const LIMITS: &str = "Heuristics.Limits.Exceeded";

/// What clamd calls a file that it cannot look into, with `AlertEncrypted yes`, and so do our own signatures.
pub(crate) const ENCRYPTED: &str = "Heuristics.Encrypted.";
/// What clamd before 1.0 calls a file that it stopped at, and has no name for.
pub(crate) const NAMELESS: &str = "(null)";

/// A zip archive of one member, which says that it is encrypted (APPNOTE.TXT 4.4.4, bit 0).
const ENCRYPTED_ZIP: [u8; 124] = [
    // Local file header, name, 24 bytes of content.
    0x50, 0x4b, 3, 4, 20, 0, 1, 0, 0, 0, 0, 0, 0x21, 0x57, 0x78, 0x56, 0x34, 0x12, 24, 0, 0, 0, 12, 0, 0, 0, 1, 0, 0, 0,
    b'x', 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24,
    // Central directory, name.
    0x50, 0x4b, 1, 2, 20, 0, 20, 0, 1, 0, 0, 0, 0, 0, 0x21, 0x57, 0x78, 0x56, 0x34, 0x12, 24, 0, 0, 0, 12, 0, 0, 0, 1,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, b'x', // Its end.
    0x50, 0x4b, 5, 6, 0, 0, 0, 0, 1, 0, 1, 0, 47, 0, 0, 0, 55, 0, 0, 0, 0, 0,
];

/// The beginning of a RAR archive, version 5, whose names too are encrypted: its signature, and a header of type 4
/// (RAR 5.0 archive format, "Archive encryption header").
const ENCRYPTED_RAR: [u8; 22] =
    [b'R', b'a', b'r', b'!', 0x1a, 7, 1, 0, 0xe5, 0xc6, 0x6f, 0x20, 0x15, 4, 0, 0, 0, 0x0f, b's', b's', b's', b's'];

/// The beginning of an Office document with a password: a compound file with a stream `EncryptedPackage`
/// (MS-OFFCRYPTO 2.3.1).
fn encrypted_office() -> Vec<u8> {
    let name = "EncryptedPackage\0".encode_utf16().flat_map(u16::to_le_bytes);
    let magic = [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
    magic.into_iter().chain([0; 1016]).chain(name).chain([0; 512]).collect()
}

/// What the trial found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trust {
    /// The engine's version and the names of its signatures.
    pub(crate) engine_version: EngineVersion,
    /// Why it cannot be relied on; empty when it can.
    pub(crate) doubts: Vec<Doubt>,
}

impl Trust {
    /// All doubts, for people.
    pub(crate) fn reasons(&self) -> String {
        let doubts: Vec<String> = self.doubts.iter().map(ToString::to_string).collect();
        doubts.join("; ")
    }
}

/// A reason not to believe this clamd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// It did not flag the EICAR test file.
    Blind,
    /// It calls a file clean that it did not read, because the file is over a limit.
    SilentLimits,
    /// It calls an archive clean that it cannot look into.
    SilentEncryption,
    /// It calls an archive or a document clean that it cannot look into, for want of our signatures of those.
    UnknownEncryption,
    /// Over TCP a file over its limits cannot be planted.
    LimitsUnknown,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Blind => {
                "clamd does not flag the EICAR test file: load a signature database that has it \
                 (compose/images/clamd/signatures holds a small one)"
            }
            Self::SilentLimits => "clamd answers OK for files over its limits: set 'AlertExceedsMax yes' in clamd.conf",
            Self::SilentEncryption => {
                "clamd answers OK for archives that are encrypted: set 'AlertEncrypted yes' in clamd.conf"
            }
            Self::UnknownEncryption => {
                "clamd answers OK for RAR archives or Office documents that are encrypted: load \
                 compose/images/clamd/signatures/cellblock-encrypted.ndb"
            }
            Self::LimitsUnknown => {
                "whether clamd tells files over its limits cannot be checked over TCP: use its Unix socket"
            }
        })
    }
}

/// The EICAR test file (eicar.org), put together when it is needed, so that no file of ours holds it.
pub(crate) fn marker() -> Vec<u8> {
    [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$", "EICAR-STANDARD-", "ANTIVIRUS-TEST-FILE!", "$H+H*"].concat().into_bytes()
}

/// Plants the marker, what is encrypted in three formats, and a file over every limit. Sees whether all are told.
///
/// # Errors
/// When clamd cannot be reached or breaks off: then the trial says nothing of it.
pub(crate) fn examine_engine(address: &Clamd) -> Result<Trust, Broken> {
    let mut session = Session::connect(address)?;
    let engine_version = EngineVersion::ask(&mut session, TIMEOUT)?;
    let mut doubts = Vec::new();
    let marker = marker();
    let planted = memory("marker", |fd| rustix::io::write(fd, &marker).map(|_| ()))?;
    let id = session.submit(planted.as_fd(), marker.len() as u64)?;
    if !matches!(session.answer(id, TIMEOUT)?, Answer::Found(_)) {
        doubts.push(Doubt::Blind);
    }
    if !is_told(&mut session, &ENCRYPTED_ZIP)? {
        doubts.push(Doubt::SilentEncryption);
    }
    if !is_told(&mut session, &ENCRYPTED_RAR)? || !is_told(&mut session, &encrypted_office())? {
        doubts.push(Doubt::UnknownEncryption);
    }
    if matches!(address, Clamd::Tcp(_)) {
        doubts.push(Doubt::LimitsUnknown);
        return Ok(Trust { engine_version, doubts });
    }
    let huge = memory("huge", |fd| ftruncate(fd, BEYOND_ALL_LIMITS))?;
    let id = session.submit(huge.as_fd(), 0)?;
    if !matches!(session.answer(id, TIMEOUT)?, Answer::Found(name) if name.starts_with(LIMITS)) {
        doubts.push(Doubt::SilentLimits);
    }
    Ok(Trust { engine_version, doubts })
}

/// Does clamd say of this that it is encrypted?
fn is_told(session: &mut Session, bytes: &[u8]) -> Result<bool, Broken> {
    let locked = memory("locked", |fd| rustix::io::write(fd, bytes).map(|_| ()))?;
    let id = session.submit(locked.as_fd(), bytes.len() as u64)?;
    Ok(matches!(session.answer(id, TIMEOUT)?, Answer::Found(name) if name.starts_with(ENCRYPTED)))
}

/// A file in memory, to be submitted like any other.
pub(super) fn memory(name: &str, fill: impl FnOnce(&OwnedFd) -> rustix::io::Result<()>) -> io::Result<OwnedFd> {
    let fd = memfd_create(name, MemfdFlags::CLOEXEC)?;
    fill(&fd)?;
    Ok(fd)
}
