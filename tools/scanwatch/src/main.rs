//! `scanwatch`: the warden. See scanwatch(1).

use std::process::ExitCode;

fn main() -> ExitCode {
    record::main("scanwatch", record::version!(), scanwatch::run)
}
