//! Networks, and who is on them.

use bollard::models::{Network, NetworkConnectRequest, NetworkDisconnectRequest, NetworkInspect};
use bollard::query_parameters::{InspectNetworkOptions, ListNetworksOptions};

use crate::{Engine, Error};

impl Engine {
    /// A network, by name or id.
    ///
    /// # Errors
    /// The engine's; [`crate::is_missing`] where there is none.
    pub async fn network(&self, name: &str) -> Result<NetworkInspect, Error> {
        self.docker.inspect_network(name, None::<InspectNetworkOptions>).await
    }

    /// All networks.
    ///
    /// # Errors
    /// The engine's.
    pub async fn networks(&self) -> Result<Vec<Network>, Error> {
        self.docker.list_networks(None::<ListNetworksOptions>).await
    }

    /// Puts a container on a network.
    ///
    /// # Errors
    /// The engine's.
    pub async fn join_network(&self, network: &str, request: NetworkConnectRequest) -> Result<(), Error> {
        self.docker.connect_network(network, request).await
    }

    /// Takes a container off a network, also one that is about to end.
    ///
    /// # Errors
    /// The engine's.
    pub async fn leave_network(&self, network: &str, container: &str) -> Result<(), Error> {
        let request = NetworkDisconnectRequest { container: container.to_owned(), force: Some(true) };
        self.docker.disconnect_network(network, request).await
    }
}
