//! Networks, and who is on them.

use bollard::models::{Network, NetworkConnectRequest, NetworkDisconnectRequest, NetworkInspect};
use bollard::query_parameters::{InspectNetworkOptions, ListNetworksOptions};

use crate::{Answer, Engine};

impl Engine {
    /// A network, by name or id.
    ///
    /// # Errors
    /// The engine's; [`crate::is_missing`] where there is none.
    pub fn network<'a>(&'a self, name: &'a str) -> Answer<'a, NetworkInspect> {
        Box::pin(self.docker.inspect_network(name, None::<InspectNetworkOptions>))
    }

    /// All networks.
    ///
    /// # Errors
    /// Docker's own error, passed on.
    pub fn networks(&self) -> Answer<'_, Vec<Network>> {
        Box::pin(self.docker.list_networks(None::<ListNetworksOptions>))
    }

    /// Puts a container on a network.
    ///
    /// # Errors
    /// Docker's own error, passed on.
    pub fn join_network<'a>(&'a self, network: &'a str, request: NetworkConnectRequest) -> Answer<'a, ()> {
        Box::pin(self.docker.connect_network(network, request))
    }

    /// Takes a container off a network, also one that is about to end.
    ///
    /// # Errors
    /// Docker's own error, passed on.
    pub fn leave_network<'a>(&'a self, network: &'a str, container: &str) -> Answer<'a, ()> {
        let request = NetworkDisconnectRequest { container: container.to_owned(), force: Some(true) };
        Box::pin(self.docker.disconnect_network(network, request))
    }
}
