//! `sandboxctl`: the cell's keeper. See `sandboxctl(1)`.
mod audit;
mod cert;
mod cli;
mod engine;
mod gate;
mod place;
mod render;
mod run;
mod secret;
mod status;

fn main() -> std::process::ExitCode {
    record::main("sandboxctl", run::run)
}
