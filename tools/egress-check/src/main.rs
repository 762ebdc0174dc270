//! `egress-check`: the inspector. See egress-check(1).

use std::process::ExitCode;

fn main() -> ExitCode {
    tool::main("egress-check", tool::version!(), egress_check::run)
}
