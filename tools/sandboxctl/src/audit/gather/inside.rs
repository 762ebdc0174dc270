//! Asks the kernel about a container: its processes, limits, sockets and mounts, and what of the host leads out of it.

use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;

use engine::models::HostConfig;
use engine::{Networks, Process, Processes};

use super::super::facts::Facts;
use super::super::kernel::{Kernel, backing_file, leads_to};
use super::super::mountinfo::HostMounts;
use super::super::{in_force, listening, process, share};

/// Engines' sockets that are looked for, beside the one that answers us.
const SOCKETS: [&str; 5] = [
    "/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/run/podman/podman.sock",
    "/run/crio/crio.sock",
    "/run/buildkit/buildkitd.sock",
];

/// What all containers of an audit share: it is read once for all of them.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) processes: Processes,
    networks: Networks,
    mounts: HostMounts,
}

/// What the kernel lets a running container do, who listens in it, and what it has mounted.
pub(super) fn look(facts: &mut Facts, docker: &engine::Engine, shared: &Shared) {
    let first = running(facts);
    if let Some(first) = &first {
        let processes = asked(first, |first| shared.processes.of_held(&facts.id, first));
        let all = || processes.as_ref().map_err(|why| anyhow::anyhow!("{why}"));
        facts.processes = Some(asked(first, |first| process::look(all()?, first.pid())));
        facts.in_force = Some(asked(first, |first| in_force::look(first, shared.mounts.now()?.groups())));
        facts.listening = Some(asked(first, |first| listening::look(first, all()?, &shared.networks)));
    }
    settle_mounts(facts, first.as_ref(), docker, shared);
}

/// What a running container really has mounted. Where the kernel can't be asked nothing is known of it; a container
/// that does not run has only what it would be given.
pub(super) fn look_at_mounts(facts: &mut Facts, docker: &engine::Engine, shared: &Shared) {
    let first = running(facts);
    settle_mounts(facts, first.as_ref(), docker, shared);
}

fn settle_mounts(facts: &mut Facts, first: Option<&Result<Process, String>>, docker: &engine::Engine, shared: &Shared) {
    if let Some(first) = first {
        let looked = asked(first, |first| Kernel::look(first, &shared.mounts));
        facts.mounts = match (&looked, facts.mounts.take()) {
            (Ok(kernel), Some(declared)) => Some(kernel.settle(&declared)),
            _ => None,
        };
        let share = looked.as_ref().ok().and_then(share::mount);
        facts.share_image = share.and_then(|mount| backing_file(&mount.device));
        facts.kernel = Some(looked);
    }
    let known: Vec<PathBuf> = SOCKETS.iter().map(PathBuf::from).chain([docker.endpoint().socket.clone()]).collect();
    let sources = facts.mounts.iter().flatten().filter(|mount| mount.kind == "bind").map(|mount| &mount.source);
    facts.sockets = sources.filter(|source| leads_to(source, &known)).cloned().collect();
}

/// Devices of the host's that are disks, or parts of one; and folders, of which the engine gives every device.
pub(super) fn disks(host: &HostConfig) -> Vec<String> {
    let paths = host.devices.iter().flatten().filter_map(|device| device.path_on_host.clone());
    let is_disk = |path: &String| {
        std::fs::metadata(path).is_ok_and(|found| found.is_dir() || found.file_type().is_block_device())
    };
    paths.filter(is_disk).collect()
}

/// The first process of a container that runs. It is made sure of once, and asked for all that there is to know.
fn running(facts: &Facts) -> Option<Result<Process, String>> {
    (facts.running == Some(true)).then(|| first(facts))
}

/// A container's first process, held: what is asked of it later is not asked of another.
fn first(facts: &Facts) -> Result<Process, String> {
    let pid = facts.pid.ok_or("the engine told no process")?;
    Process::of(&facts.id, pid).map_err(|error| format!("{error:#}"))
}

/// Asks the kernel about it.
fn asked<T>(first: &Result<Process, String>, look: impl Fn(&Process) -> anyhow::Result<T>) -> Result<T, String> {
    first.as_ref().map_err(String::clone).and_then(|first| look(first).map_err(|error| format!("{error:#}")))
}
