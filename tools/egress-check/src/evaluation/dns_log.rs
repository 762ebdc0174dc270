//! `--dns-log`: what resolvers outside were asked, as their log has it. A name can leave although no answer
//! comes back, so the log sees more than the prober does.
//!
//! Any log of lines will do: a label of ours is 96 random bits, and is looked for as it stands.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::fs::OFlags;

use crate::inspect::Observations;
use crate::probe::label;
use crate::verdict::Trace;

/// How long a resolver may take to write the control's own question down.
const TIMEOUT: Duration = Duration::from_secs(3);
/// How long to look for late questions after that, and how often.
const PAUSE: Duration = Duration::from_millis(200);
/// How much is read at once; the log may be of any size.
const CHUNK: usize = 64 * 1024;
/// In bytes: what follows the prefix is hex.
const LABEL: usize = label::PREFIX.len() + label::DIGITS;

/// A log, and how long it was before the first question.
#[derive(Debug)]
pub(crate) struct DnsLog {
    path: PathBuf,
    file: File,
    start: u64,
}

/// Which of our labels the log has.
#[derive(Debug, Default)]
pub(crate) struct Traces(BTreeSet<String>);

impl DnsLog {
    /// Opens a log before the first probe.
    ///
    /// # Errors
    /// If it cannot be read, or is no regular file.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = open(path)?;
        let start = file.metadata().with_context(|| path.display().to_string())?.len();
        Ok(Self { path: path.to_owned(), file, start })
    }

    /// Looks for the labels of these, until the controls' are there or time is up, and once more.
    ///
    /// # Errors
    /// If the log can no longer be read.
    pub(crate) fn traces<'a>(&mut self, all: impl Iterator<Item = &'a Observations>) -> Result<Traces> {
        let (mut wanted, mut controls) = (BTreeSet::new(), BTreeSet::new());
        for observations in all {
            wanted.extend(observations.name.as_deref().and_then(label::of));
            let control = observations.control_name.as_deref().filter(|_| observations.outside.is_some());
            controls.extend(control.and_then(label::of));
        }
        wanted.extend(controls.iter().cloned());
        let end = Instant::now() + TIMEOUT;
        while !controls.is_subset(&self.found(&wanted)?) && Instant::now() < end {
            std::thread::sleep(PAUSE);
        }
        std::thread::sleep(PAUSE);
        self.found(&wanted).map(Traces)
    }

    /// What of these stands in it since the start: in the file that was opened, and in the one that has its name now.
    fn found(&mut self, wanted: &BTreeSet<String>) -> Result<BTreeSet<String>> {
        let mut found = BTreeSet::new();
        let problem = || format!("{} cannot be read", self.path.display());
        let old = self.file.metadata().with_context(problem)?;
        // Cut short in place: what it has now is all new.
        let from = if old.len() < self.start { 0 } else { self.start };
        self.file.seek(SeekFrom::Start(from)).with_context(problem)?;
        scan(&mut self.file, wanted, &mut found).with_context(problem)?;
        let mut now = open(&self.path)?;
        let new = now.metadata().with_context(problem)?;
        if (new.dev(), new.ino()) != (old.dev(), old.ino()) {
            scan(&mut now, wanted, &mut found).with_context(problem)?;
        }
        Ok(found)
    }
}

impl Traces {
    /// What the log says of a probe's name: it left, it stayed while the control's left, or nothing.
    pub(crate) fn of(&self, observations: &Observations) -> Trace {
        let has =
            |name: &Option<String>| name.as_deref().and_then(label::of).is_some_and(|label| self.0.contains(&label));
        match (has(&observations.name), observations.outside.is_some() && has(&observations.control_name)) {
            (true, _) => Trace::Left,
            (false, true) => Trace::Stayed,
            (false, false) => Trace::Blind,
        }
    }
}

/// Opens without waiting for a writer, as a FIFO would make us.
fn open(path: &Path) -> Result<File> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    let file = File::options().read(true).custom_flags(flags).open(path);
    let file = file.with_context(|| format!("{} cannot be opened", path.display()))?;
    let regular = file.metadata().is_ok_and(|metadata| metadata.is_file());
    ensure!(regular, "{} is no regular file; --dns-log wants a log that grows", path.display());
    Ok(file)
}

