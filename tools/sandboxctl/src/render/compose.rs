//! What the policy adds to `compose/compose.yaml`: networks, addresses, names, limits, mounts and ports.
//!
//! Written as JSON, which is YAML: nothing in it can be read as another type (`no`, `1e3`, `22:22`).
//! The file in the repository says what is the same for everybody; this says what the policy decides.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

use engine::Families;
use policy::{Class, Egress, HostPattern, Network, NetworkName, Policy, Service, Shape, Tls};
use serde::Serialize;

use crate::paths;

/// The override of `compose.yaml`: what the policy decides of it.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Override {
    name: &'static str,
    services: BTreeMap<&'static str, Part>,
    networks: BTreeMap<String, External>,
}

/// One service's part of it. What is absent stays as `compose.yaml` has it.
#[derive(Debug, Default, PartialEq, Serialize)]
struct Part {
    #[serde(skip_serializing_if = "Option::is_none")]
    container_name: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dns: Vec<IpAddr>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ports: Vec<Port>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    networks: BTreeMap<String, Attachment>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    volumes: Vec<Bind>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    environment: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<&'static str, String>,
    #[serde(flatten)]
    limits: Option<Limits>,
}

/// `memswap_limit` equal to `mem_limit` means: no swap.
#[derive(Debug, PartialEq, Serialize)]
struct Limits {
    mem_limit: u64,
    memswap_limit: u64,
    cpus: f64,
    pids_limit: u32,
}

#[derive(Debug, PartialEq, Serialize)]
struct Port {
    host_ip: IpAddr,
    published: String,
    target: u16,
    protocol: &'static str,
    mode: &'static str,
}

/// A place on a network: fixed addresses, and the names it answers to there besides its own.
#[derive(Debug, PartialEq, Serialize)]
struct Attachment {
    ipv4_address: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    ipv6_address: Option<IpAddr>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    aliases: Vec<String>,
}

/// A folder of the host. Docker must not make it when it is missing: it would be outside the size limit.
#[derive(Debug, PartialEq, Serialize)]
struct Bind {
    #[serde(rename = "type")]
    kind: &'static str,
    source: String,
    target: &'static str,
    read_only: bool,
    bind: BindOptions,
}

#[derive(Debug, PartialEq, Serialize)]
struct BindOptions {
    create_host_path: bool,
}

#[derive(Debug, PartialEq, Serialize)]
struct External {
    name: String,
    external: bool,
}

/// The port inside the vault that its nginx listens on. It is below 1024: the prisoner shares the network namespace,
/// and can't take it there when the vault dies (see `sysctls` in compose.yaml).
const VAULT_PORT: u16 = 443;

/// The label that tells a service of another policy from one of this. A file that is mounted alone stays the
/// old one when an editor puts a new one in its place; with another label Compose makes the container again.
pub(crate) const POLICY_LABEL: &str = "cellblock.policy";

/// The whole document for the current shape. `digest` stands for the policy's text.
///
/// # Errors
/// If a path of the policy is not UTF-8: Compose could not read it back.
pub(crate) fn render(policy: &Policy, digest: &str, families: Families) -> anyhow::Result<Override> {
    let mut services = BTreeMap::new();
    for service in Service::ALL {
        let mut part = part(policy, service, families)?;
        if matches!(service, Service::Monitor | Service::Warden) {
            part.labels.insert(POLICY_LABEL, digest.to_owned());
        }
        services.insert(service.as_str(), part);
    }
    let networks = policy
        .active_networks()
        .map(|network| (network.name.to_string(), External { name: network.docker_name(), external: true }))
        .collect();
    Ok(Override { name: "cellblock", services, networks })
}

/// What a service resolves with, behind Docker's own names. Explicit, because without any Docker asks from the
/// host's namespace, which no bridge rule sees. Who has no way out gets its own loopback, where nobody answers:
/// a name that does not exist for it then fails at once and not after a time-out.
pub(crate) fn resolvers(policy: &Policy, service: Service) -> Vec<IpAddr> {
    let open =
        policy.active_networks().any(|network| network.class == Class::Open && network.members.contains(&service));
    match service {
        _ if !open => vec![IpAddr::V4(Ipv4Addr::LOCALHOST)],
        Service::Proxy => policy.proxy.resolvers.clone(),
        _ => policy.cell.dns.clone(),
    }
}

