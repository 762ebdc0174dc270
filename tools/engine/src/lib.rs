//! Docker, for all tools that ask it: which engine is meant, and what it answers.
//!
//! - [`Place`] finds the engine's socket as the docker command line does: `DOCKER_HOST`, contexts, the usual place.
//!   Only a Unix socket is spoken to. An engine elsewhere has other processes, and who entered this host's
//!   `/proc/PID` for one of them would look at a stranger.
//! - [`Engine`] is a connection. Its methods have no type parameters, so that the machinery below them is compiled
//!   here, once, and not in each tool.
//! - [`Process`] is what the kernel says of a container's first process.
//! - [`Families`] says whether networks here can have IPv6.
//! - [`wait_for`] runs the asynchronous half of a command.

mod connection;
mod containers;
mod events;
mod exec;
mod families;
mod logs;
mod networks;
mod place;
mod process;
mod running;
mod version;
mod wait;

pub use bollard::errors::Error;
pub use bollard::models;
pub use connection::{Engine, Identity};
pub use events::Events;
pub use exec::Done;
pub use families::Families;
pub use logs::Logs;
pub use place::{Place, Settings};
pub use process::Process;
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
