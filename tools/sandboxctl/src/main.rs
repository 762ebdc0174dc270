//! `sandboxctl`: the cell's keeper. See `sandboxctl(1)` and `run.rs`.
mod audit;
mod cert;
mod cli;
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
fn main() -> std::process::ExitCode {
    tool::main("sandboxctl", tool::version!(), run::run)
}
