//! Bridges up and down, through `ip` (ip-link(8)), in the network namespace that this process is in. The kernel
//! forwards nothing over a bridge that is down, whatever Docker or a firewall say.

use std::process::{Command, Output};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Link {
    ifname: String,
    flags: Vec<String>,
}

/// Takes a bridge down, or up again. One that is not there passes nothing, so it needs no taking down.
///
/// # Errors
/// If there is no `ip`, or the kernel refuses.
pub(super) fn set(bridge: &str, up: bool) -> Result<()> {
    let way = if up { "up" } else { "down" };
    let done = ip(&["link", "set", "dev", bridge, way])?;
    let said = String::from_utf8_lossy(&done.stderr);
    let missing = said.contains("Cannot find device") || said.contains("does not exist");
    if done.status.success() || (missing && !up) {
        return Ok(());
    }
    bail!("the bridge {bridge} could not be taken {way}: {}", said.trim())
}

/// Which of these are there and up.
///
/// # Errors
/// If there is no `ip`, or its answer cannot be read.
pub(super) fn up(bridges: &[&str]) -> Result<Vec<String>> {
    let told = ip(&["-json", "link", "show"])?;
    if !told.status.success() {
        bail!("the bridges could not be looked at: {}", String::from_utf8_lossy(&told.stderr).trim());
    }
    let links: Vec<Link> = serde_json::from_slice(&told.stdout).context("the answer of ip could not be read")?;
    let open = links.into_iter().filter(|link| bridges.contains(&link.ifname.as_str()) && is_up(link));
    Ok(open.map(|link| link.ifname).collect())
}

fn is_up(link: &Link) -> bool {
    link.flags.iter().any(|flag| flag == "UP")
}

fn ip(arguments: &[&str]) -> Result<Output> {
    Command::new("ip").args(arguments).output().context("ip (package iproute2) could not be run")
}
