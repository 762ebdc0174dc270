//! The command line.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use policy::PolicyArgs;
use tool::OutputArgs;

use crate::address::Address;
use crate::plan::Target;

/// The inspector: tries to get out of the sandbox, and reports what it could do.
#[derive(Debug, Parser)]
#[command(
    name = "egress-check",
    version = tool::version(),
    after_help = "Examples:\n  \
        egress-check run --container cell --control --moat\n  \
        egress-check plan | egress-check run - --container cell --control --moat | auditdb ingest\n\n\
        Exit status: 0 as the policy says, 1 findings, 2 usage or environment, 3 not all could be judged.\n\
        The manual, egress-check(1), has the table of probes."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    /// How records are printed.
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// The subcommands of egress-check.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print the probes that the policy asks for, one a line; nothing is sent
    Plan(PlanArgs),
    /// Make probes: those of the policy, or lines from a file or from stdin (-)
    Run(RunArgs),
    /// Check the certificate behind a wss:// address against its pins, and its WebSocket
    Pin(PinArgs),
    /// Print completions for a shell
    #[command(hide = true)]
    Completions {
        /// The shell that is to complete words.
        shell: tool::Shell,
    },
}

/// Whom a plan is for: everybody whom the policy names, unless one is picked.
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// Plan for this container of the policy only
    #[arg(long, value_name = "NAME")]
    pub(crate) container: Option<String>,
    /// Plan for who leaves by this network of the policy only
    #[arg(long, value_name = "NAME")]
    pub(crate) network: Option<String>,
    /// A machine that must not be reached: ADDR or ADDR:PORT[/udp]; may be repeated
    #[arg(long, value_name = "TARGET")]
    pub(crate) target: Vec<Target>,
}

/// What is run, where, and against which control.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Probe lines to read, - for stdin [default: those of the policy]
    #[arg(value_name = "FILE")]
    pub(crate) lines: Option<PathBuf>,
    /// Probe from inside this container, by name or id [default: from where this is started]
    #[arg(long, value_name = "NAME", group = "vantage")]
    pub(crate) container: Option<String>,
    /// Probe from inside the network namespace of this process
    #[arg(long, value_name = "PID", group = "vantage")]
    pub(crate) pid: Option<u32>,
    /// Probe from inside this network namespace
    #[arg(long, value_name = "PATH", group = "vantage")]
    pub(crate) netns: Option<PathBuf>,
    /// Make the probes of who leaves by this network of the policy
    #[arg(long, value_name = "NAME")]
    pub(crate) network: Option<String>,
    /// A machine that must not be reached: ADDR or ADDR:PORT[/udp]; may be repeated
    #[arg(long, value_name = "TARGET", conflicts_with = "lines")]
    pub(crate) target: Vec<Target>,
    /// Ask resolvers of your choice in place of those of the probed place
    #[arg(long, value_name = "ADDR")]
    pub(crate) resolver: Vec<IpAddr>,
    /// A resolver's log outside, to look for the unique names in
    #[arg(long, value_name = "FILE")]
    pub(crate) dns_log: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) control: ControlArgs,
    /// Where nobody answers, ask netguard whether the moat refused and counted the probe's packets
    #[arg(long)]
    pub(crate) moat: bool,
    /// Where nobody outside has the address that a request names, ask the gate's log whether it refused the request
    #[arg(long)]
    pub(crate) gate_log: bool,
    /// How long a probe waits for an answer, such as 2s or 500ms
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = timeout)]
    pub(crate) timeout: Duration,
    /// How many probes wait at once
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub(crate) parallel: u16,
}

/// Where the control asks from: without one, a "blocked" is only `unknown`.
#[derive(Debug, Args)]
pub(crate) struct ControlArgs {
    /// Ask the same from outside, here, to show that targets answer at all
    #[arg(long)]
    pub(crate) control: bool,
    /// The same, from this network namespace
    #[arg(long, value_name = "PATH", conflicts_with = "control_container")]
    pub(crate) control_netns: Option<PathBuf>,
    /// The same, from inside this container
    #[arg(long, value_name = "NAME")]
    pub(crate) control_container: Option<String>,
    /// The resolver that the control asks [default: the policy's, else its own]
    #[arg(long, value_name = "ADDR")]
    pub(crate) control_resolver: Vec<IpAddr>,
}

/// Whose certificate, and what it should be.
#[derive(Debug, Args)]
pub(crate) struct PinArgs {
    /// Where to connect: wss://HOST:PORT[/PATH]
    #[arg(value_name = "URL")]
    pub(crate) address: Address,
    /// An accepted SHA-256 of certificate or public key; may be repeated [default: the policy's]
    #[arg(long, value_name = "sha256:HEX")]
    pub(crate) pin: Vec<policy::Pin>,
    /// Trust what is seen first and keep it in this file; hold later runs against the file
    #[arg(long, value_name = "FILE", conflicts_with = "pin")]
    pub(crate) trust_on_first_use: Option<PathBuf>,
    /// Also hold the chain, the name and the time against the authorities in this file (PEM)
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    /// How long each step may take, such as 5s
    #[arg(long, value_name = "TIME", default_value = "20s", value_parser = timeout)]
    pub(crate) timeout: Duration,
}

/// A time from 1 ms to 10 minutes.
fn timeout(text: &str) -> Result<Duration, String> {
    let expected = || format!("expected a time from 1ms to 10m, such as 2s, got {text:?}");
    let time = tool::duration::parse(text).map_err(|_| expected())?;
    (Duration::from_millis(1)..=Duration::from_secs(600)).contains(&time).then_some(time).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_time_has_a_unit_and_a_bound() {
        assert_eq!(timeout("2s"), Ok(Duration::from_secs(2)));
        assert_eq!(timeout("500ms"), Ok(Duration::from_millis(500)));
        for bad in ["2", "0s", "-1s", "11m", "soon"] {
            assert!(timeout(bad).unwrap_err().contains("expected a time"), "{bad}");
        }
    }

    #[test]
    fn the_manual_knows_every_subcommand_and_option() {
        let manual = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../man/egress-check.1")).unwrap();
        let command = Cli::command();
        let shown = command.get_subcommands().filter(|sub| !sub.is_hide_set());
        for sub in std::iter::once(&command).chain(shown) {
            assert!(
                manual.contains(&format!(".Cm {}", sub.get_name())) || sub.get_name() == "egress-check",
                "{}",
                sub.get_name()
            );
            for long in sub.get_arguments().filter_map(clap::Arg::get_long) {
                assert!(manual.contains(&format!("Fl -{long}")), "--{long} of {}", sub.get_name());
            }
        }
    }
}
