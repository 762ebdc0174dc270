//! A report as records, for programs: the same as the text, and nothing is cut.

use record::cellblock::{Counts, Reference, Report as Part, Target};
use record::fields::{Container, Endpoint, File, Rule, Url};
use record::{Action, Category, Kind, Outcome, Provider, Record, Severity, Type};

use super::Report;
use super::check::Verdict;
use super::finding::{Finding, Standing, Standings};
use super::incident::{self, Jailed, Moved};
use super::refused::Refusal;
use super::span::{exact, long, timestamp};
use super::text::{NOBODY, said, window};
use crate::plural::many;

/// All of it, in the order of the text.
pub(crate) fn records(report: &Report) -> Vec<Record> {
    let mut all = vec![period(report)];
    all.extend(report.layers.iter().map(layer));
    all.extend(report.findings.iter().map(finding));
    all.extend(report.doubts.iter().map(|doubt| gap(None, "The answer may not be whole.", Some(doubt.as_str()))));
    all.extend(report.refusals.top.iter().map(refusal));
    all.extend(report.jailed.named.iter().map(jailed));
    all.extend(report.exposures().map(|one| moved(one, report.span.until)));
    all.extend(report.losses.named.iter().map(|loss| gap(Some((loss.time, loss.time)), &loss.message, None)));
    let newest = report.pauses.len().saturating_sub(incident::MOST);
    all.extend(report.pauses.iter().skip(newest).map(|pause| paused(*pause)));
    let silences = report.silences();
    all.extend(
        silences
            .into_iter()
            .map(|(from, to)| gap(Some((from, to)), &format!("Nothing is recorded for {}.", long(to - from)), None)),
    );
    all
}

fn new(action: Action, message: String) -> Record {
    Record::new(Provider::Auditdb, action, message).kind(Kind::State).about(Category::Database, Type::Info)
}

fn period(report: &Report) -> Record {
    let (activity, span) = (&report.activity, report.span);
    let mut record = new(Action::PeriodReported, format!("{} since then.", many(activity.lines(), "line", "lines")))
        .kind(Kind::Metric);
    (record.event.start, record.event.end) = (Some(timestamp(span.since)), Some(timestamp(span.until)));
    record.own().report = Some(Part {
        count: Some(activity.lines()),
        lines: Some(activity.slots.iter().map(|slot| slot.lines).collect()),
        requests: Some(activity.slots.iter().map(|slot| slot.requests).collect()),
        refusals: Some(activity.slots.iter().map(|slot| slot.refusals).collect()),
        ..Part::default()
    });
    record
}

fn layer(standings: &Standings) -> Record {
    let name = standings.layer.name();
    let mut record =
        new(Action::LayerReported, format!("The {name}: {}.", said(standings))).outcome(standings.verdict().outcome());
    if standings.last.is_none() {
        record = record.reason("no check of it is recorded");
    }
    record.event.end = standings.last.map(timestamp);
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let (passed, failed, unknown) = (count(standings.ok), count(standings.failed), count(standings.unknown));
    record.own().counts = Some(Counts { checked: passed + failed + unknown, passed, failed, unknown });
    record.own().report = Some(Part { layer: Some(name.to_owned()), ..Part::default() });
    record
}

fn finding(finding: &Finding) -> Record {
    let check = &finding.check;
    let is_mended = finding.standing == Standing::Mended;
    let verdict = if is_mended { Verdict::Ok } else { check.verdict };
    let mut record = new(Action::FindingReported, check.message.clone()).outcome(verdict.outcome());
    record.event.severity = if is_mended { Severity::Informational } else { Severity::from(check.severity) };
    record.event.reason.clone_from(&check.reason);
    record.event.end = Some(timestamp(check.time));
    record.container = check.container.as_deref().map(Container::named);
    record.rule =
        check.rule.clone().map(|id| Rule { id: Some(id), description: check.gain.clone(), ..Rule::default() });
    record.own().mend = check.mend.clone().filter(|_| !is_mended);
    record.own().report = Some(Part {
        layer: finding.layer.map(|layer| layer.name().to_owned()),
        standing: Some(finding.standing.word().to_owned()),
        fingerprint: Some(check.fingerprint()),
        ..Part::default()
    });
    record
}

fn refusal(refusal: &Refusal) -> Record {
    let Refusal { who, target, times, .. } = refusal;
    let message = format!("{who} was refused {target}, in {}.", many(*times, "line", "lines"));
    let mut record = new(Action::RefusalReported, message);
    record.event.reason.clone_from(&refusal.why);
    record.event.end = Some(timestamp(refusal.last));
    record.source = Some(Endpoint { address: Some(who.clone()), ..Endpoint::default() });
    record.destination = Some(Endpoint { address: Some(target.clone()), ..Endpoint::default() });
    let layer = refusal.layer().name();
    record.own().report = Some(Part { layer: Some(layer.to_owned()), count: Some(*times), ..Part::default() });
    record
}

fn jailed(file: &Jailed) -> Record {
    let message = format!("{}: {} {}.", file.action, file.path, file.found);
    let is_contained = file.action == "file-quarantined";
    let mut record =
        new(Action::IncidentReported, message).severity(if is_contained { Severity::High } else { Severity::Critical });
    record.event.start = Some(timestamp(file.time));
    record.file = Some(File { path: Some(file.path.clone()), ..File::default() });
    record.rule = Some(Rule { name: Some(file.found.clone()), ..Rule::default() });
    record.own().report = Some(Part { layer: Some("warden".to_owned()), ..Part::default() });
    record
}

fn moved(moved: &Moved, now: i64) -> Record {
    let target = |id: &Option<String>| id.clone().map(|id| Target { id, peeled: None });
    let message = format!("{} of {}: {}.", moved.name, moved.repo, window(moved, now));
    let mut record = new(Action::IncidentReported, message).severity(Severity::from(moved.severity));
    (record.event.start, record.event.end) = (Some(timestamp(moved.time)), moved.until.map(timestamp));
    record.url = Some(Url { full: Some(moved.repo.clone()), ..Url::default() });
    let own = record.own();
    own.reference = Some(Reference {
        name: moved.name.clone(),
        old: target(&moved.old),
        new: target(&moved.new),
        ..Reference::default()
    });
    own.report = Some(Part { layer: Some("monitor".to_owned()), ..Part::default() });
    record
}

fn paused((from, to): (i64, i64)) -> Record {
    let message = format!("No stream was read from {} to {}.", exact(from), exact(to));
    gap(Some((from, to)), &message, Some(NOBODY))
}

fn gap(span: Option<(i64, i64)>, message: &str, reason: Option<&str>) -> Record {
    let mut record = new(Action::GapReported, message.to_owned()).outcome(Outcome::Unknown).severity(Severity::Medium);
    record.event.reason = Some(reason.unwrap_or("nothing is known of what happened then").to_owned());
    (record.event.start, record.event.end) = (span.map(|(from, _)| timestamp(from)), span.map(|(_, to)| timestamp(to)));
    record.own().report = Some(Part { layer: Some("record".to_owned()), ..Part::default() });
    record
}
