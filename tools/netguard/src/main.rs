//! `netguard`: the moat. See netguard(1).

use std::process::ExitCode;

fn main() -> ExitCode {
    record::main("netguard", record::version!(), netguard::run)
}
