//! `scanwatch`: the warden. See scanwatch(1).

use std::process::ExitCode;

fn main() -> ExitCode {
    tool::main("scanwatch", tool::version!(), scanwatch::run)
}
