//! What the gate says when a request or a connection got no answer from its upstream: `error.code`.
//!
//! One table for all who use these words: `sandboxctl` writes the refusals into nginx's configuration. The gate's
//! scripts word the failures (`compose/images/proxy/njs/codes.js`, held equal by a test). `egress-check` judges by
//! both. A refusal is a proof that nothing went out, and one by a rule that nothing will.

/// What the gate calls itself: `event.provider` of its lines. It is no tool of this workspace, so no [`Provider`] has
/// it.
///
/// [`Provider`]: crate::Provider
pub const GATE: &str = "egress-proxy";

/// What a code proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateClass {
    /// The gate kept it: nothing was sent to anybody.
    Refused,
    /// The gate let it through, and what came after that failed.
    PassedOn,
}

macro_rules! codes {
    ($($variant:ident = $name:literal, $class:ident, $meaning:literal;)*) => {
        /// A word for programs, the same in the answer to the client and in the log.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum GateCode {
            $(#[doc = $meaning] $variant,)*
        }

        impl GateCode {
            /// Every code, for tests that hold other lists to this one.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code as it stands in `error.code`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Whether the gate kept it back, or passed it on and something else failed.
            #[must_use]
            pub const fn class(self) -> GateClass {
                match self { $(Self::$variant => GateClass::$class,)* }
            }

            /// What it means, in a sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)* }
            }
        }
    };
}

codes! {
    AddressNotPublic = "address-not-public", Refused, "The name leads to an address that is none of the internet's.";
    BadRequest = "bad-request", Refused, "The request is not proper HTTP/1.1, or can be read in two ways.";
    BodyTooLarge = "body-too-large", Refused, "The body is larger than the rule allows.";
    CredentialNotDelivered = "credential-not-delivered", Refused, "The rule adds a key that the gate was not given.";
    CredentialOfYourOwn = "credential-of-your-own", Refused, "The client brought a key to a rule that adds one.";
    HeadersTooLarge = "headers-too-large", Refused, "A header is longer than the gate takes.";
    HttpVersion = "http-version", Refused, "It is no HTTP/1.1.";
    MethodNeverAllowed = "method-never-allowed", Refused, "TRACE and CONNECT are passed to nobody.";
    MethodNotListed = "method-not-listed", Refused, "No rule for the name lists this method.";
    NameMisdirected = "name-misdirected", Refused, "The request is for another name than the TLS handshake.";
    NameNotListed = "name-not-listed", Refused, "No rule lists this name for this client.";
    NameNotPlain = "name-not-plain", Refused, "The name is no host name, or not one name.";
    NoName = "no-name", Refused, "There is no name in the TLS handshake, or no TLS.";
    NotAClient = "not-a-client", Refused, "The source is none of this network's clients.";
    NotHttp = "not-http", Refused, "The connection carried no whole request.";
    PathNotListed = "path-not-listed", Refused, "No rule for the name lists this path.";
    PathNotPlain = "path-not-plain", Refused, "The path can be read in two ways.";
    TooManyConnections = "too-many-connections", Refused, "The client has as many connections as it may have.";
    TooManyRequests = "too-many-requests", Refused, "The client asks more often than the rule's rate and burst.";
    TransferEncodingUnknown = "transfer-encoding-unknown", Refused, "A Transfer-Encoding other than chunked.";
    UriTooLong = "uri-too-long", Refused, "The request line is longer than the gate takes.";
    CertificateRefused = "certificate-refused", PassedOn, "The upstream's certificate was not accepted.";
    ClientLeft = "client-left", PassedOn, "The client left before the answer.";
    NameUnresolved = "name-unresolved", PassedOn, "The name did not resolve.";
    TlsFailed = "tls-failed", PassedOn, "No TLS 1.2 or later could be agreed with the upstream.";
    UpstreamBrokeOff = "upstream-broke-off", PassedOn, "The upstream broke the connection off.";
    UpstreamFailed = "upstream-failed", PassedOn, "The upstream failed, and nginx does not say how.";
    UpstreamNotHttp = "upstream-not-http", PassedOn, "The upstream sent what is no HTTP answer.";
    UpstreamTimeout = "upstream-timeout", PassedOn, "The upstream did not answer in time.";
    UpstreamUnreachable = "upstream-unreachable", PassedOn, "The upstream could not be reached.";
}

