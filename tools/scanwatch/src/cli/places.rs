//! What a command line may say instead of the policy: another share, another jail, another engine.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use policy::{Clamd, Policy, Share};

#[derive(Debug, Args)]
pub(crate) struct ShareArgs {
    /// The share [default: where the policy's cell.share is mounted]
    #[arg(long, value_name = "DIR")]
    share: Option<PathBuf>,
}

impl ShareArgs {
    /// The folder that the cell writes.
    pub(crate) fn folder(&self, policy: &Policy) -> PathBuf {
        self.share.clone().unwrap_or_else(|| policy.cell.share.folder())
    }

    /// Where its file system is mounted.
    pub(crate) fn mount_point(&self, policy: &Policy) -> PathBuf {
        self.share.clone().unwrap_or_else(|| policy.cell.share.mount_point())
    }
}

#[derive(Debug, Args)]
pub(crate) struct JailArgs {
    /// The jail [default: the policy's warden.jail]
    #[arg(long, value_name = "DIR")]
    jail: Option<PathBuf>,
}

impl JailArgs {
    /// Where it is, and how much it holds.
    pub(crate) fn settings(&self, policy: &Policy) -> Share {
        let jail = &policy.warden.jail;
        Share { path: self.jail.as_ref().unwrap_or(&jail.path).clone(), ..jail.clone() }
    }
}

#[derive(Debug, Args)]
pub(crate) struct ClamdArgs {
    /// clamd's socket: a path, or tcp://ADDRESS:PORT [default: the policy's warden.clamd]
    #[arg(long, value_name = "SOCKET", value_parser = address)]
    clamd: Option<Clamd>,
}

impl ClamdArgs {
    /// Where clamd answers: what the command line says, else the policy.
    pub(crate) fn address(&self, policy: &Policy) -> Clamd {
        self.clamd.as_ref().unwrap_or(&policy.warden.clamd).clone()
    }
}

pub(super) fn address(text: &str) -> Result<Clamd, String> {
    if let Some(address) = text.strip_prefix("tcp://") {
        let expected = "expected tcp://ADDRESS:PORT with an IP address, such as tcp://127.0.0.1:3310";
        return address.parse::<SocketAddr>().map(Clamd::Tcp).map_err(|_| expected.to_owned());
    }
    if text.is_empty() { Err("expected a path".to_owned()) } else { Ok(Clamd::Unix(PathBuf::from(text))) }
}