/// Adds every wanted label in the bytes to `found`. Holds no more than a chunk, whatever a line's length.
fn scan(input: &mut impl Read, wanted: &BTreeSet<String>, found: &mut BTreeSet<String>) -> std::io::Result<()> {
    let mut bytes = Vec::with_capacity(CHUNK + LABEL);
    loop {
        // A label may lie across two chunks.
        bytes.drain(..bytes.len().saturating_sub(LABEL - 1));
        if input.by_ref().take(CHUNK as u64).read_to_end(&mut bytes)? == 0 {
            return Ok(());
        }
        let prefix = label::PREFIX.as_bytes();
        let begins = |window: &&[u8]| window.iter().zip(prefix).all(|(byte, own)| byte.eq_ignore_ascii_case(own));
        for window in bytes.windows(LABEL).filter(begins) {
            let label = String::from_utf8_lossy(window).to_ascii_lowercase();
            if wanted.contains(&label) {
                found.insert(label);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::observation::Observation;
    use proptest::prelude::*;

    const ONE: &str = "ec-0123456789abcdef01234567";
    const TWO: &str = "ec-76543210fedcba9876543210";

    fn observations(name: &str, control: Option<&str>) -> Observations {
        Observations {
            inside: Observation::Silent,
            outside: control.map(|_| Observation::Silent),
            name: Some(format!("{name}.example.com")),
            control_name: control.map(|label| format!("{label}.example.com")),
        }
    }

    fn trace(text: &str, observations: &Observations) -> Trace {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dns.log");
        std::fs::write(&path, format!("before {ONE} {TWO}\n")).unwrap();
        let mut log = DnsLog::open(&path).unwrap();
        let mut grown = std::fs::read(&path).unwrap();
        grown.extend(text.bytes());
        std::fs::write(&path, grown).unwrap();
        log.traces(std::iter::once(observations)).unwrap().of(observations)
    }

    #[test]
    fn a_name_in_the_log_left_and_one_beside_the_controls_stayed() {
        let both = observations(ONE, Some(TWO));
        assert_eq!(trace(&format!("10:00 1.2.3.4 {}.example.com. A\n", ONE.to_uppercase()), &both), Trace::Left);
        assert_eq!(trace(&format!("10:00 1.2.3.4 {TWO}.example.com A\n"), &both), Trace::Stayed);
        assert_eq!(trace("10:00 1.2.3.4 other.example.com A\n", &both), Trace::Blind, "what stood before is not ours");
        assert_eq!(trace(&format!("{TWO}\n"), &observations(ONE, None)), Trace::Blind);
    }

    #[test]
    fn a_log_that_was_rotated_is_read_in_both_parts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dns.log");
        std::fs::write(&path, "").unwrap();
        let mut log = DnsLog::open(&path).unwrap();
        std::fs::write(&path, format!("{ONE}\n")).unwrap();
        std::fs::rename(&path, folder.path().join("dns.log.1")).unwrap();
        std::fs::write(&path, format!("{TWO}\n")).unwrap();
        let wanted = BTreeSet::from([ONE.to_owned(), TWO.to_owned()]);
        assert_eq!(log.found(&wanted).unwrap(), wanted);
    }

    #[test]
    fn what_is_no_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        assert!(DnsLog::open(&path).is_err());
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR, 0).unwrap();
        assert!(DnsLog::open(&path).unwrap_err().to_string().contains("no regular file"));
    }

    proptest! {
        #[test]
        fn a_label_is_found_wherever_it_lies(before in 0usize..3 * CHUNK, after in 0usize..100) {
            let text = [vec![b'e'; before], ONE.as_bytes().to_vec(), vec![b'-'; after]].concat();
            let wanted = BTreeSet::from([ONE.to_owned()]);
            let mut found = BTreeSet::new();
            scan(&mut text.as_slice(), &wanted, &mut found).unwrap();
            prop_assert_eq!(found, wanted);
        }
    }
}
