//! auditdb: the record of every line of every tool.

mod cli;
mod database;
mod fold;
mod ingest;
mod keep;
mod line;
mod place;
mod read;
mod refs;
mod run;
mod signals;
mod source;
mod spool;

fn main() -> std::process::ExitCode {
    record::main("auditdb", record::version!(), run::run)
}
