//! `netguard plan`: prints every rule and set that the policy asks for, on this machine.

use anyhow::{Result, bail};
use policy::{Policy, PolicyArgs};
use tool::{Exit, Writer};

use crate::host::interfaces::Machine;
use crate::rules::plan::Plan;
use crate::rules::{from_policy, records};

/// Prints the plan, or refuses it where an address of this machine lies in a guarded subnet.
///
/// # Errors
/// Everything that exit status 2 stands for.
pub(crate) fn run(policy: &PolicyArgs, mut writer: Writer) -> Result<Exit> {
    let policy = policy.load()?;
    let (plan, machine) = of(&policy)?;
    let guarded = from_policy::bridges(&policy);
    for network in policy.active_networks() {
        if let Some((interface, theirs, ours)) = machine.over(&guarded, &network.subnets()) {
            bail!(
                "{interface} of this machine is on {theirs}, which lies over {ours} of the network {}: who is in both cannot be told apart; give the networks other subnets under [networks] in {}",
                network.name,
                policy.origin.display()
            );
        }
    }
    records::write(&plan, &mut writer)?;
    writer.finish()
}

/// The plan depends on the machine too: what is on its links is denied. So it is read once, and given back.
///
/// # Errors
/// If the kernel does not tell its addresses and routes, or a deny list cannot be read.
pub(super) fn of(policy: &Policy) -> Result<(Plan, Machine)> {
    let machine = Machine::read()?;
    let plan = Plan::new(policy, &from_policy::denied_ranges(policy)?, &machine.on_link(&from_policy::bridges(policy)));
    Ok((plan, machine))
}
