//! The networks, as arguments of `docker network create`. They are made by the scripts and external to
//! Compose, so that a bare `docker compose up` finds none and starts nothing outside the moat.

use policy::{Network, Policy};
use serde::Serialize;
use sha2::{Digest, Sha256};

use engine::Version;

/// From this version on a bridge can do without an address of its own (`gateway_mode=isolated`), so that
/// the members of an internal network find no host at all behind it.
const ISOLATED_GATEWAY: Version = Version::new(28, 0, 0);

/// The label that tells a network made for today's policy from one that must be made anew.
pub(crate) const DEFINITION: &str = "cellblock.definition";

/// One network: a line for the scripts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Made {
    /// What Docker calls it.
    pub(crate) name: String,
    /// SHA-256 of the arguments before the label that carries it, 64 hex digits.
    pub(crate) definition: String,
    /// All that follows `docker network create`.
    pub(crate) args: Vec<String>,
}

/// The networks of the current shape, in the order of their names.
pub(crate) fn render(policy: &Policy, engine: Version) -> Vec<Made> {
    policy.active_networks().map(|network| made(network, engine)).collect()
}

fn made(network: &Network, engine: Version) -> Made {
    let mut args = arguments(network, engine);
    let definition = digest(&args);
    args.extend(["--label".to_owned(), format!("{DEFINITION}={definition}"), network.docker_name()]);
    Made { name: network.docker_name(), definition, args }
}

fn arguments(network: &Network, engine: Version) -> Vec<String> {
    let isolated = network.internal && engine >= ISOLATED_GATEWAY;
    let mut args: Vec<String> = ["--driver", "bridge", "--ipv6"].map(str::to_owned).to_vec();
    let mut add = |flag: &str, value: String| args.extend([flag.to_owned(), value]);
    let (v4, v6) = network.gateway();
    add("--subnet", network.v4.to_string());
    add("--subnet", network.v6.to_string());
    if !isolated {
        add("--gateway", v4.to_string());
        add("--gateway", v6.to_string());
    }
    for (option, value) in options(network, isolated) {
        add("--opt", format!("com.docker.network.bridge.{option}={value}"));
    }
    add("--label", format!("cellblock.network={}", network.name));
    if network.internal {
        args.push("--internal".to_owned());
    }
    args
}

/// Options of Docker's bridge driver. A port published without an address goes to loopback only.
pub(crate) fn options(network: &Network, isolated: bool) -> Vec<(&'static str, String)> {
    let mut options = vec![("name", network.bridge.to_string()), ("host_binding_ipv4", "127.0.0.1".to_owned())];
    if !network.masquerade {
        options.push(("enable_ip_masquerade", "false".to_owned()));
    }
    if isolated {
        options.extend(["gateway_mode_ipv4", "gateway_mode_ipv6"].map(|option| (option, "isolated".to_owned())));
    }
    options
}

fn digest(args: &[String]) -> String {
    let mut hash = Sha256::new();
    for arg in args {
        hash.update(arg.as_bytes());
        hash.update([0]);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
