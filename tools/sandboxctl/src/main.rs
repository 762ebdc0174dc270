//! `sandboxctl`: the cell's keeper. See `sandboxctl(1)` and `run.rs`.
mod audit;
mod cert;
mod cli;
mod freeze;
mod gate;
mod nginx;
mod place;
mod render;
mod run;
mod secret;
mod status;
fn main() -> std::process::ExitCode {
    record::main("sandboxctl", record::version!(), run::run)
}
