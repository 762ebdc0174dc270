//! `wss://HOST:PORT/PATH`: where to connect, and what to ask for.

use std::fmt;
use std::str::FromStr;

use tungstenite::http::Uri;

/// A `wss://HOST:PORT/PATH` that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// A name or an address, without brackets.
    pub(crate) host: String,
    /// 1 to 65535; 443 where none is written.
    pub(crate) port: u16,
    /// The whole address, for the WebSocket's request.
    pub(crate) uri: Uri,
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let expected = || format!("expected wss://HOST:PORT[/PATH], got {text:?}");
        let uri: Uri = text.parse().map_err(|_| expected())?;
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        // A port that is no number of 16 bits is a rest that the library passes over.
        let odd_port = uri.port_u16() == Some(0) || (uri.port_u16().is_none() && Some(authority) != uri.host());
        if uri.scheme_str() != Some("wss") || host.is_empty() || authority.contains('@') || odd_port {
            return Err(expected());
        }
        Ok(Self { host, port: uri.port_u16().unwrap_or(443), uri })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uri.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_wss_with_a_host_and_no_user_is_taken() {
        let read = |text: &str| text.parse::<Address>();
        assert_eq!(read("wss://127.0.0.1:8443").unwrap().port, 8443);
        assert_eq!(read("wss://[::1]:8443/x").unwrap().host, "::1");
        assert_eq!(read("wss://vault.example").unwrap().port, 443);
        for bad in ["", "https://a:1", "wss://", "wss://user:secret@a:1", "wss://a:0", "a:8443", "wss://a:99999"] {
            assert!(read(bad).unwrap_err().contains("expected wss://"), "{bad}");
        }
    }
}