fn part(policy: &Policy, service: Service, families: Families) -> anyhow::Result<Part> {
    let mut part = Part { networks: attachments(policy, service, families), ..Part::default() };
    if !part.networks.is_empty() {
        part.dns = resolvers(policy, service);
    }
    match service {
        Service::Vault => {
            part.ports = vec![port(policy)];
            part.environment.insert("VAULT_UPSTREAM", policy.vault.upstream.to_string());
            part.environment.insert("VAULT_ORIGINS", words(policy.vault.browsers()));
        }
        Service::Cell => {
            part.container_name = Some(policy.cell.container.clone());
            part.limits = Some(limits(policy));
            part.environment.insert("VAULT_UPSTREAM", policy.vault.upstream.to_string());
            part.environment.insert("VAULT_ORIGINS", words(policy.vault.browsers()));
            part.environment.insert("TZ", policy.cell.timezone.clone());
            part.environment.insert("CELL_NETWORK", shape(policy).to_owned());
            part.environment.insert("CELL_EGRESS", words(ways_out(policy)));
            part.environment.insert("CELL_AUTHORIZED", words(keyed(policy)));
            part.environment.insert("CELL_DOORS", HostPattern::DOORS.to_owned());
            part.volumes = vec![bind(&policy.cell.share.folder(), "/sandbox", false)?];
            if !policy.inspected().is_empty() {
                part.volumes.push(bind(&paths::inspected(policy), paths::AUTHORITY, true)?);
                // Node's own, and read by nothing else: no other program is told to trust the gate's certificates.
                part.environment.insert("NODE_EXTRA_CA_CERTS", format!("{}/ca.pem", paths::AUTHORITY));
            }
        }
        Service::Warden => {
            part.volumes = vec![
                bind(&policy.cell.share.folder(), "/share", false)?,
                bind(&policy.warden.jail.path, "/jail", false)?,
            ];
        }
        Service::Proxy => part.volumes = vec![bind(&policy.rendered().join("gate"), "/etc/nginx/gate", true)?],
        Service::Clamd => part.volumes = vec![bind(&paths::signatures(policy), "/signatures", true)?],
        Service::Monitor => {}
    }
    // The cell needs none: it can't start without the vault's network namespace.
    if service != Service::Cell {
        part.volumes.push(bind(&policy.permit(), paths::PERMIT, true)?);
    }
    Ok(part)
}

/// The policy's word for the cell's shape.
fn shape(policy: &Policy) -> &'static str {
    match policy.cell.network {
        Shape::Open => "open",
        Shape::Proxied => "proxied",
    }
}

/// For an agent that must be told: how the cell reaches each name that the gate has for it, plain where TLS begins at
/// the gate. In `open` shape those whose key the gate holds or whose TLS it opens; any other name is reached as
/// everywhere.
fn ways_out(policy: &Policy) -> BTreeSet<String> {
    let way = |rule: &Egress| match rule.tls {
        Tls::Verify => format!("http://{}", rule.host),
        Tls::Passthrough | Tls::Inspect => format!("https://{}", rule.host),
    };
    rules_of_the_cell(policy).filter(|rule| !rule.host.is_wildcard()).map(way).collect()
}

/// The names whose key the gate adds: an agent that holds none for them must be told that it needs none.
fn keyed(policy: &Policy) -> BTreeSet<String> {
    rules_of_the_cell(policy).filter(|rule| rule.credential.is_some()).map(|rule| rule.host.to_string()).collect()
}

/// What the gate has for the cell in the current shape.
fn rules_of_the_cell(policy: &Policy) -> impl Iterator<Item = &Egress> {
    let ours = |network: &&Network| [NetworkName::CELL, NetworkName::MODEL].contains(&network.name.as_str());
    policy.gate_clients().filter(ours).flat_map(|network| policy.egress_for(network.name.as_str()))
}

fn words(all: impl IntoIterator<Item = impl ToString>) -> String {
    all.into_iter().map(|word| word.to_string()).collect::<Vec<_>>().join(" ")
}

