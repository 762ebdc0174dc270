//! The asynchronous half of a command. One thread: the work is waiting for answers.

use std::time::Duration;

use anyhow::{Context, Result};

/// Runs it to its end.
///
/// # Errors
/// The work's own.
pub fn wait_for<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the asynchronous runtime did not start")?
        .block_on(work)
}

/// The same, and no longer than that.
///
/// # Errors
/// The work's own, or that it did not end in time.
pub fn wait_at_most<T>(timeout: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
    let late = || format!("Docker did not answer within {} s", timeout.as_secs_f32());
    wait_for(async { tokio::time::timeout(timeout, work).await.with_context(late)? })
}
