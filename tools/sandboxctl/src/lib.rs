//! The cell: what is rendered for Docker from the policy, and whether what runs is that. See sandboxctl(1).
//!
//! The rooms, each importing only those before it. First `paths` and `private_files`, then `gate` and `secret`. Then
//! `render`, what Docker and nginx read (pure), and `audit`, facts from the edge and pure controls. Last `status` and
//! `freeze`, `cert`, and `commands`, a file a subcommand.

mod audit;
mod cert;
mod cli;
mod commands;
mod freeze;
mod gate;
mod nginx;
mod paths;
mod private_files;
mod render;
mod run;
mod secret;
mod status;
mod stop;

pub use run::run;
