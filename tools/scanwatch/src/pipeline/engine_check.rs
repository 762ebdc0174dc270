//! Before the first file: can the engine be relied on?

use anyhow::bail;
use record::Action;

use crate::clamd::engine::Change;
use crate::pipeline::shared::{OnFound, Shared};
use crate::records;

/// No file is believed to be clean before the engine has shown that it sees.
pub(crate) fn rely_on(shared: &Shared) -> anyhow::Result<()> {
    let shown = shared.engine.shown();
    let change = shared.engine.examine();
    if let Change::Up(trust) = &change {
        shared.engine.name(&trust.engine_version);
    }
    match change {
        Change::Up(trust) if trust.doubts.is_empty() => {
            let message = format!("clamd at {shown} flags the planted marker and what exceeds its limits.");
            let record = records::scanner_up(
                Action::ScannerVerified,
                message,
                &trust.engine_version.version,
                shared.queue.backlog(),
            );
            shared.report(&record);
        }
        Change::Up(trust) => {
            shared.report(&records::scanner_degraded(&trust.engine_version.version, &trust.reasons(), true));
        }
        Change::Degraded(trust) => {
            bail!(
                "clamd at {shown} ({}) cannot be relied on: {}. --allow-degraded uses it all the same",
                trust.engine_version.version,
                trust.reasons()
            )
        }
        Change::Away(error) if shared.engine.allows_degraded() && matches!(shared.on_found, OnFound::Quarantine(_)) => {
            shared.report(&records::scanner_unavailable(&shown, &error.to_string(), shared.queue.backlog()));
        }
        Change::Away(error) => {
            bail!("clamd at {shown} does not answer: {error}. Start it, or name its socket with --clamd")
        }
    }
    Ok(())
}
