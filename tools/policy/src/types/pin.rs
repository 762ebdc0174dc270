//! A pinned certificate: the SHA-256 of what the server shows.

use std::fmt;
use std::str::FromStr;

use crate::Invalid;
use crate::reader::invalid::quoted;

/// SHA-256 of a certificate (DER) or of its public key (SPKI); written `sha256:` and 64 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pin(pub [u8; 32]);

/// `sha256:` and 64 lower-case hex digits without colons.
impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", hex::encode(self.0))
    }
}

impl FromStr for Pin {
    type Err = Invalid;

    /// Takes what the agent's own clients take: `sha256:` and 64 hex digits in any case, with colons between bytes or
    /// none.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let digits = text.strip_prefix("sha256:").and_then(hex_digits);
        digits.map(Self).ok_or_else(|| {
            Invalid::new(
                format!("{} is not a pin", quoted(text)),
                "write \"sha256:\" and 64 hex digits, as `sandboxctl cert` prints them",
            )
        })
    }
}

fn hex_digits(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.contains(':') && text.split(':').any(|pair| pair.len() != 2) {
        return None;
    }
    hex::decode_to_slice(text.replace(':', ""), &mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_reads_with_colons_and_without_and_in_any_case() {
        let plain = format!("sha256:{}", "0fA9".repeat(16));
        let colons = format!("sha256:{}", vec!["0F:a9"; 16].join(":"));
        let pin: Pin = plain.parse().unwrap();
        assert_eq!(colons.parse(), Ok(pin));
        assert_eq!(pin.to_string(), plain.to_lowercase());
    }

    #[test]
    fn what_is_not_a_pin_is_refused() {
        let digits = "0f".repeat(32);
        for text in [
            String::new(),
            digits.clone(),
            format!("sha1:{digits}"),
            format!("sha256:{digits}00"),
            format!("sha256:{}", "0f".repeat(31)),
            format!("sha256:{}g0", "0f".repeat(31)),
            format!("sha256:{}+1", "0f".repeat(31)),
            format!("sha256:0f:{}", "0f".repeat(31)),
            format!("sha256:{}é", "0f".repeat(31)),
        ] {
            assert!(text.parse::<Pin>().is_err(), "{text}");
        }
    }
}
