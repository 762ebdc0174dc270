//! The networks, as arguments of `docker network create`. The scripts make them, and to Compose they are external. So a
//! bare `docker compose up` finds none, and starts nothing outside the moat.

use policy::{Network, Policy};
use serde::Serialize;
use sha2::{Digest, Sha256};

use engine::{Families, Version};

/// From this version on a bridge can do without an address of its own (`gateway_mode=isolated`). The members of an
/// internal network then find no host at all behind it.
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
pub(crate) fn render(policy: &Policy, engine: Version, families: Families) -> Vec<Made> {
    policy.active_networks().map(|network| made(network, engine, families)).collect()
}

fn made(network: &Network, engine: Version, families: Families) -> Made {
    let mut args = arguments(network, engine, families);
    let definition = digest(&args);
    args.extend(["--label".to_owned(), format!("{DEFINITION}={definition}"), network.docker_name()]);
    Made { name: network.docker_name(), definition, args }
}

/// Docker makes no network with IPv6 on a kernel that has none. The same network with it is another definition, so that
/// it is made anew when the kernel has it again.
fn arguments(network: &Network, engine: Version, families: Families) -> Vec<String> {
    let isolated = network.internal && engine >= ISOLATED_GATEWAY;
    let mut args: Vec<String> = ["--driver", "bridge"].map(str::to_owned).to_vec();
    if families.has_v6() {
        args.push("--ipv6".to_owned());
    }
    let mut add = |flag: &str, value: String| args.extend([flag.to_owned(), value]);
    let (v4, v6) = network.gateway();
    for subnet in families.each(network.v4.to_string(), network.v6.to_string()) {
        add("--subnet", subnet);
    }
    for gateway in families.each(v4.to_string(), v6.to_string()).into_iter().filter(|_| !isolated) {
        add("--gateway", gateway);
    }
    for (option, value) in options(network, isolated, families) {
        add("--opt", format!("com.docker.network.bridge.{option}={value}"));
    }
    add("--label", format!("cellblock.network={}", network.name));
    if network.internal {
        args.push("--internal".to_owned());
    }
    args
}

/// Options of Docker's bridge driver. A port published without an address goes to loopback only.
fn options(network: &Network, isolated: bool, families: Families) -> Vec<(&'static str, String)> {
    let mut options = vec![("name", network.bridge.to_string()), ("host_binding_ipv4", "127.0.0.1".to_owned())];
    if !network.masquerade {
        options.push(("enable_ip_masquerade", "false".to_owned()));
    }
    if isolated {
        let modes = families.each("gateway_mode_ipv4", "gateway_mode_ipv6");
        options.extend(modes.into_iter().map(|option| (option, "isolated".to_owned())));
    }
    options
}

fn digest(args: &[String]) -> String {
    let mut hash = Sha256::new();
    for arg in args {
        hash.update(arg.as_bytes());
        hash.update([0]);
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn without_ipv6_no_argument_names_it_and_the_definition_is_another_one() {
        let text = include_str!("../gate/sample-policy.toml");
        let policy = Policy::parse(text, Path::new("policy.toml"), Path::new("/srv/cellblock")).unwrap();
        for engine in [Version::new(26, 1, 5), Version::new(28, 5, 2)] {
            let (both, four) = (render(&policy, engine, Families::Both), render(&policy, engine, Families::V4));
            assert_eq!(both.len(), four.len());
            for (both, four) in both.iter().zip(&four) {
                assert_ne!(both.definition, four.definition);
                assert!(
                    both.args.iter().any(|arg| arg == "--ipv6") && both.args.iter().any(|arg| arg.contains("fd6c:"))
                );
                let named = |arg: &&String| arg.contains("ipv6") || arg.matches(':').count() > 1;
                assert_eq!(four.args.iter().find(named), None, "{}", four.name);
                assert!(four.args.contains(&"--subnet".to_owned()));
            }
        }
    }
}
