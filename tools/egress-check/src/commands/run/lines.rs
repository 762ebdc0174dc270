//! Probes that somebody wrote down, and those of them that are for this place.

use std::collections::BTreeSet;
use std::io::BufRead;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use record::{Action, Lines};
use tool::input;

use crate::cli::RunArgs;
use crate::namespace::vantage::Vantage;
use crate::probe::{Probe, line};

/// More probes than this in one run is a mistake.
const MOST_PROBES: usize = 100_000;

/// Those of a file, or of standard input for `-`.
///
/// # Errors
/// A file that cannot be opened, or a line that is no probe, with its number.
pub(super) fn read(path: &Path) -> Result<Vec<Probe>> {
    let input = input::open(path).with_context(|| format!("{} cannot be opened", path.display()))?;
    parse(input, &input::name(path))
}

/// All lines or none: a run that leaves out what it could not read would look like a pass.
fn parse(input: impl BufRead, origin: &str) -> Result<Vec<Probe>> {
    let mut probes = Vec::new();
    for line in Lines::new(input) {
        let line = line.with_context(|| origin.to_owned())?;
        if line.record.event.action == Action::RunFinished.name() {
            continue;
        }
        probes.push(line::read(line.record).with_context(|| format!("{origin}: line {}", line.number))?);
        ensure!(probes.len() <= MOST_PROBES, "{origin}: more than {MOST_PROBES} probes");
    }
    ensure!(!probes.is_empty(), "{origin}: no probes in it; egress-check plan prints some");
    Ok(probes)
}

/// The lines that are for this vantage.
///
/// # Errors
/// If they are for several containers, or none is for this place.
pub(super) fn chosen(mut probes: Vec<Probe>, args: &RunArgs, vantage: &Vantage) -> Result<Vec<Probe>> {
    let all = probes.len();
    if let Some(network) = &args.network {
        probes.retain(|probe| probe.network.as_ref().is_none_or(|name| name == network));
    } else if let Some(container) = &vantage.container {
        probes.retain(|probe| probe.container.as_ref().is_none_or(|name| *name == container.name));
    }
    let owners: BTreeSet<&str> = probes.iter().filter_map(|probe| probe.container.as_deref()).collect();
    ensure!(
        owners.len() < 2,
        "the lines are for several containers ({}); choose one with --container or --network",
        owners.into_iter().collect::<Vec<_>>().join(", ")
    );
    ensure!(!probes.is_empty(), "none of the {all} lines is for this place; see their container.name and network.name");
    if probes.len() < all {
        eprintln!("egress-check: {} of {all} probes are for other containers and are not made", all - probes.len());
    }
    Ok(probes)
}
