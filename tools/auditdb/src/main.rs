//! `auditdb`: the record. See auditdb(1).

use std::process::ExitCode;

fn main() -> ExitCode {
    tool::main("auditdb", tool::version!(), auditdb::run)
}
