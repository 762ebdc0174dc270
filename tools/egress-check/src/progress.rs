//! A bar on stderr while probes wait, where stderr is a terminal.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

/// A bar for so many probes; one that is not seen where nobody looks.
pub(crate) fn bar(probes: usize) -> ProgressBar {
    if !std::io::stderr().is_terminal() || probes < 2 {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(probes as u64);
    match ProgressStyle::with_template("{elapsed} {bar:40} {pos}/{len} probes") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
