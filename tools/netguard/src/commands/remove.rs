//! `netguard remove`: takes the moat away, of whichever backend it is.

use std::collections::BTreeSet;

use anyhow::Result;
use tool::{Exit, Writer};

use crate::backend::{self, Choice};
use crate::host::interfaces::Machine;
use crate::host::{owner, permit};
use crate::report;

/// Takes the moat away, unless somebody keeps it or a container is behind it.
///
/// # Errors
/// Everything that exit status 2 stands for.
pub(crate) fn run(choice: Choice, force: bool, mut writer: Writer) -> Result<Exit> {
    if !force {
        owner::make_sure_of_none(None)?;
    }
    let (mut standing, mut bridges) = (Vec::new(), BTreeSet::new());
    for backend in backend::every(choice)? {
        if let Some(guarded) = backend.guarded()? {
            standing.push(backend);
            bridges.extend(guarded);
        }
    }
    if standing.is_empty() {
        permit::withdraw_all()?;
        writer.write(&report::removed(&[], false))?;
        return writer.finish();
    }
    let machine = Machine::read()?;
    let behind: Vec<(&str, Vec<&str>)> = bridges
        .iter()
        .map(|bridge| (bridge.as_str(), machine.ports(bridge)))
        .filter(|(_, ports)| !ports.is_empty())
        .collect();
    if !force && !behind.is_empty() {
        for (bridge, ports) in &behind {
            writer.check(&report::removal_refused(bridge, ports))?;
        }
        return writer.finish();
    }
    permit::withdraw_all()?;
    standing.iter().try_for_each(|backend| backend.remove())?;
    writer.write(&report::removed(&behind, true))?;
    writer.finish()
}
