//! `egress-check`: the inspector. See egress-check(1).

use std::process::ExitCode;

fn main() -> ExitCode {
    record::main("egress-check", record::version!(), egress_check::run)
}
