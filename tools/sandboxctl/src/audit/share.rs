//! Does the cell write to the share's own file system, with its bound and its options? The warden watches the same.
//! Docker only knows a path; what stood at that path when the container was started only the kernel knows.

use anyhow::Context;
use engine::Process;
use engine::mountinfo::{KernelMount, at, parse};
use policy::Service;
use record::Severity::Critical;

use super::control::{Control, Verdict};
use super::facts::Subject;
use super::kernel::Kernel;

/// The controls that this file decides.
pub(crate) const ALL: &[Control<Subject>] = &[Control::new(
    "cellblock-share",
    "has the share's own file system, nosuid and nodev, where the share belongs",
    Critical,
    "scripts/up mounts the share and makes the container anew",
    share,
)];

/// Where cell and warden have it.
const TARGETS: [&str; 2] = ["/sandbox", "/share"];

/// The mount of the share in a container that has one.
pub(crate) fn mount(kernel: &Kernel) -> Option<&KernelMount> {
    TARGETS.iter().find_map(|target| kernel.at(target))
}

/// Where this service has it.
fn target_of(service: Service) -> Option<&'static str> {
    match service {
        Service::Cell => Some(TARGETS[0]),
        Service::Warden => Some(TARGETS[1]),
        _ => None,
    }
}

/// Options that the share must have.
fn missing_options(mount: &KernelMount) -> impl Iterator<Item = String> {
    ["nosuid", "nodev"].into_iter().filter(|option| !mount.has(option)).map(|option| format!("no {option}"))
}

/// What is wrong with the share that this first process of a service has. `device` is the right one, `major:minor`.
///
/// # Errors
/// If the kernel does not tell what is mounted there, or the service is not to have the share: that is no pass.
pub(crate) fn differs_from_share(first: &Process, service: Service, device: &str) -> anyhow::Result<Vec<String>> {
    let target = target_of(service).context("it is not to have the share")?;
    let mounts = parse(&first.read("mountinfo")?);
    let Some(mount) = at(&mounts, target) else { return Ok(vec![format!("nothing at {target}")]) };
    let other = (mount.device != device).then(|| format!("{} of device {}, not {device}", mount.kind, mount.device));
    Ok(other.into_iter().chain(missing_options(mount)).collect())
}

fn share(subject: &Subject) -> Verdict {
    let Some(target) = subject.expect.service.and_then(target_of) else { return Verdict::NotApplicable };
    let image = &subject.expect.share_image;
    let expected = format!("the file system in {}, nosuid, nodev", image.display());
    let kernel = match &subject.facts.kernel {
        None => return Verdict::untold("it does not run: what would be mounted is not known before"),
        Some(Err(why)) => return Verdict::untold(why),
        Some(Ok(kernel)) => kernel,
    };
    let Some(mount) = kernel.at(target) else { return Verdict::differs(expected, format!("nothing at {target}")) };
    let mut wrong = Vec::new();
    match &subject.facts.share_image {
        Some(found) if found == image => {}
        Some(found) => wrong.push(format!("the file system in {}", found.display())),
        None => wrong.push(format!("{} of device {}, in no file of its own", mount.kind, mount.device)),
    }
    wrong.extend(missing_options(mount));
    Verdict::when(wrong.is_empty(), &expected, if wrong.is_empty() { expected.clone() } else { wrong.join(", ") })
}
