//! Host names in one canonical form, so that two spellings of a name cannot be two rules.

use std::fmt;
use std::str::FromStr;

use crate::Invalid;
use crate::reader::invalid::quoted;

/// A canonical host name (lower case A-labels, no trailing dot, RFC 1123), or `*.` before one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPattern {
    wildcard: bool,
    name: String,
}

impl HostPattern {
    /// The domain of the gate's doors: see [`Egress::door`](crate::Egress::door). Nothing below `internal` is ever a
    /// name of the internet's (reserved for private use by ICANN, 2024).
    pub const DOORS: &'static str = "gate.internal";

    /// Whether it stands for every name below [`HostPattern::name`].
    pub fn is_wildcard(&self) -> bool {
        self.wildcard
    }

    /// The name without the `*.`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a host name, in any case and with or without a trailing dot, is covered.
    /// A wildcard covers names at any depth below it, and not the name itself.
    pub fn matches(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        if !self.wildcard {
            return host == self.name;
        }
        host.strip_suffix(self.name.as_str())
            .and_then(|rest| rest.strip_suffix('.'))
            .is_some_and(|rest| !rest.is_empty() && !rest.starts_with('.'))
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.wildcard {
            f.write_str("*.")?;
        }
        f.write_str(&self.name)
    }
}

impl FromStr for HostPattern {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let Some(below) = text.strip_prefix("*.") else {
            return Ok(Self { wildcard: false, name: canonical(text)? });
        };
        let name = canonical_or_single(below)?;
        if swallows_a_suffix(&name) {
            return Err(Invalid::new(
                format!("{} covers names of people who have nothing to do with each other", quoted(text)),
                "name the hosts one by one, or a wildcard below a name that has one owner",
            ));
        }
        Ok(Self { wildcard: true, name })
    }
}

/// The longest name that DNS has (RFC 1035, 2.3.4, without the dot at its end).
pub(crate) const MOST_BYTES: usize = 253;

/// The canonical form of a host name.
///
/// # Errors
/// If it is an address in any notation, has one label only, or is no host name.
pub(crate) fn canonical(text: &str) -> Result<String, Invalid> {
    let name = canonical_or_single(text)?;
    if !name.contains('.') || name.ends_with(".localhost") {
        let problem = format!("{} is a name of the local network", quoted(text));
        return Err(Invalid::new(problem, "write the full name of a host on the internet"));
    }
    Ok(name)
}

/// As [`canonical`], but one label may stand alone.
fn canonical_or_single(text: &str) -> Result<String, Invalid> {
    let refuse = |problem: &str, mend: &str| Err(Invalid::new(format!("{} {problem}", quoted(text)), mend));
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    if !name.is_ascii() {
        return refuse(
            "is not in ASCII",
            "write an international name in its encoded form, such as \"xn--bcher-kva.example\"",
        );
    }
    if is_address(&name) {
        return refuse("is an address", "name the host; to open an address, see moat.allow");
    }
    if name.contains('*') {
        return refuse("has a '*' where none can stand", "write \"*.\" before a name, or the name alone");
    }
    if name.len() > MOST_BYTES || !name.split('.').all(is_label) {
        return refuse("is no host name", "write a name such as \"api.example.com\", without scheme, port or path");
    }
    if name == HostPattern::DOORS || name.ends_with(&format!(".{}", HostPattern::DOORS)) {
        return refuse("is a door of the gate's own", "name the host that it leads to");
    }
    Ok(name)
}

/// One label of RFC 1123, and `_`, which some real hosts have.
fn is_label(label: &str) -> bool {
    let bytes = label.as_bytes();
    let inner = bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte));
    inner && (1..=63).contains(&bytes.len()) && !label.starts_with('-') && !label.ends_with('-')
}

/// Whether resolvers and URL parsers would read it as an address. That is IPv6, or a last label that is a number in any
/// base (WHATWG URL, "ends in a number").
fn is_address(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or_default();
    let hex = last.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let decimal = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    hex || decimal || name.starts_with('[') || name.parse::<std::net::Ipv6Addr>().is_ok()
}

/// Names that are no public suffix but have some below them, such as `amazonaws.com` with its buckets. Made from the
/// rules of the public suffix list in the `psl` crate, 2.1.247.
const SHARED_NAMES: &str = include_str!("shared-names.txt");

