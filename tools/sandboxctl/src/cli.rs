//! What can be asked of the keeper.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use engine::Version;
use policy::PolicyArgs;
use tool::OutputArgs;

use crate::audit::{Pick, Show};
use crate::freeze::Trigger;

const EXAMPLES: &str = "\
Examples:
  sandboxctl audit | jq -c 'select(.event.outcome==\"failure\")'
  sandboxctl secret put github-token < token

Exit status: 0 as the policy says, 1 findings, 2 usage or environment, 3 could not be evaluated.";

/// Keeps the cell: renders its configuration, audits its containers, holds its secrets
#[derive(Debug, Parser)]
#[command(name = "sandboxctl", version = tool::version(), after_help = EXAMPLES, disable_help_flag = true, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) policy: PolicyArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Print help
    #[arg(short, long, action = clap::ArgAction::HelpShort, global = true)]
    help: Option<bool>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print configuration made from the policy
    #[command(subcommand)]
    Render(Render),
    /// Hold containers, networks and engine against the policy and the CIS Docker Benchmark
    Audit(Audit),
    /// List the controls of an audit: id, severity, what it is about, and the way out
    Controls,
    /// Tell how services and bounded folders stand
    Status {
        /// Go on, and tell what changes
        #[arg(short, long)]
        follow: bool,
    },
    /// Follow what the engine does, and audit again what it changed
    Events,
    /// Kill switch: pause the cell and cut its network
    Freeze(Trigger),
    /// Give the cell its network back, and let it run
    Thaw,
    /// Make, show and deliver keys and certificates: the vault's, and those for tls = "inspect"
    #[command(subcommand)]
    Cert(Cert),
    /// Put a secret into the tmpfs of the service that needs it
    #[command(subcommand)]
    Secret(Secret),
    /// Print a completion script for a shell
    #[command(hide = true)]
    Completions {
        /// Which shell
        shell: tool::Shell,
    },
}

/// What can be printed.
#[derive(Debug, Subcommand)]
pub(crate) enum Render {
    /// What the policy adds to compose.yaml, for a second `docker compose -f` (JSON, which is YAML)
    Compose,
    /// One JSON line a network: its name, a digest, and the arguments of `docker network create`
    Networks {
        /// The engine's version, such as 28.2.2 [default: ask the engine]
        #[arg(long, value_name = "VERSION")]
        engine: Option<Version>,
    },
    /// Folders and sizes of the policy, absolute and in bytes, as one JSON object
    Paths,
    /// The gate's nginx.conf
    Nginx,
}

#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// Audit these containers only, known to the policy or not [default: the composition, its networks, the engine]
    pub(crate) containers: Vec<String>,
    /// Know secrets by the rules of this file too, in the form of gitleaks' configuration
    #[arg(long, value_name = "FILE")]
    pub(crate) rules: Option<PathBuf>,
    /// Read the layers of images too, for secrets and set-uid files: some seconds for each image
    #[arg(long)]
    pub(crate) layers: bool,
    #[command(flatten)]
    pub(crate) pick: Pick,
    #[command(flatten)]
    pub(crate) show: Show,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Cert {
    /// Make a self-signed RSA-2048 certificate where there is none
    Create(CertCreate),
    /// Show the certificates there are, and check that they are sound
    Show,
    /// Give the pin of the current certificate
    Fingerprint {
        /// The pin alone, as clients take it
        #[arg(long)]
        plain: bool,
    },
    /// Put key and certificate into the running vault
    Deliver,
    /// Make certificates for the names that the policy says to inspect, and put them into the running gate
    Inspect,
}

#[derive(Debug, Args)]
pub(crate) struct CertCreate {
    /// Make the next one beside the current, so that its pin can be handed out before it is used
    #[arg(long, conflicts_with = "renew")]
    pub(crate) next: bool,
    /// Put the next one in the place of the current, or a new one where there is no next
    #[arg(long)]
    pub(crate) renew: bool,
    /// How long it is valid, in days
    #[arg(long, default_value_t = 825, value_parser = clap::value_parser!(u16).range(1..=3650))]
    pub(crate) days: u16,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Secret {
    /// Read a secret from standard input, and put it under /run/secrets of a running container
    Put {
        /// The name of a credential in the policy
        name: String,
        /// The container that needs it
        #[arg(long, value_name = "NAME", default_value = "proxy")]
        container: String,
    },
    /// Tell of every secret that the policy names whether it is where it is needed
    List,
    /// Take a secret out of the gate's memory
    Drop {
        /// The name that it was put under, in the policy or not any more
        name: String,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    fn words(command: &clap::Command, above: &str, found: &mut Vec<(String, String)>) {
        for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set()) {
            let path = format!("{above} {}", sub.get_name());
            found.push((path.clone(), format!("Cm {}", path.trim())));
            let options = sub
                .get_arguments()
                .filter_map(clap::Arg::get_long)
                .filter(|long| *long != "help" && *long != "version");
            found.extend(options.map(|long| (format!("{path} --{long}"), format!("Fl Fl {long}"))));
            words(sub, &path, found);
        }
    }

    #[test]
    fn the_manual_page_has_every_command_and_option() {
        let page = include_str!("../../../man/sandboxctl.1");
        let mut found = vec![("--format".to_owned(), "Fl Fl format".to_owned())];
        words(&Cli::command(), "", &mut found);
        assert!(found.len() > 15, "{found:?}");
        for (what, written) in found {
            assert!(page.contains(&written), "{what} is not in man/sandboxctl.1 (as \"{written}\")");
        }
    }

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
