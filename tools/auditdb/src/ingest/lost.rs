//! Lines that are gone before anybody read them: told once a round, however many leaps there were in it.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use record::cellblock::Lost as Told;
use record::fields::Container;
use record::{Action, Category, Kind, LineNumber, Provider, Record, Severity, Type};

use super::runs::{Runs, Step};
use crate::plural::many;
use crate::source::Source;

/// What is known to be lost since it was told last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Lost {
    lines: u64,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    /// Did the engine let go of the line that was read last, and perhaps of more behind it?
    rotated: bool,
    /// It did, and no line has said yet whether one is missing.
    open: bool,
    /// May there be more than are counted?
    more: bool,
}

impl Lost {
    /// The engine's log begins behind the line that was read last.
    pub(super) fn rotate(&mut self, since: Timestamp, until: Timestamp) {
        (self.rotated, self.open, self.more) = (true, true, true);
        self.between(Some(since), Some(until));
    }

    /// A line came in. The first behind a rotation says whether one is missing, where it is numbered.
    pub(super) fn line(&mut self, runs: &mut Runs, line: Option<&str>, time: Option<Timestamp>) {
        let was_open = std::mem::take(&mut self.open);
        let Some(line) = line.and_then(|line| line.parse::<LineNumber>().ok()) else { return };
        let is_known = runs.reached.contains_key(&line.run);
        let step = runs.take(&line, time);
        if was_open && is_known {
            // Its run went on, so that its numbers tell all.
            self.more = false;
            self.rotated = step != Step::Follows;
        }
        if let Step::Leaps(lines, since) = step {
            self.lines = self.lines.saturating_add(lines);
            self.between(since, time);
        }
    }

    /// Is nothing known to be lost, or left open?
    pub(super) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    fn between(&mut self, since: Option<Timestamp>, until: Option<Timestamp>) {
        self.since = [self.since, since].into_iter().flatten().min();
        self.until = [self.until, until].into_iter().flatten().max();
    }

    /// The record of it, if there is something to tell. At the end of the input nothing more is waited for.
    pub(super) fn take(&mut self, source: &Source, container: Option<&str>, ended: bool) -> Option<Record> {
        if self.open && !ended {
            return None;
        }
        let Self { lines, since, until, rotated, more, .. } = std::mem::take(self);
        (rotated || lines > 0).then(|| {
            let least = if more { "At least " } else { "" };
            let message = match lines {
                0 => format!("Lines of {source} are lost; how many is not known."),
                _ => format!(
                    "{least}{} lost.",
                    many(lines, &format!("line of {source} is"), &format!("lines of {source} are"))
                ),
            };
            let mut record = Record::new(Provider::Auditdb, Action::LinesLost, message)
                .kind(Kind::PipelineError)
                .about(Category::Database, Type::Error)
                .severity(Severity::High)
                .reason(why(lines, rotated));
            (record.event.start, record.event.end) = (since, until);
            record.container = container.map(Container::named);
            let lines = Some(lines).filter(|lines| *lines > 0);
            record.own().lost = Some(Told { source: source.to_string(), lines });
            record
        })
    }
}

/// As a mark has it: how many lines, between which times, and in words what else is known.
impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = |time: Option<Timestamp>| time.map_or_else(|| "-".to_owned(), |time| time.to_string());
        write!(f, "{} {} {}", self.lines, time(self.since), time(self.until))?;
        let words = [(self.rotated, "rotated"), (self.open, "open"), (self.more, "more")];
        words.iter().filter(|(is, _)| *is).try_for_each(|(_, word)| write!(f, " {word}"))
    }
}

impl FromStr for Lost {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut words = text.split(' ');
        let mut next = || words.next().ok_or(());
        let time = |word: &str| if word == "-" { Ok(None) } else { word.parse().map(Some).map_err(|_| ()) };
        let lines = next()?.parse().map_err(|_| ())?;
        let mut lost = Self { lines, since: time(next()?)?, until: time(next()?)?, ..Self::default() };
        for word in words {
            *match word {
                "rotated" => &mut lost.rotated,
                "open" => &mut lost.open,
                "more" => &mut lost.more,
                _ => return Err(()),
            } = true;
        }
        Ok(lost)
    }
}

fn why(lines: u64, rotated: bool) -> &'static str {
    const ROTATED: &str = "the engine let go of the container's oldest lines before they were read";
    match (rotated, lines) {
        (true, 0) => "the engine let go of the container's oldest lines before they were read; no number counts them",
        (true, _) => ROTATED,
        (false, _) => "the numbers that the source gives its lines leave some out",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = "0a1b2c3d4e5f";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// What is told of these numbers behind a rotation, where a run was read up to 10.
    fn told(numbers: &[Option<u64>]) -> Option<(String, Option<u64>)> {
        let (mut lost, mut runs) = (Lost::default(), Runs { whole: true, ..Runs::default() });
        lost.line(&mut runs, Some(&format!("{RUN}-1")), Some(at(1)));
        runs.take(&LineNumber { run: RUN.to_owned(), number: 10 }, Some(at(10)));
        lost.rotate(at(10), at(20));
        for number in numbers {
            lost.line(&mut runs, number.map(|n| format!("{RUN}-{n}")).as_deref(), Some(at(20)));
        }
        let record = lost.take(&"vault".parse().unwrap(), Some("vault"), false)?;
        assert_eq!((record.event.start, record.event.end), (Some(at(10)), Some(at(20))));
        Some((record.message, record.cellblock.unwrap().lost.unwrap().lines))
    }

    #[test]
    fn a_rotation_is_counted_by_numbers_and_is_none_where_they_go_on() {
        assert_eq!(told(&[Some(31)]), Some(("20 lines of vault are lost.".to_owned(), Some(20))));
        assert_eq!(told(&[Some(11)]), None);
        assert_eq!(told(&[None]), Some(("Lines of vault are lost; how many is not known.".to_owned(), None)));
        assert_eq!(told(&[]), None, "the line behind it is still to come");
    }

    #[test]
    fn what_was_not_told_yet_is_remembered_as_it_was() {
        let mut lost = Lost::default();
        assert_eq!(lost.to_string().parse(), Ok(Lost::default()));
        lost.rotate(at(10), at(20));
        assert_eq!(lost.to_string().parse(), Ok(lost.clone()));
        lost.line(&mut Runs { whole: true, ..Runs::default() }, Some(&format!("{RUN}-7")), Some(at(21)));
        assert_eq!(lost.to_string(), "6 1970-01-01T00:00:10Z 1970-01-01T00:00:21Z rotated more");
        assert_eq!(lost.to_string().parse(), Ok(lost));
        for odd in ["", "1", "1 -", "x - -", "1 - - odd", "-1 - -"] {
            assert_eq!(odd.parse::<Lost>(), Err(()), "{odd}");
        }
    }

    #[test]
    fn a_run_that_was_never_seen_may_have_lost_what_came_before_it_too() {
        let (mut lost, mut runs) = (Lost::default(), Runs { whole: true, ..Runs::default() });
        lost.rotate(at(10), at(20));
        lost.line(&mut runs, Some(&format!("{RUN}-3")), Some(at(20)));
        let record = lost.take(&"vault".parse().unwrap(), None, false).unwrap();
        assert_eq!(record.message, "At least 2 lines of vault are lost.");
        assert!(lost.take(&"vault".parse().unwrap(), None, true).is_none(), "once");
    }
}
