//! What was found, held against the pins: the verdict and its record. No I/O.

use policy::Pin;
use record::cellblock::PinCheck;
use record::fields::{Endpoint, Hash, Tls, TlsServer, Url};
use record::{Action, Category, Kind, Outcome, Provider, Record, Severity, Type};

use super::Address;
use super::certificate::Shown;
use super::handshake::Found;

/// The record of a check.
pub(super) fn record(address: &Address, found: &Found, pins: &[Pin]) -> Record {
    let (outcome, reason, mend) = verdict(found, pins);
    let severity = match outcome {
        Outcome::Success => Severity::Informational,
        Outcome::Unknown => Severity::Low,
        Outcome::Failure => Severity::High,
    };
    let kind = if outcome == Outcome::Failure { Kind::Alert } else { Kind::State };
    let mut record = Record::new(Provider::EgressCheck, Action::PinEvaluated, format!("{address}: {reason}."))
        .kind(kind)
        .about(Category::Network, Type::Info)
        .severity(severity)
        .outcome(outcome)
        .reason(reason);
    record.destination =
        Some(Endpoint { address: Some(address.host.clone()), port: Some(address.port), ..Endpoint::default() });
    record.url = Some(Url { full: Some(address.to_string()), ..Url::default() });
    record.own().mend = mend;
    if let Some(shown) = shown(found) {
        record.tls = Some(tls(shown));
        record.own().pin = Some(PinCheck {
            leaf: shown.leaf.to_string(),
            spki: shown.spki.to_string(),
            matched: matched(shown, pins).map(|pin| pin.to_string()),
            websocket: matches!(found, Found::WebSocket(..)),
            greeting: greeting(found),
        });
    }
    record
}

fn shown(found: &Found) -> Option<&Shown> {
    match found {
        Found::Nobody(_) | Found::NoTls(_) => None,
        Found::NoWebSocket(shown, _) | Found::WebSocket(shown, _) => Some(shown),
    }
}

fn greeting(found: &Found) -> Option<String> {
    match found {
        Found::WebSocket(_, greeting) => greeting.clone(),
        _ => None,
    }
}

fn matched(shown: &Shown, pins: &[Pin]) -> Option<Pin> {
    pins.iter().copied().find(|pin| *pin == shown.leaf || *pin == shown.spki)
}

fn verdict(found: &Found, pins: &[Pin]) -> (Outcome, String, Option<String>) {
    let Some(shown) = shown(found) else {
        return match found {
            Found::NoTls(why) => (Outcome::Failure, format!("no TLS there: {why}"), None),
            Found::Nobody(why) => (Outcome::Unknown, format!("nobody there: {why}"), None),
            _ => (Outcome::Unknown, "nothing was found".to_owned(), None),
        };
    };
    let mend = |what: &str| Some(format!("{what} pins = [\"{}\"] in [vault] of the policy", shown.leaf));
    if pins.is_empty() {
        let reason = format!("a certificate, and no pin to hold it against: {}", shown.leaf);
        return (Outcome::Unknown, reason, mend("if this is the vault's:"));
    }
    if matched(shown, pins).is_none() {
        let reason = format!("wrong certificate: it is {}, and no pin is that", shown.leaf);
        return (Outcome::Failure, reason, mend("only if you changed the vault's certificate:"));
    }
    match found {
        Found::NoWebSocket(_, why) => {
            (Outcome::Failure, format!("the pinned certificate, but no WebSocket: {why}"), None)
        }
        _ => (Outcome::Success, "the pinned certificate, and a WebSocket behind it".to_owned(), None),
    }
}

fn tls(shown: &Shown) -> Tls {
    let time = |seconds| jiff::Timestamp::from_second(seconds).ok().map(|time| time.to_string());
    Tls {
        established: Some(true),
        server: Some(TlsServer {
            hash: Some(Hash { sha256: Some(crate::wire::hex(&shown.leaf.0)) }),
            subject: Some(shown.subject.clone()),
            issuer: Some(shown.issuer.clone()),
            not_before: time(shown.not_before),
            not_after: time(shown.not_after),
        }),
        ..Tls::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown() -> Box<Shown> {
        Box::new(Shown {
            leaf: Pin([1; 32]),
            spki: Pin([2; 32]),
            subject: "CN=vault".into(),
            issuer: "CN=vault".into(),
            not_before: 0,
            not_after: 1,
            names: vec!["localhost".into()],
        })
    }

    #[test]
    fn each_way_to_be_wrong_has_its_own_words() {
        let cases = [
            (Found::Nobody("refused".into()), Outcome::Unknown, "nobody there"),
            (Found::NoTls("eof".into()), Outcome::Failure, "no TLS"),
            (Found::NoWebSocket(shown(), "HTTP 404".into()), Outcome::Failure, "no WebSocket"),
            (Found::WebSocket(shown(), None), Outcome::Success, "WebSocket behind it"),
        ];
        for (found, outcome, words) in cases {
            let (seen, reason, _) = verdict(&found, &[Pin([1; 32])]);
            assert_eq!(seen, outcome, "{found:?}");
            assert!(reason.contains(words), "{reason}");
        }
    }

    #[test]
    fn leaf_or_key_may_match_any_of_several_pins_and_no_pin_is_no_pass() {
        let found = Found::WebSocket(shown(), Some("hello".into()));
        assert_eq!(verdict(&found, &[Pin([9; 32]), Pin([2; 32])]).0, Outcome::Success);
        let (outcome, reason, mend) = verdict(&found, &[Pin([9; 32])]);
        assert_eq!(outcome, Outcome::Failure);
        assert!(reason.contains("wrong certificate") && mend.unwrap().contains("sha256:0101"));
        assert_eq!(verdict(&found, &[]).0, Outcome::Unknown);
    }

    #[test]
    fn a_wrong_certificate_weighs_more_than_a_missing_websocket() {
        let found = Found::NoWebSocket(shown(), "HTTP 404".into());
        assert!(verdict(&found, &[Pin([9; 32])]).1.contains("wrong certificate"));
    }
}
