//! What a policy asks of the moat, whatever this machine is: its bridges, and the ranges that it names.

use anyhow::Result;
use ipnet::IpNet;
use policy::{Deny, Policy};

/// The bridges of the networks that the policy's shape has: `cell.network` decides which.
pub(crate) fn bridges(policy: &Policy) -> Vec<&str> {
    policy.active_networks().map(|network| network.bridge.as_str()).collect()
}

/// Two errors in one: why there is no policy comes first, for that is what somebody has to mend.
pub(crate) fn both(broken: &anyhow::Error, none: &anyhow::Error) -> anyhow::Error {
    anyhow::anyhow!("{broken:#}\n{none:#}")
}

/// What the policy's deny list names: ranges, and files of ranges.
///
/// # Errors
/// If a file cannot be read, or a line of it is no range.
pub(crate) fn denied_ranges(policy: &Policy) -> Result<Vec<IpNet>> {
    let mut listed = Vec::new();
    for deny in &policy.moat.deny {
        match deny {
            Deny::Net(net) => listed.push(*net),
            Deny::File(path) => listed.extend(policy::blocklist::load(path)?),
            Deny::SpecialPurpose | Deny::OnLink => {}
        }
    }
    Ok(listed)
}
