//! The warden: scans what is written to the share, and jails what is found.

mod clamd;
mod cli;
mod court;
mod custody;
mod engine;
mod examine;
mod failpoint;
mod first_sight;
mod inotify;
mod jail;
mod known;
mod lane;
mod patrol;
mod place;
mod quarantine;
mod queue;
mod run;
mod scan;
mod self_test;
mod stamp;
mod stop;
mod tell;
mod verdict;
mod voice;
mod walk;
mod watch;

fn main() -> std::process::ExitCode {
    record::main("scanwatch", run::run)
}
