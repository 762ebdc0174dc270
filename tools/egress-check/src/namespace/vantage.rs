//! Where probes are made: a network namespace, a file tree and resolvers. Descriptors hold them: whatever happens to
//! the process behind them, we stay where we are.

use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use rustix::fs::{Mode, OFlags, open, openat};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::namespace::capabilities::{self, BoundingSet};
use crate::namespace::devices::{self, Devices};
use crate::namespace::docker::{self, Running};
use crate::namespace::mounts;
use crate::namespace::resolv::{self, Resolvers};

/// A place to make probes.
#[derive(Debug)]
pub(crate) struct Vantage {
    /// The container, where it is one.
    pub(crate) container: Option<Running>,
    /// The network namespace to enter; none where we stand in it already.
    pub(crate) netns: Option<OwnedFd>,
    /// The root of its file tree.
    pub(crate) tree: OwnedFd,
    /// The resolvers that programs there ask (resolv.conf).
    pub(crate) resolvers: Resolvers,
    /// Where something is mounted in the file tree; not known where no process was named.
    pub(crate) mounts: Vec<String>,
    /// What who sits there can at most do; not known where no process was named.
    pub(crate) bounding: Option<BoundingSet>,
    /// Its network devices, as they were when it was chosen; not known where no process was named.
    pub(crate) devices: Option<Devices>,
}

/// Takes this thread into a network namespace (setns(2)); nowhere where there is none to enter. The thread stays there:
/// it is one made for this, and ends when it has seen what it came for.
///
/// # Errors
/// If it cannot be entered.
pub(crate) fn enter_network(netns: Option<&OwnedFd>) -> Result<()> {
    let Some(netns) = netns else { return Ok(()) };
    move_into_link_name_space(netns.as_fd(), Some(LinkNameSpaceType::Network))
        .context("the network namespace cannot be entered; that takes root")
}

const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

impl Vantage {
    /// Where egress-check was started.
    ///
    /// # Errors
    /// If `/` cannot be opened.
    pub(crate) fn here() -> Result<Self> {
        let tree = open("/", FOLDER, Mode::empty()).context("/ cannot be opened")?;
        Ok(Self {
            container: None,
            netns: None,
            resolvers: resolv::in_tree(&tree),
            tree,
            mounts: Vec::new(),
            bounding: None,
            devices: None,
        })
    }

    /// A named network namespace, such as `/run/netns/NAME`, with this process's file tree.
    ///
    /// # Errors
    /// If the path cannot be opened.
    pub(crate) fn netns(path: &Path) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let netns = open(path, flags, Mode::empty()).with_context(|| {
            format!("{} cannot be opened; expected a network namespace such as /run/netns/NAME", path.display())
        })?;
        Ok(Self { netns: Some(netns), ..Self::here()? })
    }

    /// The namespace and file tree of a process.
    ///
    /// # Errors
    /// If there is no such process, or its namespaces may not be opened, which takes root.
    pub(crate) fn pid(pid: u32) -> Result<Self> {
        // The folder's descriptor stays with this process: were the number used again, what is
        // opened below it would fail, and not be another's.
        let process = open(format!("/proc/{pid}"), FOLDER, Mode::empty())
            .with_context(|| format!("there is no process {pid}"))?;
        let netns = openat(&process, "ns/net", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
            .with_context(|| format!("the network namespace of process {pid} cannot be opened; that takes root"))?;
        let tree = openat(&process, "root", FOLDER, Mode::empty())
            .with_context(|| format!("the file tree of process {pid} cannot be opened; that takes root"))?;
        let bounding = capabilities::of(&process)
            .with_context(|| format!("the capabilities of process {pid} cannot be read in /proc/{pid}/status"))?;
        let resolvers = resolv::in_tree(&tree);
        let mounts = mounts::of(&process);
        let devices = devices::of(&process)
            .with_context(|| format!("the network devices of process {pid} cannot be read in /proc/{pid}/net/dev"))?;
        let (bounding, devices) = (Some(bounding), Some(devices));
        Ok(Self { container: None, netns: Some(netns), tree, resolvers, mounts, bounding, devices })
    }

    /// A running container, by name or id.
    ///
    /// # Errors
    /// As [`docker::running`] and [`Vantage::pid`], or if it was restarted while we looked.
    pub(crate) fn container(name: &str) -> Result<Self> {
        let before = docker::running(name)?;
        let vantage = Self::pid(before.pid)?;
        let after = docker::running(name)?;
        ensure!(before == after, "container {name:?} was restarted while its namespace was being opened; try again");
        Ok(Self { container: Some(after), ..vantage })
    }

    /// May who sits there make its own silence: change routes and filters, or forge what comes back?
    pub(crate) fn can_alter_network(&self) -> bool {
        self.bounding.is_some_and(BoundingSet::can_alter_network)
    }

    /// The same with other resolvers, where any are given.
    pub(crate) fn with_resolvers(mut self, resolvers: &[IpAddr]) -> Self {
        if !resolvers.is_empty() {
            self.resolvers = Ok(resolvers.to_vec());
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_is_not_there_is_named() {
        let error = Vantage::pid(u32::MAX - 1).unwrap_err();
        assert!(error.to_string().contains("there is no process 4294967294"), "{error:#}");
    }

    #[test]
    fn a_namespace_that_is_not_there_is_named() {
        let error = Vantage::netns(Path::new("/run/netns/no-such-namespace")).unwrap_err();
        assert!(error.to_string().contains("/run/netns/no-such-namespace"), "{error:#}");
    }
}
