//! Docker, for all tools that ask it: which engine is meant, and what it answers.
//!
//! - [`Endpoint`] finds the engine's socket as the docker command line does: `DOCKER_HOST`, contexts, the usual place.
//!   Only a Unix socket is spoken to. An engine elsewhere has other processes. Who entered this host's `/proc/PID` for
//!   one of them would look at a stranger.
//! - [`Engine`] is a connection. Its methods have no type parameters and return [`Work`], so that the machinery below
//!   them is compiled here, once, and not in each tool.
//! - [`Process`] is what the kernel says of a container's first process. [`Processes`] are all of this host's, and
//!   [`Networks`] who waits for others in their namespaces: what many containers share is asked once.
//! - [`dump`] asks the kernel for lists over netlink, whoever needs one.
//! - [`mountinfo`], [`fib_trie`] and [`inet6`] read tables of proc(5): mounts, and a namespace's own addresses.
//! - [`Families`] says whether networks here can have IPv6.
//! - [`wait_for`] runs the asynchronous half of a command.

mod answer;
mod chunks;
mod connection;
mod containers;
pub mod dump;
mod endpoint;
mod events;
mod exec;
mod families;
pub mod fib_trie;
mod images;
pub mod inet6;
mod listening;
mod logs;
pub mod mountinfo;
mod namespaces;
mod networks;
mod process;
mod processes;
mod running;
mod version;
mod wait;

pub use answer::{Answer, Work};
pub use bollard::errors::Error;
pub use bollard::models;
pub use chunks::Chunks;
pub use connection::{Engine, Identity, product};
pub use endpoint::{Endpoint, Settings};
pub use events::Events;
pub use exec::Done;
pub use families::Families;
pub use listening::{Listener, Networks};
pub use namespaces::{Namespaces, ProcessNamespaces, namespaces_of};
pub use process::{Process, is_no_file, plain_file, raise_descriptors};
pub use processes::Processes;
pub use version::Version;
pub use wait::{wait_at_most, wait_for};

/// Does the engine say that there is no such thing?
#[must_use]
pub fn is_missing(error: &Error) -> bool {
    matches!(error, Error::DockerResponseServerError { status_code: 404, .. })
}

/// What the engine said of a container, with its name and the way to mend it.
#[must_use]
pub fn about_container(name: &str, error: Error) -> anyhow::Error {
    if is_missing(&error) {
        return anyhow::anyhow!(
            "there is no container {name}; docker ps -a lists those there are, scripts/up starts ours"
        );
    }
    anyhow::anyhow!(error).context(format!("the engine could not be asked about {name}"))
}
