//! What the scripts need of the policy, so that no script parses TOML.

use std::path::PathBuf;

use policy::{Audit, Policy, Share};
use record::Provider;
use serde::Serialize;

/// Absolute paths, sizes in bytes, times in seconds.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Paths {
    root: PathBuf,
    rendered: PathBuf,
    permit: PathBuf,
    share: Folder,
    jail: Folder,
    audit: Spool,
    vault: Vault,
    cell: Cell,
    #[serde(skip_serializing_if = "Option::is_none")]
    classify: Option<Classify>,
}

/// The model that labels, and where it is asked: inside, plain, for TLS begins at the gate.
#[derive(Debug, PartialEq, Serialize)]
struct Classify {
    url: String,
    model: String,
}

/// A folder of the host with a bound, and the file system in it.
#[derive(Debug, PartialEq, Serialize)]
struct Folder {
    path: PathBuf,
    image: PathBuf,
    mount: PathBuf,
    folder: PathBuf,
    size: u64,
}

#[derive(Debug, PartialEq, Serialize)]
struct Spool {
    path: PathBuf,
    size: u64,
    /// For how long the record keeps what our tools say of their checks.
    retain: u64,
}

#[derive(Debug, PartialEq, Serialize)]
struct Vault {
    path: PathBuf,
    listen: String,
    /// Where the agent's gateway listens, in the network that vault and cell share.
    upstream: String,
}

#[derive(Debug, PartialEq, Serialize)]
struct Cell {
    container: String,
    network: &'static str,
}

/// All that the scripts need to know of this policy.
pub(crate) fn render(policy: &Policy) -> Paths {
    Paths {
        root: policy.root.clone(),
        rendered: policy.rendered(),
        permit: policy.permit(),
        share: folder(&policy.cell.share),
        jail: folder(&policy.warden.jail),
        audit: spool(&policy.audit),
        vault: Vault {
            path: policy.root.join("vault"),
            listen: policy.vault.listen.to_string(),
            upstream: policy.vault.upstream.to_string(),
        },
        cell: Cell {
            container: policy.cell.container.clone(),
            network: match policy.cell.network {
                policy::Shape::Open => "open",
                policy::Shape::Proxied => "proxied",
            },
        },
        classify: policy
            .classify
            .as_ref()
            .map(|it| Classify { url: format!("http://{}{}", it.host, it.path), model: it.model.clone() }),
    }
}

fn spool(audit: &Audit) -> Spool {
    let judges = [Provider::Netguard, Provider::EgressCheck, Provider::Scanwatch, Provider::Sandboxctl];
    let kept = judges.iter().filter_map(|judge| audit.retain_by.get(judge.name()));
    let shortest = kept.fold(audit.retain, |shortest, retain| shortest.min(*retain));
    Spool { path: audit.directory.clone(), size: audit.spool.get(), retain: shortest.as_secs() }
}

fn folder(share: &Share) -> Folder {
    Folder {
        path: share.path.clone(),
        image: share.image(),
        mount: share.mount_point(),
        folder: share.folder(),
        size: share.size.get(),
    }
}
