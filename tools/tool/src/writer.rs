//! Prints records, counts verdicts, and ends the run.

use std::io::{self, BufWriter, Stdout, Write};

use record::cellblock::{Counts, Engine};
use record::{Action, Kind, Outcome, Provider, Record, harmless};

use crate::exit::Exit;
use crate::numbers::Numbers;
use crate::output::OutputArgs;
use crate::pipe::unwritten;
use crate::text::render;

/// What a run is for: it decides what comes of one that checked nothing, or that nobody reads to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It judges. Nothing checked is no pass, and neither is a verdict that nobody read to the end.
    Judge,
    /// It lists, or does something: there may be nothing to list, and a reader may have seen enough.
    Tell,
}

/// Where the records of one run go. Every run ends with [`Writer::finish`].
#[derive(Debug)]
pub struct Writer<W: Write = BufWriter<Stdout>> {
    out: W,
    provider: Provider,
    purpose: Purpose,
    text: bool,
    coloured: bool,
    each_line: bool,
    counts: Counts,
    engine: Option<Engine>,
    /// Behind `out`: how far they came is kept when what is held back was written.
    numbers: Option<Numbers>,
}

impl Writer {
    /// To standard output. With `following`, every line is flushed as it is written, and has its number
    /// (`cellblock.line`); a terminal gets the same without numbers.
    #[must_use]
    pub fn stdout(provider: Provider, purpose: Purpose, args: OutputArgs, following: bool) -> Self {
        let mut writer = Self::to(BufWriter::new(io::stdout()), provider, purpose);
        writer.text = args.is_text();
        writer.coloured = args.is_coloured();
        writer.each_line = following || writer.text;
        writer.numbers = if writer.text { None } else { Numbers::of_stream(following) };
        writer
    }
}

impl<W: Write> Writer<W> {
    /// A writer of JSON lines to anything that takes bytes.
    pub fn to(out: W, provider: Provider, purpose: Purpose) -> Self {
        Self {
            out,
            provider,
            purpose,
            text: false,
            coloured: false,
            each_line: false,
            counts: Counts::default(),
            engine: None,
            numbers: None,
        }
    }

    /// Prints a record that is no check.
    ///
    /// # Errors
    /// [`OutputClosed`](crate::OutputClosed) when nobody reads any more; otherwise what the system says, a full disk
    /// for one.
    pub fn write(&mut self, record: &Record) -> anyhow::Result<()> {
        let mut line =
            if self.text { render(record, self.coloured) } else { harmless(&self.numbered(record)?).into_owned() };
        line.push('\n');
        let written = self.out.write_all(line.as_bytes());
        let flushed = if self.each_line { self.out.flush() } else { Ok(()) };
        written.and(flushed).map_err(|error| self.explain(error))
    }

    /// Prints text for people that stands in the place of records: a page that a run's records were folded into. They
    /// are counted one by one ([`Writer::count`]). Whoever chose a part of it, the page's maker has escaped that.
    ///
    /// # Errors
    /// As [`Writer::write`].
    pub fn page(&mut self, text: &str) -> anyhow::Result<()> {
        self.out.write_all(text.as_bytes()).map_err(|error| self.explain(error))?;
        self.flush()
    }

    fn numbered(&mut self, record: &Record) -> anyhow::Result<String> {
        let Some(numbers) = &mut self.numbers else { return record.to_json() };
        let mut record = record.clone();
        record.own().line = Some(numbers.give().to_string());
        record.to_json()
    }

    /// Prints the result of a check, and counts its outcome. A check with no outcome counts as unknown.
    ///
    /// # Errors
    /// As [`Writer::write`].
    pub fn check(&mut self, record: &Record) -> anyhow::Result<()> {
        self.count(record.event.outcome.unwrap_or(Outcome::Unknown));
        self.write(record)
    }

    /// Counts a check that has no line of its own.
    pub fn count(&mut self, outcome: Outcome) {
        self.counts.checked += 1;
        *match outcome {
            Outcome::Success => &mut self.counts.passed,
            Outcome::Failure => &mut self.counts.failed,
            Outcome::Unknown => &mut self.counts.unknown,
        } += 1;
    }

    /// Says which engine the run asked: it stands in `run-finished`.
    pub fn asked(&mut self, engine: impl Into<Engine>) {
        self.engine = Some(engine.into());
    }

    /// What has been counted so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Prints what is held back.
    ///
    /// # Errors
    /// As [`Writer::write`].
    pub fn flush(&mut self) -> anyhow::Result<()> {
        self.out.flush().map_err(|error| self.explain(error))
    }

    /// The verdict on what has been counted. A judge that checked nothing knows nothing.
    fn exit(&self) -> Exit {
        match (Exit::from(self.counts), self.purpose) {
            (Exit::Success, Purpose::Judge) if self.counts.checked == 0 => Exit::Unknown,
            (exit, _) => exit,
        }
    }

