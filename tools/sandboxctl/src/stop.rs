//! What goes on until somebody ends it.

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

/// Does this until it ends by itself, or until SIGINT or SIGTERM comes.
///
/// # Errors
/// If the signals cannot be waited for, and those of the work.
pub(crate) async fn until_stopped(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT can't be waited for")?;
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM can't be waited for")?;
    tokio::select! {
        ended = work => ended,
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}
