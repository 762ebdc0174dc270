//! `hash`: what is on the share, by its content. Evidence of a frozen cell, or what a later look is held against.
//! The prisoner decides how much there is: number, memory and time have a bound, and what they leave out is told.

mod inventory;

use std::collections::HashMap;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use policy::Policy;
use record::Provider;
use rustix::fs::{FileType, Stat, fstat};
use rustix::io::Errno;
use sha2::{Digest, Sha256};
use tool::{Exit, OutputArgs, Purpose, Writer};

use crate::cli::HashArgs;
use crate::records;
use crate::share::content::read_chunks;
use crate::share::directory::{Below, Root};
use crate::share::file_state::{Identity, Stamp, kind, size};
use crate::sources::walk::walk;
use inventory::{Inventory, Missing};

/// Why a file has no hash.
#[derive(Debug, PartialEq, Eq)]
enum Unhashed {
    /// It is gone, or something else stands there: the walk saw an older state.
    Gone,
    /// Its turn came after the time was over.
    Late,
    /// It is too large, or the kernel refuses it: a sentence.
    NotRead(String),
}

impl Unhashed {
    fn larger_than(bytes: u64) -> Self {
        Self::NotRead(format!("it is larger than {bytes} bytes, see --largest"))
    }
}

impl From<Errno> for Unhashed {
    fn from(refused: Errno) -> Self {
        Self::NotRead(refused.to_string())
    }
}

/// One record for each regular file of the share, the newest change first: that is what a prisoner did last.
///
/// # Errors
/// If the share cannot be opened, or the records cannot be written.
pub(crate) fn hash(args: &HashArgs, policy: &Policy, output: OutputArgs) -> anyhow::Result<Exit> {
    let until = Instant::now() + args.timeout;
    let root = Root::open(&args.share.folder(policy))?;
    let mut out = Writer::stdout(Provider::Scanwatch, Purpose::Tell, output, false);
    let largest = args.largest.unwrap_or(policy.warden.max_size).get();
    let mut hasher = Hasher { root: &root, largest, until, linked: HashMap::new() };
    // The walk has half of the time: however many folders there are, some of their files are read.
    let mut inventory = Inventory::new(args.most, Instant::now() + args.timeout / 2);
    // It ends early only where its time is over, which a record below says.
    let _ = walk(&root, Below::from([]), &mut inventory);
    for (folder, error) in &inventory.unread {
        out.check(&records::evidence::unhashed(&root.shown(folder), &error.to_string()))?;
    }
    let (missing, mut late) = (inventory.missing(), 0);
    for below in inventory.newest_first() {
        match hasher.digest(&below) {
            Ok((stat, sha256)) => out.check(&records::evidence::hashed(&root.shown(&below), &stat, &sha256))?,
            Err(Unhashed::Gone) => {}
            Err(Unhashed::Late) => late += 1,
            Err(Unhashed::NotRead(why)) => out.check(&records::evidence::unhashed(&root.shown(&below), &why))?,
        }
    }
    for why in left_out(missing, late) {
        out.check(&records::evidence::left_out(&root.shown(&[]), &why))?;
    }
    out.finish()
}

/// Why files were left out, a sentence for each reason.
fn left_out(missing: Missing, late: usize) -> Vec<String> {
    let more = |number, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    let mut reasons = Vec::new();
    if missing.late {
        reasons.push("the time for the walk was over before all folders were seen, see --timeout".to_owned());
    }
    if missing.unread > 0 {
        reasons.push(format!("{} could not be read", more(missing.unread, "more folder")));
    }
    if missing.files > 0 {
        reasons.push(format!("there are more files than fit, see --most: {}", more(missing.files, "older file")));
    }
    if late > 0 {
        reasons.push(format!("the time was over, see --timeout: {}", more(late, "file")));
    }
    reasons
}

/// Reads files within its bounds.
struct Hasher<'a> {
    root: &'a Root,
    /// The largest file that it reads, in bytes.
    largest: u64,
    until: Instant,
    /// Files of more than one name, by device and inode: a thousand links to one file cost one reading.
    linked: HashMap<Identity, (Stamp, String)>,
}

