//! Where the control asks from. A control in the same place as the probes would show nothing.

use anyhow::{Result, ensure};
use policy::Policy;

use crate::cli::{ControlArgs, RunArgs};
use crate::namespace::vantage::Vantage;

/// The vantage of the control, where one is wanted.
///
/// # Errors
/// If it would be the probes' own place, or as [`Vantage`]'s makers.
pub(super) fn vantage(args: &RunArgs, policy: Option<&Policy>) -> Result<Option<Vantage>> {
    let control = &args.control;
    let Some(vantage) = chosen(args, control)? else { return Ok(None) };
    if !control.control_resolver.is_empty() {
        return Ok(Some(vantage.with_resolvers(&control.control_resolver)));
    }
    let outside = policy.filter(|_| control.control_container.is_none()).map(|policy| policy.cell.dns.clone());
    Ok(Some(vantage.with_resolvers(&outside.unwrap_or_default())))
}

fn chosen(args: &RunArgs, control: &ControlArgs) -> Result<Option<Vantage>> {
    if let Some(name) = &control.control_container {
        return Vantage::container(name).map(Some);
    }
    if let Some(path) = &control.control_netns {
        return Vantage::netns(path).map(Some);
    }
    if !control.control {
        return Ok(None);
    }
    ensure!(
        args.container.is_some() || args.pid.is_some() || args.netns.is_some(),
        "--control asks from here, and so do the probes: say where they are made with --container, --pid or \
         --netns; or name another place for the control with --control-netns or --control-container"
    );
    Vantage::here().map(Some)
}
