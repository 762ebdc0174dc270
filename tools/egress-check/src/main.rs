//! The inspector: tries to get out, and reports what it could do. See egress-check(1).

mod ask;
mod cli;
mod completions;
mod control;
mod docker;
mod enter;
mod inspect;
mod limit;
mod line;
mod pin;
mod plan;
mod probe;
mod progress;
mod report;
mod resolv;
mod run;
mod seat;
mod sight;
mod surroundings;
mod verdict;
mod wire;

fn main() -> std::process::ExitCode {
    record::main("egress-check", run::run)
}
