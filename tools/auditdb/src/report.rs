//! One screen of what matters, folded from the record.
//!
//! The database is asked at the edge ([`gather()`]); what comes of the rows is decided apart from it. Then it is told
//! as text, as records or as a page.

mod activity;
mod check;
mod checks;
mod finding;
mod gather;
mod incident;
mod layer;
mod lines;
mod moved_refs;
mod page;
mod pause;
mod records;
mod refused;
mod repeated;
mod span;
mod text;

use activity::Activity;
use check::Verdict;
use finding::{Finding, Standing, Standings};
pub(crate) use gather::gather;
use incident::{Jailed, Loss, Moved, Newest};
pub(crate) use page::page;
pub(crate) use records::records;
use refused::Refusals;
pub(crate) use span::{DAY, Span};
pub(crate) use text::text;

/// What the record says of a time.
#[derive(Debug)]
pub(crate) struct Report {
    span: Span,
    /// The record has lines from before.
    is_older: bool,
    activity: Activity,
    layers: Vec<Standings>,
    findings: Vec<Finding>,
    /// The sentences of the security architecture: as they should be, not, unknown; and when they were tried.
    sentences: Option<([usize; 3], i64)>,
    refusals: Refusals,
    jailed: Newest<Jailed>,
    moved: Newest<Moved>,
    losses: Newest<Loss>,
    /// From and to of each stretch in which no stream wrote.
    pauses: Vec<(i64, i64)>,
    /// Why the answer itself may not be whole.
    doubts: Vec<String>,
}

/// What each form of it tells, chosen once for text, records and page.
impl Report {
    /// The findings that stand so. What is unknown has a part of its own; what was and is mended has none.
    fn found(&self, standing: Standing) -> Vec<&Finding> {
        let is_told = |finding: &&Finding| standing == Standing::Mended || finding.check.verdict == Verdict::Failed;
        self.findings.iter().filter(|finding| finding.standing == standing).filter(is_told).collect()
    }

    /// The checks that could not be evaluated.
    fn unknown(&self) -> Vec<&Finding> {
        let stands = |finding: &&Finding| finding.standing != Standing::Mended;
        self.findings.iter().filter(stands).filter(|finding| finding.check.verdict == Verdict::Unknown).collect()
    }

    /// The layers that nothing ever spoke for.
    fn never(&self) -> Vec<&'static str> {
        let never = self.layers.iter().filter(|standings| standings.last.is_none());
        never.map(|standings| standings.layer.name()).collect()
    }

    /// Moves of refs, but for those that only undid one.
    fn exposures(&self) -> impl Iterator<Item = &Moved> {
        self.moved.named.iter().filter(|moved| !moved.is_return)
    }

    /// From and to of each long stretch without a line, but for those that a pause explains.
    fn silences(&self) -> Vec<(i64, i64)> {
        let mut silences = self.activity.silences(self.span, self.is_older);
        silences.retain(|(from, to)| !self.pauses.iter().any(|pause| pause.0 <= *from && *to <= pause.1));
        silences
    }
}
