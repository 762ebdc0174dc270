//! The front door, the same for every tool: how it starts, prints, hears a signal, and ends.
//!
//! - [`main`] is what every tool's `main` calls, with its [`version!`]. [`Exit`] is the exit status.
//! - [`input`] opens what the command line names, and [`duration`] reads a time as the policy has it.
//! - [`OutputArgs`] is `--format`. [`Writer`] prints records, counts verdicts, and ends every run with `run-finished`.
//! - [`render`] makes a line for a person of a record. [`print()`] prints what is no record, and [`completions()`] a
//!   shell's.
//! - [`replace()`] writes a file in one step.
//! - [`OutputClosed`] is the end of a run whose reader went away: no error, and no pass.
//! - [`Stop`] is SIGINT or SIGTERM, or a reader that went away, for a follower that looks now and then. `scanwatch`
//!   polls descriptors and `sandboxctl` runs on tokio: each waits for signals in its own way.
//!
//! What a line says is `record`'s. Nothing here knows what a tool does.

mod completions;
pub mod duration;
mod exit;
pub mod input;
mod numbers;
mod output;
mod pipe;
mod print;
mod replace;
mod start;
mod stop;
mod text;
mod writer;

pub use clap_complete::Shell;
pub use completions::completions;
pub use exit::Exit;
pub use output::{Format, OutputArgs};
pub use pipe::{OutputClosed, unprinted};
pub use print::print;
pub use replace::{Lasting, replace, sync_folder};
pub use start::{main, version};
pub use stop::Stop;
pub use text::{render, render_at};
pub use writer::{Purpose, Writer};