impl Hasher<'_> {
    /// The file as it is while it is read, and its SHA-256 in hex. A file that its writer changes meanwhile has another
    /// state afterwards; then it is read once more.
    fn digest(&mut self, below: &[u8]) -> Result<(Stat, String), Unhashed> {
        for _ in 0..2 {
            let file = self.root.spot(below).and_then(|spot| spot.open()).map_err(unopened)?;
            let before = fstat(&file)?;
            if kind(&before) != FileType::RegularFile {
                return Err(Unhashed::Gone);
            }
            if size(&before) > self.largest {
                return Err(Unhashed::larger_than(self.largest));
            }
            let stamp = Stamp::from(&before);
            if let Some((_, sha256)) = self.linked.get(&stamp.identity).filter(|(known, _)| *known == stamp) {
                return Ok((before, sha256.clone()));
            }
            let sha256 = read(file.as_fd(), self.largest, self.until)?;
            let after = fstat(&file)?;
            if stamp == Stamp::from(&after) {
                if after.st_nlink > 1 {
                    self.linked.insert(stamp.identity, (stamp, sha256.clone()));
                }
                return Ok((after, sha256));
            }
        }
        Err(Unhashed::from(Errno::BUSY))
    }
}

fn unopened(error: Errno) -> Unhashed {
    match error {
        Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NXIO => Unhashed::Gone,
        other => Unhashed::from(other),
    }
}

/// It may grow while it is read: its size beforehand is no bound.
fn read(file: BorrowedFd<'_>, largest: u64, until: Instant) -> Result<String, Unhashed> {
    let in_time = || if Instant::now() < until { Ok(()) } else { Err(Unhashed::Late) };
    let mut hash = Sha256::new();
    in_time()?;
    let total = read_chunks(file, largest.saturating_add(1), |bytes| {
        hash.update(bytes);
        in_time()
    })?;
    if total > largest { Err(Unhashed::larger_than(largest)) } else { Ok(hex::encode(hash.finalize())) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn digest(root: &Root, below: &[u8], largest: u64, until: Instant) -> Result<(Stat, String), Unhashed> {
        Hasher { root, largest, until, linked: HashMap::new() }.digest(below)
    }

    /// Without time nothing is read: so what is told then was not read twice.
    #[test]
    fn a_file_of_two_names_is_read_once() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a"), "abc").unwrap();
        std::fs::hard_link(dir.path().join("a"), dir.path().join("b")).unwrap();
        let root = Root::open(dir.path()).unwrap();
        let mut hasher = Hasher { root: &root, largest: 3, until: later(), linked: HashMap::new() };
        let (_, first) = hasher.digest(b"a").unwrap();
        hasher.until = Instant::now();
        assert_eq!(hasher.digest(b"b").unwrap().1, first);
        std::fs::write(dir.path().join("b"), "abcd").unwrap();
        hasher.largest = 4;
        assert_eq!(hasher.digest(b"a").unwrap_err(), Unhashed::Late, "it is another content");
    }

    fn later() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[test]
    fn a_file_is_told_by_its_content_and_a_link_is_none() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a"), "abc").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("link")).unwrap();
        let root = Root::open(dir.path()).unwrap();
        let (stat, sha256) = digest(&root, b"a", 3, later()).unwrap();
        // FIPS 180-2, appendix B.1.
        assert_eq!(sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(stat.st_size, 3);
        assert_eq!(digest(&root, b"link", 3, later()).unwrap_err(), Unhashed::Gone);
        assert_eq!(digest(&root, b"nothing", 3, later()).unwrap_err(), Unhashed::Gone);
    }

    #[test]
    fn when_the_time_is_over_a_file_has_no_hash() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a"), "abc").unwrap();
        let root = Root::open(dir.path()).unwrap();
        assert_eq!(digest(&root, b"a", 3, Instant::now()).unwrap_err(), Unhashed::Late);
    }

    #[test]
    fn a_file_over_the_bound_is_not_read_and_one_that_grows_over_it_is_not_read_on() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a"), "abc").unwrap();
        let root = Root::open(dir.path()).unwrap();
        assert_eq!(digest(&root, b"a", 2, later()).unwrap_err(), Unhashed::larger_than(2));
        let grown = std::fs::File::open(dir.path().join("a")).unwrap();
        assert_eq!(read(grown.as_fd(), 2, later()).unwrap_err(), Unhashed::larger_than(2));
    }

    #[test]
    fn each_reason_to_leave_something_out_is_told_for_itself() {
        assert!(left_out(Missing::default(), 0).is_empty());
        let reasons = left_out(Missing { files: 1, unread: 2, late: true }, 3).join("\n");
        for part in ["for the walk was over", "2 more folders could", "--most: 1 older file", "--timeout: 3 files"] {
            assert!(reasons.contains(part), "{reasons}");
        }
    }
}
