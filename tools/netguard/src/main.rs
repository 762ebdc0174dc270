//! `netguard`: the moat. See netguard(1).

use std::process::ExitCode;

fn main() -> ExitCode {
    tool::main("netguard", tool::version!(), netguard::run)
}
