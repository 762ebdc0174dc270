//! Strangers that matter: containers that the policy does not know, and that can touch the composition all the same.
//! Pure: what was gathered about every container on the engine is handed in.

mod composition;
mod entered;
mod namespaces;
#[cfg(test)]
mod tests;

use engine::models::HostConfig;
use record::Severity::Critical;

use super::control::{Control, Verdict};
use super::exposure;
use super::facts::{Facts, Subject};
pub(crate) use composition::{Composition, is_ours};
pub(crate) use entered::Host;

/// The controls that this file decides.
pub(crate) const ALL: &[Control<Subject>] = &[REACH];

/// The only one that a stranger has which is nowhere near.
pub(crate) const REACH: Control<Subject> = Control::new(
    "cellblock-strangers",
    "can't touch the cell or what guards it",
    Critical,
    "take that from it, or docker stop NAME; scripts/up",
    reach,
);

/// Capabilities that lead out of a container by themselves (capabilities(7)): mounting, the kernel's modules and
/// memory, and any file of a file system that one file of is mounted (`open_by_handle_at`).
const LEAD_OUT: [&str; 5] = ["ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_RAWIO", "DAC_READ_SEARCH"];

fn reach(subject: &Subject) -> Verdict {
    verdict(subject.reach.as_ref())
}

/// What a record says of what it can touch.
pub(crate) fn verdict(reach: Option<&Result<Vec<String>, String>>) -> Verdict {
    match reach {
        None => Verdict::NotApplicable,
        Some(Err(why)) => Verdict::untold(why),
        Some(Ok(ways)) => Verdict::none_of("nothing of it within reach", ways),
    }
}

/// In which ways this container can touch the composition. `all` is every container there is, this one too.
///
/// # Errors
/// Why it is not known, where no way was found and the mounts, or our networks, could not be told.
pub(crate) fn ways(one: &Facts, all: &[&Facts], composition: &Composition) -> Result<Vec<String>, String> {
    let mut found = privileges(one);
    let declared = namespaces::shared(one, all, composition);
    found.extend(entered::entered(one, composition, &declared));
    found.extend(declared);
    found.extend(volumes_of(one, composition));
    match (&one.mounts, exposure::engine_sockets(one)) {
        (Some(mounts), Some(sockets)) => {
            found.extend(sockets.into_iter().map(|socket| format!("an engine's socket by {socket}")));
            found.extend(mounts.iter().filter_map(|mount| composition.mount(mount)));
        }
        _ if found.is_empty() => return Err(exposure::UNTOLD.to_owned()),
        _ => {}
    }
    if let (Some(why), true) = (unseen(one), found.is_empty()) {
        return Err(why);
    }
    match &composition.untold {
        Some(why) if found.is_empty() => Err(why.clone()),
        _ => Ok(found),
    }
}

/// Why it is not known in which namespaces its processes are. What runs has one at least.
fn unseen(one: &Facts) -> Option<String> {
    match one.spaces.as_ref()? {
        Err(why) => Some(why.clone()),
        Ok(spaces) if spaces.is_empty() && one.running == Some(true) => {
            Some("it runs, and none of its processes was seen; run it as root, in the host's pid namespace".to_owned())
        }
        Ok(_) => None,
    }
}

/// What makes it the host's equal, whatever else it was given.
fn privileges(one: &Facts) -> Vec<String> {
    if one.privileged() {
        return vec!["it is privileged".to_owned()];
    }
    let HostConfig { cap_add, device_cgroup_rules, .. } = &one.host;
    let plain = |name: &String| name.to_ascii_uppercase().trim_start_matches("CAP_").to_owned();
    let capabilities = cap_add.iter().flatten().map(plain).filter(|name| LEAD_OUT.contains(&name.as_str()));
    let disks = one.disks.iter().map(|device| format!("the host's disk {device}"));
    // A rule for all devices, or for block devices: a disk needs no more than its number (mknod(2)).
    let rules = device_cgroup_rules.iter().flatten().filter(|rule| rule.starts_with('a') || rule.starts_with('b'));
    let rules = rules.map(|rule| format!("devices by the rule {rule}"));
    capabilities.map(|name| format!("the capability {name}")).chain(disks).chain(rules).collect()
}

/// `--volumes-from`: what Docker was asked for. What came of it are mounts, also where a third container stands
/// between.
fn volumes_of(one: &Facts, composition: &Composition) -> Vec<String> {
    let asked = one.host.volumes_from.iter().flatten();
    let names = asked.filter_map(|entry| composition.name(entry.split(':').next()?));
    names.map(|name| format!("the volumes of {name}")).collect()
}
