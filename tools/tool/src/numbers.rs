//! Numbers the lines of a run, so that whoever reads them later can tell that some are gone.

use std::fs;
use std::path::{Path, PathBuf};

use record::LineNumber;

/// Names the file in which the runs of one stream go on counting, one after the other.
const FILE: &str = "CELLBLOCK_LINES";

/// Gives out the numbers of a run.
#[derive(Debug)]
pub(crate) struct Numbers {
    last: LineNumber,
    /// Where the next run of the same stream finds how far this one came.
    kept: Option<PathBuf>,
}

impl Numbers {
    /// Those of a stream: what follows has a run of its own, and several short runs can share one through a file.
    pub(crate) fn of_stream(following: bool) -> Option<Self> {
        let kept = std::env::var_os(FILE).filter(|file| !file.is_empty());
        kept.map(|file| Self::kept_in(Path::new(&file))).or_else(|| following.then(Self::fresh))
    }

    fn fresh() -> Self {
        Self { last: LineNumber::before_first(), kept: None }
    }

    /// Goes on where the file says. The file is taken away until the end: whoever is killed gives no number twice,
    /// for the next one then begins a new run.
    fn kept_in(path: &Path) -> Self {
        let read = fs::read_to_string(path).ok().and_then(|text| text.trim_ascii_end().parse().ok());
        let is_ours = fs::remove_file(path).is_ok();
        let mut numbers = read.filter(|_| is_ours).map_or_else(Self::fresh, |last| Self { last, kept: None });
        numbers.kept = Some(path.to_owned());
        numbers
    }

    /// Gives the next line's number, one more than the last.
    pub(crate) fn give(&mut self) -> LineNumber {
        self.last.number += 1;
        self.last.clone()
    }
}

impl Drop for Numbers {
    /// Where it cannot be written, the next run begins anew, and a reader sees that it did.
    fn drop(&mut self) {
        if let Some(path) = self.kept.as_ref().filter(|_| self.last.number > 0) {
            let _ = fs::write(path, format!("{}\n", self.last));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_a_run_count_from_one() {
        let mut numbers = Numbers::fresh();
        let (first, second) = (numbers.give(), numbers.give());
        assert_eq!((first.number, second.number, &first.run), (1, 2, &second.run));
    }

    #[test]
    fn runs_that_share_a_file_count_on_and_one_that_was_killed_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lines");
        let mut first = Numbers::kept_in(&file);
        let one = first.give();
        drop(first);
        let mut second = Numbers::kept_in(&file);
        assert_eq!(second.give(), LineNumber { number: 2, ..one.clone() });
        std::mem::forget(second);
        let third = Numbers::kept_in(&file).give();
        assert!(third.number == 1 && third.run != one.run, "{third}");
    }
}
