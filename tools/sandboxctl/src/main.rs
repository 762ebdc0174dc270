//! `sandboxctl`: the cell's keeper. See sandboxctl(1).

use std::process::ExitCode;

fn main() -> ExitCode {
    tool::main("sandboxctl", tool::version!(), sandboxctl::run)
}
