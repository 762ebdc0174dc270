//! How far a container's log is in the record: the time of the last line that is on the disk, and whose log it was.
//! Besides, how far the runs came that number their lines.
//!
//! ```text
//! 2026-11-28T21:00:00.123456789Z 1
//! container 3f6c…
//! run 0a1b2c3d4e5f-17 2026-11-28T21:00:00.123456Z
//! lost 12 2026-11-28T20:59:00Z 2026-11-28T21:00:00Z rotated
//! ```
//!
//! `lost` is what is known to be missing before it, and not in the record yet.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use record::LineNumber;
use tool::Lasting;

use super::lost::Lost;
use super::runs::{Reached, Runs};

/// A place in a container's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    /// The engine's time of the last line that was taken.
    pub(super) time: Timestamp,
    /// How many lines of that very time were taken.
    pub(super) lines: u64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.time, self.lines)
    }
}

impl FromStr for Position {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (time, lines) = text.trim_ascii_end().split_once(' ').ok_or(())?;
        Ok(Self { time: time.parse().map_err(|_| ())?, lines: lines.parse().map_err(|_| ())? })
    }
}

/// Where the reading of a container's log ended, and what is still to be told of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Where the last reading ended; `None` means to begin at the log's beginning.
    pub(super) at: Option<Position>,
    /// The id of the container whose log it was.
    pub(super) container: Option<String>,
    pub(super) runs: Runs,
    /// What is missing before it, and was not told yet.
    pub(super) lost: Lost,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.at.iter().try_for_each(|at| writeln!(f, "{at}"))?;
        self.container.iter().try_for_each(|id| writeln!(f, "container {id}"))?;
        for (run, Reached { number, time }) in &self.runs.reached {
            let time = time.map(|time| format!(" {time}")).unwrap_or_default();
            writeln!(f, "run {run}-{number}{time}")?;
        }
        if self.lost.is_nothing() { Ok(()) } else { writeln!(f, "lost {}", self.lost) }
    }
}

impl FromStr for Mark {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut lines = text.lines();
        let at = Some(lines.next().ok_or(())?.parse()?);
        let runs = Runs { whole: true, ..Runs::default() };
        let mut mark = Self { at, container: None, runs, lost: Lost::default() };
        for line in lines {
            match line.split_once(' ').ok_or(())? {
                ("container", id) => mark.container = Some(id.to_owned()),
                ("run", reached) => mark.runs.reached.extend([run(reached)?]),
                ("lost", lost) => mark.lost = lost.parse()?,
                _ => return Err(()),
            }
        }
        Ok(mark)
    }
}

fn run(text: &str) -> Result<(String, Reached), ()> {
    let (line, time) = text.split_once(' ').map_or((text, None), |(line, time)| (line, Some(time)));
    let LineNumber { run, number } = line.parse()?;
    Ok((run, Reached { number, time: time.map(str::parse).transpose().map_err(|_| ())? }))
}

/// The file that remembers it, in the record's folder.
#[derive(Debug, Clone)]
pub(crate) struct Bookmark(PathBuf);

impl Bookmark {
    /// Of this container. Its name is part of a path, so it must be one that Docker takes.
    ///
    /// # Errors
    /// If it is no container's name, or the folder cannot be made.
    pub(crate) fn of(container: &str, directory: &Path) -> Result<Self> {
        let fits = container.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
        ensure!(
            fits && container.starts_with(|c: char| c.is_ascii_alphanumeric()),
            "--from-docker: {container:?} is no name of a container: letters, digits and _.- after the first"
        );
        let folder = directory.join("collect");
        fs::create_dir_all(&folder).with_context(|| format!("{}: cannot be made", folder.display()))?;
        Ok(Self(folder.join(format!("{container}.position"))))
    }

    /// What was remembered. A mark that cannot be read costs a second reading, never a line: lines that were read
    /// before are known by their id and hash. What runs lost before it is then not known.
    pub(crate) fn load(&self) -> Mark {
        match fs::read_to_string(&self.0) {
            Ok(text) => text.parse().unwrap_or_default(),
            Err(error) => {
                let whole = error.kind() == io::ErrorKind::NotFound;
                Mark { runs: Runs { whole, ..Runs::default() }, ..Mark::default() }
            }
        }
    }

    /// Remembers it. The lines are on the disk already, so a crash before this repeats some and loses none.
    pub(crate) fn save(&self, mark: &Mark) -> io::Result<()> {
        tool::replace(&self.0, mark.to_string().as_bytes(), 0o600, Lasting::Unsynced)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_saved_is_loaded_and_what_is_no_position_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let bookmark = Bookmark::of("proxy", folder.path()).unwrap();
        assert!(bookmark.load().runs.whole && bookmark.load().at.is_none(), "nothing was read yet");
        for odd in ["half", "", "2026-11-28T21:00:00Z 1\nrun 0a1b2c3d4e5f-0"] {
            fs::write(folder.path().join("collect/proxy.position"), odd).unwrap();
            assert_eq!(bookmark.load(), Mark::default(), "{odd}");
        }
        let time = "2026-11-28T21:00:00.123456789Z".parse().unwrap();
        let mut mark = Mark { at: Some(Position { time, lines: 2 }), ..Mark::default() };
        mark.runs.whole = true;
        bookmark.save(&mark).unwrap();
        assert_eq!(bookmark.load(), mark, "as an older auditdb wrote it");
        mark.container = Some("3f6c".to_owned());
        mark.runs.reached.insert("0a1b2c3d4e5f".to_owned(), Reached { number: 17, time: Some(time) });
        mark.runs.reached.insert("1a1b2c3d4e5f".to_owned(), Reached { number: 1, time: None });
        mark.lost.rotate(time, time);
        bookmark.save(&mark).unwrap();
        assert_eq!(bookmark.load(), mark);
    }

    #[test]
    fn a_name_that_leaves_the_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for odd in ["", "../spool", "a/b", ".hidden", "-x"] {
            assert!(Bookmark::of(odd, folder.path()).is_err(), "{odd}");
        }
    }
}
