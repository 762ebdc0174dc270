//! A verdict becomes a record. A known deviation stays visible: it passes, at severity low, with its waiver.

use jiff::civil::Date;
use policy::{Policy, Waiver};
use record::cellblock::{Cell, Control as Compared, Waived};
use record::fields::{Container, Image, Network, Rule, Vulnerability};
use record::{Action, Category, Kind, Outcome, Provider, Record, Severity, Type};

use super::catalogue::Pick;
use super::control::{BENCHMARK, Control, Verdict, reference};
use super::facts::Facts;
use super::mend;

/// What a control was held against.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    kind: &'static str,
    name: String,
    container: Option<Container>,
    /// The policy does not know it.
    stranger: bool,
}

impl Target {
    /// A container of which the engine told the name alone.
    pub(crate) fn container(name: &str, stranger: bool) -> Self {
        Self { kind: "container", name: name.to_owned(), container: Some(Container::named(name)), stranger }
    }

    /// A container, with its id and the name of its image.
    pub(crate) fn of(facts: &Facts, stranger: bool) -> Self {
        let container = Container {
            id: Some(facts.id.clone()),
            name: Some(facts.name.clone()),
            image: facts.image.clone().map(|name| Image { name: Some(name) }),
        };
        Self { kind: "container", name: facts.name.clone(), container: Some(container), stranger }
    }

    /// A network, by Docker's name of it.
    pub(crate) fn network(name: &str) -> Self {
        Self { kind: "network", name: name.to_owned(), container: None, stranger: false }
    }

    /// The engine; its waivers name it `engine`.
    pub(crate) fn engine() -> Self {
        Self { kind: "engine", name: "engine".to_owned(), container: None, stranger: false }
    }
}

/// Makes the records of one audit.
pub(crate) struct Scribe<'a> {
    pub(crate) policy: &'a Policy,
    /// Today, UTC: what waivers are held against.
    pub(crate) today: Date,
    /// The controls that were asked for.
    pub(crate) pick: &'a Pick,
    pub(crate) records: Vec<Record>,
}

impl Scribe<'_> {
    /// Takes down one verdict, unless the control does not apply.
    pub(crate) fn check<T>(&mut self, control: &Control<T>, target: &Target, verdict: &Verdict) {
        if self.pick.has(control) {
            self.check_always(control, target, verdict);
        }
    }

    /// The same for a control that nobody may leave out.
    pub(crate) fn check_always<T>(&mut self, control: &Control<T>, target: &Target, verdict: &Verdict) {
        let waiver = self.policy.waiver(control.id, &target.name);
        self.records.extend(record(control, target, verdict, waiver, self.today));
    }
}

/// The record of a verdict on this day.
pub(crate) fn record<T>(
    control: &Control<T>,
    target: &Target,
    verdict: &Verdict,
    waiver: Option<&Waiver>,
    today: Date,
) -> Option<Record> {
    let mut compared = Compared { target: Some(target.kind.to_owned()), ..Compared::default() };
    let claim = format!("{} {}", target.name, control.title);
    let base = base(
        control,
        target,
        &match verdict {
            Verdict::Pass { .. } | Verdict::NotApplicable => format!("{claim}."),
            Verdict::Fail { .. } => format!("It does not hold that {claim}."),
            Verdict::Unknown { .. } => format!("It could not be told whether {claim}."),
        },
    );
    let mut record = match verdict {
        Verdict::NotApplicable => return None,
        Verdict::Pass { found } => {
            compared.found = Some(found.clone());
            base.outcome(Outcome::Success)
        }
        Verdict::Unknown { reason } => base.outcome(Outcome::Unknown).severity(Severity::Low).reason(reason.clone()),
        Verdict::Fail { expected, found } => {
            compared.found = Some(found.clone());
            compared.expected = Some(expected.clone());
            compared.waived = waiver
                .map(|waiver| Waived { until: Some(waiver.until.to_string()), reason: Some(waiver.reason.clone()) });
            failed(base, (control, target), &format!("expected {expected}, found {found}"), waiver, today)
        }
    };
    record.own().cell = Some(Cell { control: Some(compared), ..Cell::default() });
    Some(record)
}

