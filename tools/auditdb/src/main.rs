//! auditdb: the record of every line of every tool.

mod checkpoint;
mod cli;
mod database;
mod export;
mod fold;
mod ingest;
mod keep;
mod line;
mod place;
mod plural;
mod read;
mod refs;
mod report;
mod rows;
mod run;
mod signals;
mod source;
mod spool;
mod trust;
mod whole;

fn main() -> std::process::ExitCode {
    record::main("auditdb", record::version!(), run::run)
}