    /// What has been found stays found when the reader leaves; what a judge still had to say is not known.
    fn explain(&self, error: io::Error) -> anyhow::Error {
        let exit = match (self.counts.failed, self.purpose) {
            (1.., _) => Exit::Findings,
            (0, Purpose::Judge) => Exit::Unknown,
            (0, Purpose::Tell) => Exit::Success,
        };
        unwritten(error, exit)
    }

    /// Prints `run-finished` with the counts, flushes, and says how to exit.
    ///
    /// # Errors
    /// As [`Writer::write`].
    pub fn finish(mut self) -> anyhow::Result<Exit> {
        let exit = self.exit();
        let mut record = Record::new(self.provider, Action::RunFinished, format!("{} finished.", self.provider.name()))
            .kind(Kind::Metric);
        record.event.outcome = match exit {
            Exit::Findings => Some(Outcome::Failure),
            Exit::Unknown => Some(Outcome::Unknown),
            // Who lists, and checked nothing, has done its work: that is no pass.
            _ => Some(Outcome::Success).filter(|_| self.counts.checked > 0),
        };
        record.own().counts = Some(self.counts);
        record.own().engine = self.engine.take();
        self.write(&record)?;
        self.flush()?;
        Ok(exit)
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;
    use crate::pipe::OutputClosed;

    fn verdict(outcome: Outcome) -> Record {
        Record::new(Provider::Sandboxctl, Action::ControlEvaluated, "m").outcome(outcome)
    }

    fn run(purpose: Purpose, outcomes: &[Outcome]) -> (Exit, Vec<serde_json::Value>) {
        let mut bytes = Vec::new();
        let mut writer = Writer::to(&mut bytes, Provider::Sandboxctl, purpose);
        for outcome in outcomes {
            writer.check(&verdict(*outcome)).unwrap();
        }
        let exit = writer.finish().unwrap();
        let lines = String::from_utf8(bytes).unwrap();
        (exit, lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    #[test]
    fn an_empty_run_still_says_that_it_finished_and_is_no_pass_of_anybody() {
        for (purpose, expected, outcome) in [
            (Purpose::Judge, Exit::Unknown, serde_json::json!("unknown")),
            (Purpose::Tell, Exit::Success, serde_json::Value::Null),
        ] {
            let (exit, lines) = run(purpose, &[]);
            assert_eq!(exit, expected);
            assert_eq!(lines.len(), 1);
            assert_eq!(lines[0]["event"]["action"], "run-finished");
            assert_eq!(lines[0]["event"]["outcome"], outcome);
            assert_eq!(lines[0]["cellblock"]["counts"]["checked"], 0);
        }
    }

    #[test]
    fn what_could_not_be_checked_is_no_pass_and_a_failure_weighs_more() {
        assert_eq!(run(Purpose::Judge, &[Outcome::Success]).0, Exit::Success);
        assert_eq!(run(Purpose::Judge, &[Outcome::Success, Outcome::Unknown]).0, Exit::Unknown);
        let (exit, lines) = run(Purpose::Judge, &[Outcome::Unknown, Outcome::Failure, Outcome::Success]);
        assert_eq!(exit, Exit::Findings);
        assert_eq!(lines[3]["cellblock"]["counts"], serde_json::json!({"checked":3,"passed":1,"failed":1,"unknown":1}));
        assert_eq!(lines[3]["event"]["outcome"], "failure");
    }

    struct Refusing(ErrorKind);
    impl Write for Refusing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_leaves_turns_no_finding_into_a_pass() {
        let left = |purpose, outcome| {
            let error =
                Writer::to(Refusing(ErrorKind::BrokenPipe), Provider::Auditdb, purpose).check(&verdict(outcome));
            error.unwrap_err().downcast::<OutputClosed>().unwrap().0
        };
        assert_eq!(left(Purpose::Judge, Outcome::Failure), Exit::Findings);
        assert_eq!(left(Purpose::Judge, Outcome::Success), Exit::Unknown, "more may have come");
        assert_eq!(left(Purpose::Judge, Outcome::Unknown), Exit::Unknown);
        assert_eq!(left(Purpose::Tell, Outcome::Success), Exit::Success);
        assert_eq!(left(Purpose::Tell, Outcome::Failure), Exit::Findings);
    }

    #[test]
    fn a_closed_pipe_is_told_apart_from_a_full_disk() {
        let error = |kind| {
            let mut writer = Writer::to(Refusing(kind), Provider::Auditdb, Purpose::Judge);
            writer.write(&verdict(Outcome::Success)).unwrap_err()
        };
        assert!(error(ErrorKind::BrokenPipe).is::<OutputClosed>());
        assert!(!error(ErrorKind::StorageFull).is::<OutputClosed>());
    }
}
