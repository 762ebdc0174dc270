//! A container's log as the engine tells it, made lines again: each piece has its time in front, and a line longer than
//! 16 KiB comes in several. What was taken before is left out.

use std::cmp::Ordering;

use jiff::Timestamp;

use super::bookmark::Position;
use super::input::{Cutter, Piece};

/// Takes the pieces of one reading of the log.
#[derive(Debug)]
pub(super) struct Log {
    cutter: Cutter,
    /// Where the last reading ended, until something newer came. Later a clock may go back, and lines with it.
    until: Option<Position>,
    /// Must the line that was read last still be there, or one behind it have been let go?
    expects: bool,
    /// How many lines of just that time were seen again.
    again: u64,
    at: Option<Position>,
}

impl Log {
    /// A log that was read up to there. `same` if it is the same container's: another one begins a log of its own.
    pub(super) fn resumed(at: Option<Position>, same: bool) -> Self {
        Self { cutter: Cutter::default(), until: at, expects: same, again: 0, at }
    }

    /// From which second on the engine is asked. A time that is still to come is a clock's that went back: then from
    /// the beginning, for the engine would leave out what came since.
    pub(super) fn since(at: Option<Position>, now: Timestamp) -> i32 {
        let second = at.filter(|at| at.time <= now).map_or(0, |at| at.time.as_second());
        second.try_into().unwrap_or(0)
    }

    /// The lines that a piece completes, and how far the log is taken with them.
    pub(super) fn take(&mut self, piece: &[u8]) -> Vec<Piece> {
        let Some((time, text)) = timed(piece) else { return self.cutter.take(piece) };
        let ends = text.ends_with(b"\n");
        if self.was_taken(time, ends) {
            return Vec::new();
        }
        let before = self.until.take().filter(|until| self.expects && self.again < until.lines);
        let gone = before.map(|until| Piece::Gone(until.time, time));
        let mut pieces: Vec<_> = gone.into_iter().chain(self.cutter.take(text)).collect();
        if ends {
            let lines = self.at.filter(|at| at.time == time).map_or(0, |at| at.lines) + 1;
            let at = Position { time, lines };
            self.at = Some(at);
            pieces.push(Piece::Until(at));
        }
        pieces
    }

    fn was_taken(&mut self, time: Timestamp, ends: bool) -> bool {
        let Some(until) = self.until else { return false };
        match time.cmp(&until.time) {
            Ordering::Less => true,
            Ordering::Equal if self.again < until.lines => {
                self.again += u64::from(ends);
                true
            }
            Ordering::Equal | Ordering::Greater => false,
        }
    }
}

fn timed(piece: &[u8]) -> Option<(Timestamp, &[u8])> {
    let space = piece.iter().position(|b| *b == b' ')?;
    let (time, text) = piece.split_at(space);
    Some((str::from_utf8(time).ok()?.parse().ok()?, text.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(nanosecond: i64, lines: u64) -> Position {
        Position {
            time: Timestamp::from_nanosecond(1_795_323_600_000_000_000 + i128::from(nanosecond)).unwrap(),
            lines,
        }
    }

    fn piece(nanosecond: i64, text: &str) -> Vec<u8> {
        format!("{} {text}", at(nanosecond, 0).time).into_bytes()
    }

    fn read(log: &mut Log, pieces: &[Vec<u8>]) -> (String, Option<Position>) {
        let (mut text, mut until) = (String::new(), None);
        for taken in pieces.iter().flat_map(|piece| log.take(piece)) {
            match taken {
                Piece::Lines(lines) => text.push_str(&String::from_utf8(lines).unwrap()),
                Piece::Until(position) => until = Some(position),
                odd => panic!("{odd:?}"),
            }
        }
        (text, until)
    }

    #[test]
    fn a_long_line_is_one_again_and_is_taken_when_its_end_is_here() {
        let mut log = Log::resumed(None, true);
        assert_eq!(read(&mut log, &[piece(1, "one ")]), (String::new(), None));
        assert_eq!(read(&mut log, &[piece(2, "line\n")]), ("one line\n".to_owned(), Some(at(2, 1))));
    }

    #[test]
    fn lines_that_were_taken_are_left_out_also_among_those_of_one_time() {
        let pieces = [piece(1, "a\n"), piece(2, "b\n"), piece(2, "c\n"), piece(2, "d\n"), piece(3, "e\n")];
        assert_eq!(read(&mut Log::resumed(Some(at(2, 2)), true), &pieces), ("d\ne\n".to_owned(), Some(at(3, 1))));
        assert_eq!(read(&mut Log::resumed(Some(at(3, 1)), true), &pieces), (String::new(), None));
        assert_eq!(read(&mut Log::resumed(Some(at(2, 2)), true), &pieces[..4]), ("d\n".to_owned(), Some(at(2, 3))));
    }

    #[test]
    fn a_clock_that_goes_back_loses_no_line() {
        let pieces = [piece(9, "a\n"), piece(1, "b\n")];
        assert_eq!(read(&mut Log::resumed(Some(at(5, 1)), false), &pieces), ("a\nb\n".to_owned(), Some(at(1, 1))));
        assert_eq!(Log::since(Some(at(5, 1)), at(4, 0).time), 0, "a time to come says nothing");
        assert_eq!(Log::since(Some(at(5, 1)), at(6, 0).time), 1_795_323_600);
        assert_eq!(Log::since(None, at(6, 0).time), 0);
    }

    #[test]
    fn a_log_that_begins_behind_the_line_that_was_read_last_has_let_go_of_lines() {
        let pieces = [piece(4, "d\n"), piece(5, "e\n")];
        let gone = |at, same| {
            let mut log = Log::resumed(Some(at), same);
            pieces.iter().flat_map(|piece| log.take(piece)).filter(|piece| matches!(piece, Piece::Gone(..))).count()
        };
        assert_eq!(gone(at(3, 1), true), 1);
        assert_eq!(gone(at(3, 1), false), 0, "another container's log");
        assert_eq!(gone(at(4, 1), true), 0);
        assert_eq!(gone(at(4, 2), true), 1, "one of two lines of that time");
    }

    #[test]
    fn a_piece_without_a_time_is_passed_on_as_it_is() {
        assert_eq!(read(&mut Log::resumed(None, true), &[b"no time\n".to_vec()]), ("no time\n".to_owned(), None));
    }

    proptest! {
        #[test]
        fn wherever_a_reading_breaks_off_the_next_one_takes_the_rest(
            gaps in proptest::collection::vec(0i64..3, 1..40),
            broke in any::<prop::sample::Index>(),
        ) {
            let times = gaps.iter().scan(0, |time, gap| { *time += gap; Some(*time) });
            let pieces: Vec<_> = times.enumerate().map(|(n, time)| piece(time, &format!("{n}\n"))).collect();
            let (first, until) = read(&mut Log::resumed(None, true), &pieces[..broke.index(pieces.len())]);
            let (second, _) = read(&mut Log::resumed(until, true), &pieces);
            let all: String = (0..pieces.len()).map(|n| format!("{n}\n")).collect();
            prop_assert_eq!(first + &second, all);
        }
    }
}
