//! How the cell stands after a freeze or a thaw, and what that is worth.

use std::collections::BTreeSet;

use engine::is_missing;
use engine::models::ContainerInspectResponse;
use record::fields::Container;
use record::{Action, Category, Outcome, Provider, Record, Severity, Type};

/// An answer; `Err` says why there is none.
type Known<T> = Result<T, String>;

/// The state of the cell's container, as the engine tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Absent,
    Stopped,
    Paused,
    Runs,
}

impl State {
    const fn words(self) -> &'static str {
        match self {
            Self::Absent => "is not there",
            Self::Stopped => "does not run",
            Self::Paused => "is paused",
            Self::Runs => "runs on",
        }
    }
}

/// The cell's state and its networks, as far as the engine tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Standing {
    state: Known<State>,
    /// The networks of vault and cell together, sorted.
    networks: Known<BTreeSet<String>>,
    /// Those of the policy that lead to the cell.
    ours: BTreeSet<String>,
    /// Which of their bridges are up.
    open: Known<Vec<String>>,
}

/// The networks of a container.
///
/// # Errors
/// If the engine did not tell them.
pub(super) fn networks_of(found: ContainerInspectResponse) -> Known<BTreeSet<String>> {
    let networks = found.network_settings.and_then(|settings| settings.networks);
    let networks = networks.ok_or_else(|| "the engine did not tell the networks".to_owned())?;
    Ok(networks.into_keys().filter(|name| name != "none").collect())
}

/// What the engine says of a container.
pub(super) type Asked = Result<ContainerInspectResponse, engine::Error>;

impl Standing {
    /// As the engine tells it of cell and vault. Who is not there is on no network.
    pub(super) fn from_engine(cell: Asked, vault: Asked, ours: BTreeSet<String>, open: Known<Vec<String>>) -> Self {
        let state = match &cell {
            Ok(found) => Ok(state(found)),
            Err(error) if is_missing(error) => Ok(State::Absent),
            Err(error) => Err(error.to_string()),
        };
        let on = |asked: Asked| match asked {
            Ok(found) => networks_of(found),
            Err(error) if is_missing(&error) => Ok(BTreeSet::new()),
            Err(error) => Err(error.to_string()),
        };
        let networks = on(cell).and_then(|mine| on(vault).map(|its| mine.into_iter().chain(its).collect()));
        Self { state, networks, ours, open }
    }

    /// The standing where no engine answers: unknown, but for what the kernel tells.
    pub(super) fn unknown(why: &str, ours: BTreeSet<String>, open: Known<Vec<String>>) -> Self {
        Self { state: Err(why.to_owned()), networks: Err(why.to_owned()), ours, open }
    }

    /// Does no process of the cell go on? Nothing where nobody can tell.
    fn still(&self) -> Option<bool> {
        self.state.as_ref().ok().map(|state| *state != State::Runs)
    }

    /// Is it cut off: on no network, or only on ours, whose bridges are down?
    fn cut(&self) -> Option<bool> {
        let closed = self.open.as_ref().ok().map(Vec::is_empty);
        match (&self.networks, closed) {
            (Ok(networks), _) if networks.is_empty() => Some(true),
            (Ok(networks), Some(closed)) => Some(closed && networks.is_subset(&self.ours)),
            (_, Some(false)) => Some(false),
            _ => None,
        }
    }

    fn words(&self) -> String {
        let state = self.state.as_ref().map_or("may run on: nobody can tell", |state| state.words());
        let network = match (self.cut(), &self.networks) {
            (Some(true), _) => "its network is cut".to_owned(),
            (_, Ok(networks)) => format!("it is still on {}", listed(networks)),
            (Some(false), Err(_)) => "its network is not cut".to_owned(),
            (None, Err(_)) => "whether its network is cut nobody can tell".to_owned(),
        };
        let moat = match &self.open {
            Ok(open) if open.is_empty() => "its bridges are down".to_owned(),
            Ok(open) => format!("{} up", open.join(", ")),
            Err(_) => "its bridges may be up".to_owned(),
        };
        format!("{state}, {network}, {moat}")
    }
}

fn state(found: &ContainerInspectResponse) -> State {
    let told = |field: Option<bool>| field == Some(true);
    match &found.state {
        Some(state) if told(state.paused) => State::Paused,
        Some(state) if told(state.running) || told(state.restarting) => State::Runs,
        _ => State::Stopped,
    }
}

fn listed(names: &BTreeSet<String>) -> String {
    if names.is_empty() { "no network".to_owned() } else { names.iter().cloned().collect::<Vec<_>>().join(", ") }
}

