//! `scanwatch`: the warden. See scanwatch(1).

use std::process::ExitCode;

fn main() -> ExitCode {
    record::main("scanwatch", scanwatch::run)
}
