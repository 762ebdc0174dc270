//! What was found, held against the pins: the verdict and its record. No I/O.

use policy::Pin;
use record::cellblock::PinCheck;
use record::fields::{Endpoint, Hash, Tls, TlsServer, Url};
use record::{Action, Category, Kind, Outcome, Provider, Record, Severity, Type};

use super::certificate::Shown;
use super::handshake::Found;
use crate::address::Address;

/// A certificate that ends sooner than this is worth a warning.
const SOON: i64 = 30 * 24 * 3600;

/// What a certificate is held against.
#[derive(Debug, Clone)]
pub(crate) struct Trust<'a> {
    /// Its pins, or its key's; one of them must match where there are any.
    pub(crate) pins: &'a [Pin],
    /// Whether its chain leads to an authority, where that was asked for; or why not.
    pub(crate) chain: Option<Result<(), String>>,
}

/// The record of a check made at `now`, in Unix time.
pub(crate) fn record(address: &Address, found: &Found, trust: &Trust<'_>, now: i64) -> Record {
    let (outcome, mut reason, mut mend) = verdict(found, trust);
    let warnings = found.shown().map(|shown| warnings(shown, &address.host, now)).unwrap_or_default();
    for (warning, _) in &warnings {
        reason = format!("{reason}; {warning}");
    }
    mend = mend.or_else(|| warnings.first().map(|(_, mend)| (*mend).to_owned()));
    let severity = match outcome {
        Outcome::Success if !warnings.is_empty() => Severity::Medium,
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
    if let Some(shown) = found.shown() {
        record.tls = Some(tls(shown));
        record.own().pin = Some(PinCheck {
            leaf: shown.leaf.to_string(),
            spki: shown.spki.to_string(),
            matched: matched(shown, trust.pins).map(|pin| pin.to_string()),
            websocket: matches!(found, Found::WebSocket(..)),
            greeting: greeting(found),
        });
    }
    record
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

fn verdict(found: &Found, trust: &Trust<'_>) -> (Outcome, String, Option<String>) {
    let Some(shown) = found.shown() else {
        return match found {
            Found::NoTls(why) => (Outcome::Failure, format!("no TLS there: {why}"), None),
            Found::Nobody(why) => (Outcome::Unknown, format!("nobody there: {why}"), None),
            _ => (Outcome::Unknown, "nothing was found".to_owned(), None),
        };
    };
    let mend = |what: &str| Some(format!("{what} pins = [\"{}\"] in [vault] of the policy", shown.leaf));
    if trust.pins.is_empty() && trust.chain.is_none() {
        let reason = format!("a certificate, and no pin to hold it against: {}", shown.leaf);
        return (Outcome::Unknown, reason, mend("if this is the vault's:"));
    }
    if !trust.pins.is_empty() && matched(shown, trust.pins).is_none() {
        let reason = format!("wrong certificate: it is {}, and no pin is that", shown.leaf);
        return (Outcome::Failure, reason, mend("only if you changed the vault's certificate:"));
    }
    if let Some(Err(why)) = &trust.chain {
        let reason = format!("no chain to an authority of --ca: {why}");
        return (
            Outcome::Failure,
            reason,
            Some("show the whole chain, or pin a certificate that signs itself".to_owned()),
        );
    }
    let what = if trust.pins.is_empty() { "a certificate of an authority of --ca" } else { "the pinned certificate" };
    match found {
        Found::NoWebSocket(_, why) => (Outcome::Failure, format!("{what}, but no WebSocket: {why}"), None),
        Found::WantsToken(_) if trust.pins.is_empty() => (
            Outcome::Unknown,
            format!("{what}, and a 401 for a WebSocket, as any server may answer"),
            mend("if this is the vault's:"),
        ),
        Found::WantsToken(_) => (Outcome::Success, format!("{what}, and behind it who asks for a token (401)"), None),
        _ => (Outcome::Success, format!("{what}, and a WebSocket behind it"), None),
    }
}

/// What is odd about a certificate, pinned or not, and how to mend it. A client that goes by the pin
/// alone does not mind; one that also looks at names and times will refuse to connect.
fn warnings(shown: &Shown, host: &str, now: i64) -> Vec<(String, &'static str)> {
    const RENEW: &str = "make a new certificate with sandboxctl cert, and keep both pins until it is in use";
    let mut found = Vec::new();
    let day = |seconds| jiff::Timestamp::from_second(seconds).map(|time| time.to_string()).unwrap_or_default();
    if now < shown.not_before {
        found.push((format!("it is valid only from {}", day(shown.not_before)), "set the clock, or wait"));
    } else if now > shown.not_after {
        found.push((format!("it expired at {}", day(shown.not_after)), RENEW));
    } else if now > shown.not_after.saturating_sub(SOON) {
        found.push((format!("it expires soon, at {}", day(shown.not_after)), RENEW));
    }
    if !shown.is_for(host) {
        let names = if shown.names.is_empty() { "nobody".to_owned() } else { shown.names.join(", ") };
        found.push((format!("it names {names} and not {host}"), RENEW));
    }
    found
}

fn tls(shown: &Shown) -> Tls {
    let time = |seconds| jiff::Timestamp::from_second(seconds).ok().map(|time| time.to_string());
    Tls {
        established: Some(true),
        server: Some(TlsServer {
            hash: Some(Hash { sha256: Some(hex::encode(shown.leaf.0)) }),
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
            chain: vec![rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.der().clone()],
        })
    }

    fn pinned(pins: &[Pin]) -> Trust<'_> {
        Trust { pins, chain: None }
    }

    #[test]
    fn each_way_to_be_wrong_has_its_own_words() {
        let cases = [
            (Found::Nobody("refused".into()), Outcome::Unknown, "nobody there"),
            (Found::NoTls("eof".into()), Outcome::Failure, "no TLS"),
            (Found::NoWebSocket(shown(), "HTTP 404".into()), Outcome::Failure, "no WebSocket"),
            (Found::WantsToken(shown()), Outcome::Success, "asks for a token"),
            (Found::WebSocket(shown(), None), Outcome::Success, "WebSocket behind it"),
        ];
        for (found, outcome, words) in cases {
            let (seen, reason, _) = verdict(&found, &pinned(&[Pin([1; 32])]));
            assert_eq!(seen, outcome, "{found:?}");
            assert!(reason.contains(words), "{reason}");
        }
    }

    #[test]
    fn leaf_or_key_may_match_any_of_several_pins_and_no_pin_is_no_pass() {
        let found = Found::WebSocket(shown(), Some("hello".into()));
        assert_eq!(verdict(&found, &pinned(&[Pin([9; 32]), Pin([2; 32])])).0, Outcome::Success);
        let (outcome, reason, mend) = verdict(&found, &pinned(&[Pin([9; 32])]));
        assert_eq!(outcome, Outcome::Failure);
        assert!(reason.contains("wrong certificate") && mend.unwrap().contains("sha256:0101"));
        assert_eq!(verdict(&found, &pinned(&[])).0, Outcome::Unknown);
    }

    #[test]
    fn a_certificate_that_ends_soon_or_names_another_host_is_warned_about_and_still_the_pinned_one() {
        let at = |now, host: &str| {
            let address = format!("wss://{host}:8443").parse().unwrap();
            let mut shown = shown();
            (shown.not_before, shown.not_after) = (1_000_000, 10_000_000);
            record(&address, &Found::WebSocket(shown, None), &pinned(&[Pin([1; 32])]), now)
        };
        let warned = |record: &Record, words: &str| {
            assert_eq!(record.event.outcome, Some(Outcome::Success));
            assert_eq!(record.event.severity, Severity::Medium);
            assert!(record.event.reason.as_ref().unwrap().contains(words), "{:?}", record.event.reason);
            assert!(record.cellblock.as_ref().unwrap().mend.is_some());
        };
        warned(&at(9_999_000, "localhost"), "expires soon");
        warned(&at(10_000_001, "localhost"), "expired");
        warned(&at(0, "localhost"), "valid only from");
        warned(&at(2_000_000, "127.0.0.1"), "names localhost and not 127.0.0.1");
        assert_eq!(at(2_000_000, "localhost").event.severity, Severity::Informational);
    }

    #[test]
    fn an_authority_and_a_pin_must_both_be_content_where_both_are_asked() {
        let found = Found::WebSocket(shown(), None);
        let judged = |pins: &[Pin], chain| verdict(&found, &Trust { pins, chain: Some(chain) }).0;
        let no = || Err("none of the authorities signed it".to_owned());
        assert_eq!(judged(&[], Ok(())), Outcome::Success);
        assert_eq!(judged(&[], no()), Outcome::Failure);
        assert_eq!(judged(&[Pin([1; 32])], Ok(())), Outcome::Success);
        assert_eq!(judged(&[Pin([1; 32])], no()), Outcome::Failure);
        assert_eq!(judged(&[Pin([9; 32])], Ok(())), Outcome::Failure);
    }

    #[test]
    fn a_wrong_certificate_weighs_more_than_a_missing_websocket() {
        let found = Found::NoWebSocket(shown(), "HTTP 404".into());
        assert!(verdict(&found, &pinned(&[Pin([9; 32])])).1.contains("wrong certificate"));
    }
}
