//! `netguard`: the moat. See netguard(1).

use std::process::ExitCode;

mod bridge_rules;
mod cli;
mod connections;
mod group;
mod json;
mod lines;
mod listing;
mod machine;
mod netlink;
mod nft;
mod plan;
mod report;
mod run;
mod script;
mod table;
mod text;
mod verdict;
mod verify;
mod vocabulary;

fn main() -> ExitCode {
    record::main("netguard", run::run)
}
