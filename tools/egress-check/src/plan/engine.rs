//! The container engine's own doors: who reaches one owns the machine.

use record::cellblock::{Expect, ProbeKind};

use super::draft::Draft;
use crate::host::Surroundings;
use crate::probe::Probe;
use crate::probe::question::{Ask, ProbeTarget};

/// The path that containers are given Docker's socket at, when somebody makes that mistake.
const USUAL: &str = "/var/run/docker.sock";

/// Sockets that the host has must not be in the container's file tree.
pub(super) fn probes(draft: &mut Draft<'_>, around: &Surroundings) {
    let gain = "Owns the machine: whoever may start a container is root on it.";
    if let Some(docker) = around.sockets.first() {
        let ask = Ask::new(ProbeKind::Unix, ProbeTarget::Path(USUAL.to_owned()), 0);
        draft.add(Probe::new("engine.docker", Expect::Blocked, ask, gain).control(ProbeKind::Unix, docker, 0));
    }
    for path in around.sockets.iter().filter(|path| path.as_str() != USUAL) {
        let ask = Ask::new(ProbeKind::Unix, ProbeTarget::Path(path.clone()), 0);
        draft.add(Probe::new(format!("engine{path}"), Expect::Blocked, ask, gain));
    }
}
