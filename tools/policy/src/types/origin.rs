//! An Origin: where a browser says that a page came from (RFC 6454). It is the one header that a foreign page can't
//! forge.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use crate::Invalid;
use crate::reader::invalid::quoted;

/// `https://`, a host and, where it is not 443, a port: written exactly as a browser sends it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(String);

const MEND: &str =
    "write it as the browser does, \"https://host\" or \"https://host:port\": lower case, no path, no 443";

impl Origin {
    /// The two by which a browser on this machine comes to an address of loopback: by number and by name.
    pub(crate) fn of_loopback(listen: SocketAddr) -> [Self; 2] {
        let port = if listen.port() == HTTPS { String::new() } else { format!(":{}", listen.port()) };
        let host = if listen.is_ipv6() { format!("[{}]", listen.ip()) } else { listen.ip().to_string() };
        [Self(format!("https://{host}{port}")), Self(format!("https://localhost{port}"))]
    }
}

/// The port that a browser leaves out.
const HTTPS: u16 = 443;

/// The longest name of a host, and room for brackets.
const LONGEST: usize = 255;

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Origin {
    type Err = Invalid;

    /// What reaches the vault's configuration is of these few bytes only.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let invalid = |problem: &str| Invalid::new(format!("{} {problem}", quoted(text)), MEND);
        let Some(rest) = text.strip_prefix("https://") else {
            return Err(invalid("is no Origin of a page that came over TLS"));
        };
        let (host, port) = split(rest).ok_or_else(|| invalid("has no port where one should be"))?;
        if !is_host(host) {
            return Err(invalid("has no plain host name or address; a wildcard is none"));
        }
        match port {
            Some(port) if port == "443" || !is_port(port) => Err(invalid("has a port that no browser sends")),
            _ => Ok(Self(text.to_owned())),
        }
    }
}

/// Host and port; `None` where a bracket is not closed.
fn split(rest: &str) -> Option<(&str, Option<&str>)> {
    if rest.starts_with('[') {
        let (host, after) = rest.split_at(rest.find(']')? + 1);
        return if after.is_empty() { Some((host, None)) } else { Some((host, Some(after.strip_prefix(':')?))) };
    }
    Some(rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))))
}

fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner.parse::<std::net::Ipv6Addr>().is_ok_and(|address| address.to_string() == inner);
    }
    let label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b))
    };
    host.len() <= LONGEST && host.split('.').all(label)
}

fn is_port(port: &str) -> bool {
    port.parse::<u16>().is_ok_and(|number| number != 0 && number.to_string() == port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_sends_is_an_origin() {
        for text in
            ["https://box.tail1234.ts.net", "https://localhost:8443", "https://192.168.1.5:444", "https://[::1]:8443"]
        {
            assert_eq!(text.parse::<Origin>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_no_browser_sends_or_what_is_everybody_is_refused() {
        for text in [
            "",
            "*",
            "null",
            "https://",
            "https://*",
            "https://*.ts.net",
            "http://localhost:8443",
            "https://Host",
            "https://host/",
            "https://host:443",
            "https://host:0",
            "https://host:08443",
            "https://host:",
            "https://host:70000",
            "https://user@host",
            "https://[::1",
            "https://[::0001]",
            "https://[::1]8443",
            "https://a..b",
            "https://a b",
            "https://a\"; return 200; \"",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_page_of_this_machine_is_the_vaults_own_by_number_and_by_name() {
        let own = |listen: &str| Origin::of_loopback(listen.parse().unwrap()).map(|origin| origin.to_string());
        assert_eq!(own("127.0.0.1:8443"), ["https://127.0.0.1:8443", "https://localhost:8443"]);
        assert_eq!(own("127.0.0.1:443"), ["https://127.0.0.1", "https://localhost"]);
        assert_eq!(own("[::1]:8443"), ["https://[::1]:8443", "https://localhost:8443"]);
        for origin in own("[::1]:443").into_iter().chain(own("127.0.0.9:1")) {
            assert!(origin.parse::<Origin>().is_ok(), "{origin}");
        }
    }
}