/// The record of a freeze: whether the cell is still and cut off, as things are now. `troubles` is what could not
/// be done on the way.
pub(super) fn frozen(cell: &str, now: &Standing, troubles: &[String]) -> Record {
    let outcome = match (now.still(), now.cut()) {
        (Some(true), Some(true)) => Outcome::Success,
        (Some(false), _) | (_, Some(false)) => Outcome::Failure,
        _ => Outcome::Unknown,
    };
    let record = Record::new(Provider::Sandboxctl, Action::CellFrozen, format!("{cell} {}.", now.words()));
    let mut record = finished(record, cell, outcome, "sandboxctl freeze again, docker kill, or pull the plug");
    if !troubles.is_empty() {
        record.event.reason = Some(troubles.join("; "));
    }
    record
}

/// The record of a thaw: whether the cell runs, on its own networks and no other.
pub(super) fn thawed(cell: &str, now: &Standing, wanted: &[String]) -> Record {
    let runs = now.state.as_ref().ok().map(|state| *state == State::Runs);
    let whole = now.networks.as_ref().ok().map(|found| found.iter().eq(wanted.iter().collect::<BTreeSet<_>>()));
    let outcome = match (runs, whole) {
        (Some(true), Some(true)) => Outcome::Success,
        (Some(false), _) | (_, Some(false)) => Outcome::Failure,
        _ => Outcome::Unknown,
    };
    let state =
        now.state.as_ref().map_or("may run", |state| if *state == State::Runs { "runs" } else { state.words() });
    let networks = now.networks.as_ref().map_or("networks that nobody can tell".to_owned(), listed);
    let record = Record::new(Provider::Sandboxctl, Action::CellThawed, format!("{cell} {state}, on {networks}."));
    finished(record, cell, outcome, "scripts/up")
}

fn finished(mut record: Record, cell: &str, outcome: Outcome, mend: &str) -> Record {
    record.container = Some(Container::named(cell));
    let record = record.about(Category::Process, Type::Change).outcome(outcome);
    if outcome == Outcome::Success {
        return record.severity(Severity::Medium);
    }
    let mut record = record.severity(Severity::Critical);
    record.own().mend = Some(mend.to_owned());
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "cellblock-cell";

    fn now(state: Known<State>, networks: Known<&[&str]>, open: Known<&[&str]>) -> Standing {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        Standing {
            state,
            networks: networks.map(|names| owned(names).into_iter().collect()),
            ours: [OURS.to_owned()].into(),
            open: open.map(owned),
        }
    }

    fn freeze(state: Known<State>, networks: Known<&[&str]>, open: Known<&[&str]>) -> Outcome {
        frozen("cell", &now(state, networks, open), &[]).event.outcome.unwrap()
    }

    #[test]
    fn only_a_cell_that_is_still_and_cut_off_is_frozen() {
        assert_eq!(freeze(Ok(State::Paused), Ok(&[]), Ok(&[])), Outcome::Success);
        for still in [State::Stopped, State::Absent] {
            assert_eq!(freeze(Ok(still), Ok(&[]), Ok(&[])), Outcome::Success, "{still:?} is still");
        }
        assert_eq!(freeze(Ok(State::Runs), Ok(&[]), Ok(&[])), Outcome::Failure);
        assert_eq!(freeze(Ok(State::Paused), Ok(&[OURS]), Ok(&["br-cell"])), Outcome::Failure);
    }

    #[test]
    fn a_bridge_that_is_down_cuts_off_whoever_is_on_it_and_on_no_other() {
        assert_eq!(freeze(Ok(State::Paused), Ok(&[OURS]), Ok(&[])), Outcome::Success);
        assert_eq!(freeze(Ok(State::Paused), Ok(&[OURS, "bridge"]), Ok(&[])), Outcome::Failure);
        assert_eq!(freeze(Ok(State::Paused), Ok(&[OURS]), Err("no ip".to_owned())), Outcome::Unknown);
    }

    #[test]
    fn what_nobody_can_tell_is_neither_frozen_nor_running() {
        let away = || Err("no engine".to_owned());
        assert_eq!(freeze(away(), Err("no engine".to_owned()), Ok(&[])), Outcome::Unknown);
        assert_eq!(freeze(away(), Err("no engine".to_owned()), Ok(&["br-cell"])), Outcome::Failure, "a bridge is up");
        let told = frozen("cell", &now(away(), Err("x".to_owned()), Ok(&[])), &["no pause".to_owned()]);
        assert!(told.message.contains("may run on") && told.event.reason.as_deref() == Some("no pause"), "{told:?}");
    }

    #[test]
    fn only_a_cell_that_runs_on_its_own_networks_is_thawed() {
        let wanted = [OURS.to_owned()];
        let thaw = |state, networks: &[&str]| {
            thawed("cell", &now(Ok(state), Ok(networks), Ok(&["br-cell"])), &wanted).event.outcome
        };
        assert_eq!(thaw(State::Runs, &[OURS]), Some(Outcome::Success));
        assert_eq!(thaw(State::Runs, &["bridge", OURS]), Some(Outcome::Failure));
        assert_eq!(thaw(State::Paused, &[OURS]), Some(Outcome::Failure));
        assert_eq!(thaw(State::Stopped, &[OURS]), Some(Outcome::Failure));
    }
}