/// Whether the names below belong to different people: it is a public suffix, or holds one.
fn swallows_a_suffix(name: &str) -> bool {
    suffix::registrable(name).is_none() || SHARED_NAMES.lines().any(|shared| shared == name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refusal(text: &str) -> String {
        text.parse::<HostPattern>().expect_err(text).problem
    }

    #[test]
    fn two_spellings_of_a_name_are_one() {
        for text in ["GitHub.com", "github.com.", "github.com"] {
            assert_eq!(text.parse::<HostPattern>().unwrap().to_string(), "github.com");
        }
    }

    #[test]
    fn an_address_in_any_notation_is_no_host() {
        for text in [
            "127.0.0.1",
            "127.0.0.1.",
            "127.1",
            "2130706433",
            "0x7f.1",
            "0x7f000001",
            "0177.0.0.1",
            "1.2.3.4.5",
            "[::1]",
            "::1",
            "fe80::1",
            "::ffff:10.0.0.1",
            "example.0x",
            "example.1",
        ] {
            assert!(refusal(text).contains("is an address"), "{text}: {}", refusal(text));
        }
    }

    #[test]
    fn a_name_that_only_resembles_an_address_is_a_host() {
        for text in ["1.2.3.4.example.com", "0x7f.example", "127.0.0.1.nip.example", "1password.com", "dead.beef.cafe"]
        {
            assert!(text.parse::<HostPattern>().is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_host_name_is_refused() {
        for text in [
            "",
            ".",
            "..",
            "a..b",
            ".example.com",
            "example.com..",
            "https://example.com",
            "example.com:443",
            "example.com/x",
            "user@example.com",
            "exa mple.com",
            "-a.example",
            "a-.example",
            "a\n.example",
            "localhost",
            "nas",
            "x.localhost",
            "*",
            "*.",
            "**.example.com",
            "*.*.example.com",
            "a.*.example.com",
            "*example.com",
        ] {
            assert!(text.parse::<HostPattern>().is_err(), "{text}");
        }
        assert!(format!("{}.example", "a".repeat(64)).parse::<HostPattern>().is_err());
        assert!(format!("{}com", "abc.".repeat(63)).parse::<HostPattern>().is_err());
    }

    #[test]
    fn a_door_of_the_gate_is_no_host_of_the_internet() {
        for text in
            ["gate.internal", "api.example.com.gate.internal", "API.example.com.Gate.Internal.", "*.gate.internal"]
        {
            assert!(refusal(text).contains("a door of the gate's own"), "{text}: {}", refusal(text));
        }
        assert!("www.colgate.internal".parse::<HostPattern>().is_ok());
    }

    #[test]
    fn an_international_name_is_asked_for_in_its_encoded_form() {
        assert!("bücher.example".parse::<HostPattern>().unwrap_err().mend.contains("xn--"));
        assert!("xn--bcher-kva.example".parse::<HostPattern>().is_ok());
    }

    #[test]
    fn a_wildcard_that_swallows_a_public_suffix_is_refused() {
        for text in ["*.com", "*.co.uk", "*.github.io", "*.s3.amazonaws.com", "*.test", "*.ck"] {
            assert!(refusal(text).contains("nothing to do with each other"), "{text}");
        }
    }

    #[test]
    fn a_wildcard_above_a_public_suffix_is_refused_too() {
        for text in ["*.amazonaws.com", "*.core.windows.net", "*.windows.net"] {
            assert!(refusal(text).contains("nothing to do with each other"), "{text}");
        }
    }

    #[test]
    fn a_wildcard_below_one_owner_is_taken() {
        for text in
            ["*.example.com", "*.openclaw.github.io", "*.example.co.uk", "*.lab.test", "*.githubusercontent.example"]
        {
            assert!(text.parse::<HostPattern>().unwrap().is_wildcard(), "{text}");
        }
    }

    #[test]
    fn no_shared_name_is_itself_a_suffix() {
        for name in SHARED_NAMES.lines() {
            assert!(suffix::registrable(name).is_some(), "{name}");
        }
    }

    #[test]
    fn a_wildcard_covers_what_is_below_and_not_the_name() {
        let pattern: HostPattern = "*.example.com".parse().unwrap();
        assert!(pattern.matches("a.example.com") && pattern.matches("A.b.Example.com."));
        for host in ["example.com", ".example.com", "badexample.com", "example.com.evil", "a.example.com.."] {
            assert!(!pattern.matches(host), "{host}");
        }
    }

    proptest! {
        #[test]
        fn the_canonical_form_is_its_own_canonical_form(text in "[a-zA-Z0-9*_.\\[\\]:xX-]{0,24}") {
            if let Ok(pattern) = text.parse::<HostPattern>() {
                let again: HostPattern = pattern.to_string().parse().unwrap();
                prop_assert_eq!(&again, &pattern);
                let below = format!("a.{}", pattern.name());
                prop_assert_eq!(pattern.matches(&below), pattern.is_wildcard());
            }
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC*") {
            let _ = text.parse::<HostPattern>();
        }
    }
}
