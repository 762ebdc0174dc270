//! `auditdb`: the record. See auditdb(1).

use std::process::ExitCode;

fn main() -> ExitCode {
    record::main("auditdb", record::version!(), auditdb::run)
}
