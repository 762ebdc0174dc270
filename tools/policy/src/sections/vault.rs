//! `[vault]`: the TLS front of the agent's gateway.

use std::net::SocketAddr;

use crate::reader::invalid::quoted;
use crate::reader::section::Section;
use crate::reader::value::Value;
use crate::{Origin, Pin};

/// The vault's addresses and pins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vault {
    /// The port published on the host; always a loopback address.
    pub listen: SocketAddr,
    /// The agent's gateway inside the cell's namespace; always a loopback address.
    pub upstream: SocketAddr,
    /// Accepted certificates: current and next. Empty until the first certificate is made.
    pub pins: Vec<Pin>,
    /// More Origins that a browser may come from; [`Vault::browsers`] has the vault's own two besides.
    pub origins: Vec<Origin>,
}

impl Vault {
    /// Every Origin that the vault lets through: its own two, then the listed ones.
    pub fn browsers(&self) -> Vec<Origin> {
        let own = Origin::of_loopback(self.listen);
        let listed = self.origins.iter().filter(|origin| !own.contains(origin));
        own.iter().chain(listed).cloned().collect()
    }
}

/// Current and next, and room for a change that overlaps.
const MOST_PINS: usize = 8;

/// Each is a way for a page of somebody else's to speak to the agent.
const MOST_ORIGINS: usize = 16;

pub(crate) fn read(section: &Section<'_>) -> Option<Vault> {
    let listen = section.or("listen", ([127, 0, 0, 1], 8443).into(), |value| loopback(value, "127.0.0.1:8443"));
    let upstream = section.or("upstream", ([127, 0, 0, 1], 18789).into(), |value| loopback(value, "127.0.0.1:18789"));
    let pins = section.or("pins", Vec::new(), |value| {
        let pins = value.list(0..=MOST_PINS, Value::parsed::<Pin>)?;
        let repeated =
            pins.iter().enumerate().any(|(index, pin)| pins.iter().skip(index + 1).any(|other| other == pin));
        if repeated { value.refuse("a pin is listed twice", "remove one") } else { Some(pins) }
    });
    let origins = section.or("origins", Vec::new(), |value| value.list(0..=MOST_ORIGINS, Value::parsed::<Origin>));
    Some(Vault { listen: listen?, upstream: upstream?, pins: pins?, origins: origins? })
}

/// No port is published beyond loopback: remote access is SSH or Tailscale on the host.
fn loopback(value: &Value<'_>, example: &str) -> Option<SocketAddr> {
    let text = value.text()?;
    let mend =
        format!("write {example:?}, or [::1] and a port; from elsewhere, come in over SSH or Tailscale on the host");
    let Ok(socket) = text.parse::<SocketAddr>() else {
        return value.refuse(format!("{} is no address and port", quoted(text)), mend);
    };
    if !socket.ip().is_loopback() {
        return value.refuse(format!("{socket} is beyond loopback"), mend);
    }
    if socket.port() == 0 {
        return value.refuse("port 0 is none", mend);
    }
    Some(socket)
}