/// The cell has none of its own: it lives in the vault's namespace.
fn attachments(policy: &Policy, service: Service, families: Families) -> BTreeMap<String, Attachment> {
    if service == Service::Cell {
        return BTreeMap::new();
    }
    policy
        .active_networks()
        .filter_map(|network| {
            let (v4, v6) = network.address_of(service)?;
            let aliases = if service == Service::Proxy { aliases(policy, network) } else { Vec::new() };
            let ipv6_address = families.has_v6().then(|| v6.into());
            let place = Attachment { ipv4_address: v4.into(), ipv6_address, aliases };
            Some((network.name.to_string(), place))
        })
        .collect()
}

/// The gate answers to every name that the clients of this network may ask for. They need no proxy variable. A wildcard
/// has no name to answer to: its hosts must be listed one by one to be reached this way.
fn aliases(policy: &Policy, network: &Network) -> Vec<String> {
    let client = network.name.as_str();
    let mut names: Vec<String> = policy
        .egress_for(client)
        .filter(|rule| network.internal && !rule.host.is_wildcard())
        .flat_map(|rule| std::iter::once(rule.host.name().to_owned()).chain(rule.door(client)))
        .collect();
    names.sort();
    names.dedup();
    names
}

/// The wildcards that some client of the current shape lists: the gate knows them, Docker's DNS can't.
pub(crate) fn nameless(policy: &Policy) -> Vec<String> {
    let clients: Vec<&NetworkName> = policy.gate_clients().map(|network| &network.name).collect();
    policy
        .egress
        .iter()
        .filter(|rule| rule.host.is_wildcard() && clients.iter().any(|client| rule.lists(client.as_str())))
        .map(|rule| rule.host.to_string())
        .collect()
}

fn port(policy: &Policy) -> Port {
    let listen = policy.vault.listen;
    Port {
        host_ip: listen.ip(),
        published: listen.port().to_string(),
        target: VAULT_PORT,
        protocol: "tcp",
        mode: "host",
    }
}

fn limits(policy: &Policy) -> Limits {
    let memory = policy.cell.memory.get();
    Limits { mem_limit: memory, memswap_limit: memory, cpus: policy.cell.cpus, pids_limit: policy.cell.pids }
}