fn failed<T>(
    base: Record,
    (control, target): (&Control<T>, &Target),
    what: &str,
    waiver: Option<&Waiver>,
    today: Date,
) -> Record {
    let mut record = match waiver {
        Some(waiver) if waiver.holds_on(today) => {
            let reason = format!("known deviation, accepted until {}: {} ({what})", waiver.until, waiver.reason);
            return base.outcome(Outcome::Success).severity(Severity::Low).reason(reason);
        }
        Some(waiver) => base.reason(format!("{what}; its waiver ended on {}", waiver.until)),
        None => base.reason(what),
    };
    record.own().mend = Some(mend::of(control.mend, target.kind, &target.name, target.stranger));
    record.vulnerability =
        control.weakness.map(|id| Vulnerability { id: Some(id.to_owned()), ..Vulnerability::default() });
    record.outcome(Outcome::Failure).severity(control.severity)
}

fn base<T>(control: &Control<T>, target: &Target, message: &str) -> Record {
    let mut record = Record::new(Provider::Sandboxctl, Action::ControlEvaluated, message)
        .kind(Kind::State)
        .about(Category::Configuration, Type::Info);
    record.rule = Some(Rule {
        id: Some(control.id.to_owned()),
        name: Some(control.title.to_owned()),
        category: Some(target.kind.to_owned()),
        ruleset: Some(if reference(control.id).is_some() { BENCHMARK } else { "cellblock" }.to_owned()),
        reference: reference(control.id),
        ..Rule::default()
    });
    record.container.clone_from(&target.container);
    if target.kind == "network" {
        record.network = Some(Network { name: Some(target.name.clone()), ..Network::default() });
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTROL: Control<()> =
        Control::new("cis-docker-5.12", "is bounded", Severity::High, "bound it", |()| Verdict::NotApplicable);

    fn told(verdict: &Verdict, until: Option<Date>) -> Option<Record> {
        let waiver = until.map(|until| Waiver {
            control: CONTROL.id.to_owned(),
            container: "cell".to_owned(),
            until,
            reason: "the lab is slow".to_owned(),
        });
        record(&CONTROL, &Target::container("cell", false), verdict, waiver.as_ref(), Date::constant(2026, 11, 22))
    }

    #[test]
    fn a_waiver_accepts_a_deviation_until_its_day_and_is_seen_in_the_record() {
        let record = told(&Verdict::differs("a", "b"), Some(Date::constant(2026, 11, 22))).unwrap();
        assert_eq!((record.event.outcome, record.event.severity), (Some(Outcome::Success), Severity::Low));
        assert!(
            record.event.reason.unwrap().contains("accepted until 2026-11-22: the lab is slow (expected a, found b)")
        );
        let waived = record.cellblock.unwrap().cell.unwrap().control.unwrap().waived.unwrap();
        assert_eq!(waived.until.as_deref(), Some("2026-11-22"));
    }

    #[test]
    fn a_waiver_that_has_ended_is_a_failure_that_says_so() {
        let record = told(&Verdict::differs("a", "b"), Some(Date::constant(2026, 11, 21))).unwrap();
        assert_eq!((record.event.outcome, record.event.severity), (Some(Outcome::Failure), Severity::High));
        assert!(record.event.reason.unwrap().contains("its waiver ended on 2026-11-21"));
    }

    #[test]
    fn no_waiver_makes_the_unknown_known() {
        let record = told(&Verdict::untold("no answer"), Some(Date::constant(2027, 1, 1))).unwrap();
        assert_eq!(record.event.outcome, Some(Outcome::Unknown));
        assert!(record.message.starts_with("It could not be told whether cell is bounded"));
    }

    #[test]
    fn a_failure_carries_the_rule_the_way_out_and_what_was_compared() {
        let record = told(&Verdict::differs("a", "b"), None).unwrap();
        let rule = record.rule.unwrap();
        assert_eq!(rule.reference.as_deref(), Some("CIS Docker Benchmark 1.6.0, 5.12"));
        assert_eq!(record.message, "It does not hold that cell is bounded.");
        let own = record.cellblock.unwrap();
        assert_eq!(own.mend.as_deref(), Some("bound it"));
        assert_eq!(own.cell.unwrap().control.unwrap().found.as_deref(), Some("b"));
    }

    #[test]
    fn what_does_not_apply_has_no_record() {
        assert_eq!(told(&Verdict::NotApplicable, None), None);
    }
}
