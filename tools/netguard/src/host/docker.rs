//! Docker: how to reach it, and whose address is whose. Nothing that the moat enforces rests on it. An engine that does
//! not answer leaves addresses without a name, and nothing else.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use anyhow::Result;
use engine::Engine;

/// Id and name of the container that has an address.
pub(crate) type Names = HashMap<IpAddr, (String, String)>;

/// The longest that netguard waits for the engine.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Who has which address right now; empty where no engine answers. None is started for it.
pub(crate) fn names() -> Names {
    wait_for(ask()).unwrap_or_default()
}

/// Waits for an answer of the engine, but not for ever.
///
/// # Errors
/// The answer's, or that none came in time.
pub(crate) fn wait_for<T>(answer: impl Future<Output = Result<T>>) -> Result<T> {
    engine::wait_at_most(TIMEOUT, answer)
}

async fn ask() -> Result<Names> {
    let mut names = Names::new();
    let containers = Engine::connect_to_running().await?.containers(false).await?;
    for container in &containers {
        let Some(id) = container.id.clone() else { continue };
        let guest = containers.iter().find(|other| {
            let mode = other.host_config.as_ref().and_then(|config| config.network_mode.as_deref());
            mode.and_then(|mode| mode.strip_prefix("container:")) == Some(id.as_str())
        });
        // Two containers may share one address: the one that joined is the prisoner, the owner its vault.
        let shown = guest.unwrap_or(container);
        let name =
            shown.names.as_ref().and_then(|names| names.first()).map(|name| name.trim_start_matches('/').to_owned());
        let entry = (shown.id.clone().unwrap_or(id), name.unwrap_or_default());
        let networks = container.network_settings.as_ref().and_then(|settings| settings.networks.as_ref());
        for network in networks.into_iter().flat_map(HashMap::values) {
            let addresses = [network.ip_address.as_deref(), network.global_ipv6_address.as_deref()];
            for address in addresses.into_iter().flatten().filter_map(|text| text.parse().ok()) {
                names.insert(address, entry.clone());
            }
        }
    }
    Ok(names)
}