impl GateCode {
    /// Does a rule for names, methods and paths refuse it? Then it refuses the same request each time. What else the gate
    /// keeps is no such proof. Limits, keys and sizes come behind a rule that lists the name. A request that cannot be
    /// read says nothing of the rules.
    #[must_use]
    pub const fn is_by_rule(self) -> bool {
        matches!(
            self,
            Self::MethodNeverAllowed
                | Self::MethodNotListed
                | Self::NameMisdirected
                | Self::NameNotListed
                | Self::NameNotPlain
                | Self::NoName
                | Self::NotAClient
                | Self::PathNotListed
                | Self::PathNotPlain
        )
    }

    /// The code of this name; nothing for a word that no gate of this version says.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the gate's scripts are, beside this crate in the house.
    const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../compose/images/proxy/njs");

    fn script(name: &str) -> String {
        std::fs::read_to_string(format!("{SCRIPTS}/{name}")).unwrap()
    }

    #[test]
    fn every_code_is_found_by_its_name_and_no_other_word_is() {
        assert!(GateCode::ALL.iter().all(|code| GateCode::named(code.name()) == Some(*code)));
        assert_eq!(GateCode::named("refused-by-a-later-version"), None);
        assert_eq!(GateCode::named(""), None);
    }

    /// What stands in quotes and has a hyphen and no space: in these scripts, codes and nothing else.
    fn quoted(text: &str) -> Vec<String> {
        let code = |line: &str| line.split(" //").next().unwrap_or_default().replace("\\'", "");
        let text: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).map(code).collect();
        let words = text.split('\'').skip(1).step_by(2);
        let plain = |word: &&str| {
            word.contains('-') && !word.starts_with('-') && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
        };
        words.filter(plain).map(str::to_owned).collect()
    }

    #[test]
    fn the_gate_s_scripts_have_the_same_codes_in_the_same_two_classes() {
        let script = script("codes.js");
        let (refused, passed_on) = script.split_once("passed_on: [").unwrap();
        for (said, class) in [(refused, GateClass::Refused), (passed_on, GateClass::PassedOn)] {
            let ours = GateCode::ALL.iter().filter(|code| code.class() == class).map(|code| code.name());
            assert_eq!(quoted(said), ours.collect::<Vec<_>>(), "{class:?}, in the order of the table");
        }
    }

    #[test]
    fn the_gate_s_script_writes_its_lines_under_its_name() {
        assert!(script("record.js").contains(&format!("provider: '{GATE}'")));
    }

    #[test]
    fn what_a_rule_refuses_was_kept() {
        let by_rule = GateCode::ALL.iter().filter(|code| code.is_by_rule());
        assert!(by_rule.clone().all(|code| code.class() == GateClass::Refused) && by_rule.count() == 9);
    }

    #[test]
    fn none_of_the_gate_s_scripts_says_a_code_that_is_not_in_the_table() {
        let scripts =
            std::fs::read_dir(SCRIPTS).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let said: Vec<(String, Vec<String>)> = scripts.map(|name| (name.clone(), quoted(&script(&name)))).collect();
        for (name, words) in &said {
            let unknown: Vec<&String> =
                words.iter().filter(|word| GateCode::named(word).is_none() && *word != GATE).collect();
            assert!(unknown.is_empty(), "{name}: {unknown:?}");
        }
        let speak = said.iter().filter(|(_, words)| words.len() > 2).count();
        assert!(speak >= 3, "the table, the verdict and the relay word refusals and failures: {said:?}");
    }
}