fn bind(source: &std::path::Path, target: &'static str, read_only: bool) -> anyhow::Result<Bind> {
    let source = paths::as_text(source)?;
    Ok(Bind { kind: "bind", source, target, read_only, bind: BindOptions { create_host_path: false } })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn policy(shape: &str) -> Policy {
        let text = include_str!("../gate/sample-policy.toml").replace("\"open\"", &format!("\"{shape}\""));
        Policy::parse(&text, Path::new("policy.toml"), Path::new("/srv/cellblock")).unwrap()
    }

    #[test]
    fn who_reads_the_policy_inside_is_made_again_with_another_one_and_nobody_else_is() {
        let labels = |digest: &str| -> Vec<(&str, Option<String>)> {
            let services = render(&policy("open"), digest, Families::Both).unwrap().services;
            services.into_iter().map(|(name, part)| (name, part.labels.get(POLICY_LABEL).cloned())).collect()
        };
        let changed: Vec<&str> = labels("sha256:1")
            .into_iter()
            .zip(labels("sha256:2"))
            .filter(|(one, other)| one != other)
            .map(|(one, _)| one.0)
            .collect();
        assert_eq!(changed, ["monitor", "warden"]);
    }

    #[test]
    fn the_cell_is_told_how_it_reaches_each_name_of_the_gate_and_in_open_shape_nothing() {
        let told = |shape: &str| {
            let shipped = include_str!("../../../../compose/policy.toml").replace("\"open\"", &format!("\"{shape}\""));
            let policy = Policy::parse(&shipped, Path::new("policy.toml"), Path::new("/srv/cellblock")).unwrap();
            words(ways_out(&policy))
        };
        assert_eq!(told("open"), "");
        let proxied = told("proxied");
        let ways: Vec<&str> = proxied.split(' ').collect();
        assert!(ways.contains(&"http://api.anthropic.com") && ways.contains(&"https://docs.openclaw.ai"), "{proxied}");
        assert!(!proxied.contains("database.clamav.net"), "{proxied}");
    }

    #[test]
    fn with_a_key_at_the_gate_an_open_cell_has_that_name_there_and_is_told_so() {
        let shipped = include_str!("../../../../compose/policy.toml");
        let keyed = shipped.replace("# credential = \"anthropic-key\"", "credential = \"anthropic-key\"");
        let policy = Policy::parse(&keyed, Path::new("policy.toml"), Path::new("/srv/cellblock")).unwrap();
        let services = render(&policy, "", Families::Both).unwrap().services;
        let cell = &services["cell"].environment;
        assert_eq!(
            (&*cell["CELL_EGRESS"], &*cell["CELL_AUTHORIZED"]),
            ("http://api.anthropic.com", "api.anthropic.com")
        );
        assert_eq!(
            services["proxy"].networks["model"].aliases,
            ["api.anthropic.com", "api.anthropic.com.gate.internal"]
        );
        assert_eq!(cell["CELL_DOORS"], "gate.internal");
        let members: Vec<&str> =
            services.iter().filter(|(_, part)| part.networks.contains_key("model")).map(|(name, _)| *name).collect();
        assert_eq!(members, ["proxy", "vault"]);
        assert!(!services["proxy"].networks.contains_key("cell"), "the gate never joins an open cell's network");
    }

    #[test]
    fn node_in_the_cell_and_nothing_else_is_told_of_the_gate_s_authority_where_the_policy_inspects() {
        let shipped = include_str!("../../../../compose/policy.toml");
        let told = |text: &str| {
            let policy = Policy::parse(text, Path::new("policy.toml"), Path::new("/srv/cellblock")).unwrap();
            serde_json::to_value(render(&policy, "", Families::Both).unwrap()).unwrap()
        };
        assert!(!told(shipped).to_string().contains("inspect"), "off by default");
        let told = told(&shipped.replace("\"passthrough\"", "\"inspect\""));
        let with: Vec<&String> = told["services"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, part)| part.to_string().contains("inspect"))
            .map(|(name, _)| name)
            .collect();
        assert_eq!(with, ["cell"]);
        let cell = &told["services"]["cell"];
        assert_eq!(cell["environment"]["NODE_EXTRA_CA_CERTS"], "/etc/cellblock/inspect/ca.pem");
        assert_eq!(cell["environment"]["CELL_EGRESS"].as_str().unwrap().matches("https://docs.openclaw.ai").count(), 1);
        let bind = cell["volumes"].as_array().unwrap().iter().find(|bind| bind["target"] == "/etc/cellblock/inspect");
        assert_eq!(bind.unwrap()["source"], "/srv/cellblock/rendered/inspect");
        assert_eq!(bind.unwrap()["read_only"], true);
    }

    #[test]
    fn the_cell_is_told_its_shape_and_its_time_zone() {
        let mut policy = policy("proxied");
        policy.cell.timezone = "Asia/Kathmandu".to_owned();
        let services = render(&policy, "", Families::Both).unwrap().services;
        let cell = &services["cell"].environment;
        assert_eq!((&*cell["CELL_NETWORK"], &*cell["TZ"]), ("proxied", "Asia/Kathmandu"));
    }

    #[test]
    fn vault_and_cell_know_the_same_origins() {
        let services = render(&policy("open"), "", Families::Both).unwrap().services;
        for name in ["vault", "cell"] {
            assert_eq!(services[name].environment["VAULT_ORIGINS"], "https://127.0.0.1:8443 https://localhost:8443");
        }
    }

    #[test]
    fn without_ipv6_nobody_is_given_an_address_of_it() {
        let text = |families| serde_json::to_string(&render(&policy("proxied"), "", families).unwrap()).unwrap();
        assert!(text(Families::Both).contains("fd6c:") && text(Families::Both).contains("ipv6_address"));
        assert!(!text(Families::V4).contains("fd6c:") && !text(Families::V4).contains("ipv6"));
        assert!(text(Families::V4).contains("ipv4_address"));
    }

    #[test]
    fn who_has_no_way_out_is_given_no_resolver_outside() {
        let nowhere = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
        let resolver: Vec<IpAddr> = vec!["9.9.9.9".parse().unwrap()];
        assert_eq!(resolvers(&policy("open"), Service::Vault), resolver);
        assert_eq!(resolvers(&policy("proxied"), Service::Vault), nowhere);
        assert_eq!(resolvers(&policy("open"), Service::Monitor), nowhere);
        assert_ne!(resolvers(&policy("open"), Service::Proxy), nowhere);
    }
}
