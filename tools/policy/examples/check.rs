//! Reads a policy and says what is wrong with it, or what it holds: `cargo run --example check -- FILE`.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(file) = std::env::args_os().nth(1) else {
        eprintln!("usage: check FILE");
        return ExitCode::from(2);
    };
    match policy::Policy::load(Path::new(&file), None) {
        Ok(policy) => {
            println!("{policy:#?}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}
