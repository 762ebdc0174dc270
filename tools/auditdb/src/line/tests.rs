//! What is a record, held against `serde_json` where the two must agree.

use super::*;
use proptest::prelude::*;

const GOOD: &str = r#"{"@timestamp":"2026-11-22T05:00:00.123456Z","ecs":{"version":"9.2.0"},"event":{"id":"i","provider":"scanwatch","action":"file-quarantined","kind":"alert","category":["malware","file"],"severity":73},"message":"m \u00e4\n","container":{"name":"cell"}}"#;

fn fault(text: &str, source: Option<&str>) -> (Claim, String) {
    let source = source.map(|name| name.parse().unwrap());
    let (claim, fault) = judge(&mut Scanner::default(), text, source.as_ref()).unwrap_err();
    (claim, fault.reason)
}

fn accepts(text: &str, source: Option<&str>) -> bool {
    let source = source.map(|name| name.parse().unwrap());
    judge(&mut Scanner::default(), text, source.as_ref()).is_ok()
}

#[test]
fn the_columns_are_taken_out_and_escapes_read() {
    let mut scanner = Scanner::default();
    let accepted = judge(&mut scanner, GOOD, None).unwrap();
    assert_eq!(accepted.time, Some(1_795_323_600_123_456));
    let columns = accepted.columns;
    assert_eq!(columns.message.as_deref(), Some("m ä\n"));
    assert_eq!(columns.category.as_deref(), Some("malware"));
    assert_eq!((columns.severity, columns.container.as_deref()), (Some(73), Some("cell")));
}

#[test]
fn a_name_that_stands_twice_is_refused_however_it_is_spelled_and_wherever_it_stands() {
    for twice in [
        r#"{"a":1,"a":2}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"{"x":[{"y":{"a":1,"b":2,"a":3}}]}"#,
        r#"{"a":{},"b":{"a":1},"a":{}}"#,
    ] {
        assert!(fault(twice, Some("gate")).1.contains("twice"), "{twice}");
    }
    let many: String = (0..5000).map(|n| format!("\"k{n}\":{n},")).collect();
    assert!(fault(&format!("{{{many}\"k17\":0}}"), Some("gate")).1.contains("\"k17\""));
    assert!(accepts(&format!("{{{many}\"k\":0}}"), Some("gate")));
    assert!(accepts(r#"{"a":{"a":{"a":1}},"b":{"a":1}}"#, Some("gate")));
}

#[test]
fn a_line_cannot_say_that_it_is_another_tools() {
    let (claim, reason) = fault(GOOD, Some("egress-proxy"));
    assert_eq!(claim, Claim::False);
    assert!(reason.contains("scanwatch"), "{reason}");
    assert!(accepts(GOOD, Some("scanwatch")));
}

#[test]
fn without_a_source_a_line_must_be_one_of_our_tools() {
    assert!(
        fault(r#"{"@timestamp":"2026-11-22T05:00:00Z","event":{"provider":"nginx","id":"1","action":"a"}}"#, None)
            .1
            .contains("--provider")
    );
    assert!(fault(&GOOD.replace(r#""id":"i","#, ""), None).1.contains("event.id"));
    assert!(fault(r#"{"message":"x"}"#, None).1.contains("event.provider"));
    assert!(accepts(r#"{"message":"x"}"#, Some("egress-proxy")));
}

#[test]
fn a_field_that_counts_cannot_hide_behind_a_wrong_type() {
    let bad = ["\"73\"", "100", "-1", "7.5", "null", "[73]", "{}", "true"];
    for severity in bad {
        let line = GOOD.replace("\"severity\":73", &format!("\"severity\":{severity}"));
        assert!(fault(&line, Some("scanwatch")).1.contains("event.severity"), "{severity}");
    }
    assert!(fault(r#"{"event":"scanwatch"}"#, Some("gate")).1.contains("event is an object"));
    assert!(fault(r#"{"event":{"outcome":1}}"#, Some("gate")).1.contains("event.outcome"));
    assert!(fault(r#"{"@timestamp":5}"#, Some("gate")).1.contains("@timestamp"));
    assert!(fault(r#"{"@timestamp":"now"}"#, Some("gate")).1.contains("RFC 3339"));
    assert!(accepts(r#"{"http":{"response":{"status_code":"403"}},"destination":{"port":99999}}"#, Some("gate")));
}

#[test]
fn nesting_has_a_bound() {
    let nested = |depth: usize| format!("{{\"a\":{}1{}}}", "[".repeat(depth), "]".repeat(depth));
    assert!(accepts(&nested(scan::MAX_DEPTH - 1), Some("gate")));
    assert!(fault(&nested(scan::MAX_DEPTH), Some("gate")).1.contains("nested"));
    assert!(fault(&nested(100_000), Some("gate")).1.contains("nested"));
}

#[test]
fn no_byte_makes_a_line_of_the_gate_unreadable() {
    let raw = b"{\"url\":{\"full\":\"https://x/\xff\xc3\"}}";
    let text = text(raw);
    let source: Source = "egress-proxy".parse().unwrap();
    let accepted = judge(&mut Scanner::default(), &text, Some(&source)).unwrap();
    assert_eq!(accepted.columns.url.as_deref(), Some("https://x/\u{fffd}\u{fffd}"));
}

/// JSON, and things that almost are.
fn almost_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?",
        "[-+.0-9eE]{1,5}",
        "\"[a-c\\\\\"/ubn0-9d]{0,8}\"",
        "\"(\\\\u[0-9a-fD]{4}){0,3}\"",
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let name = "\"[ab]{1,2}\"";
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            proptest::collection::vec((name, inner), 0..4).prop_map(|pairs| {
                let pairs: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name} : {value}")).collect();
                format!("{{{}}}", pairs.join(" , "))
            }),
        ]
    })
}

/// Does any object in it hold a name twice? Asked of serde, with a map that complains.
fn serde_accepts(text: &str) -> bool {
    #[derive(Debug)]
    struct Strict;
    impl<'de> serde::Deserialize<'de> for Strict {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_any(Strict)
        }
    }
    impl<'de> serde::de::Visitor<'de> for Strict {
        type Value = Self;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("JSON")
        }
        fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
            Ok(Self)
        }
        fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
            Ok(Self)
        }
        fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
            Ok(Self)
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
            Ok(Self)
        }
        fn visit_str<E>(self, _: &str) -> Result<Self, E> {
            Ok(Self)
        }
        fn visit_unit<E>(self) -> Result<Self, E> {
            Ok(Self)
        }
        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
            while items.next_element::<Self>()?.is_some() {}
            Ok(Self)
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut pairs: A) -> Result<Self, A::Error> {
            let mut seen = std::collections::BTreeSet::new();
            while let Some((name, Self)) = pairs.next_entry::<String, Self>()? {
                if !seen.insert(name) {
                    return Err(serde::de::Error::custom("twice"));
                }
            }
            Ok(Self)
        }
    }
    serde_json::from_str::<Strict>(text).is_ok()
}

proptest! {
    #[test]
    fn it_accepts_what_a_strict_serde_accepts_and_nothing_else(inner in almost_json()) {
        let text = format!("{{\"x\":{inner}}}");
        prop_assert_eq!(accepts(&text, Some("gate")), serde_accepts(&text), "{}", text);
    }

    #[test]
    fn a_string_reads_as_it_does_for_serde(text in any::<String>()) {
        let line = serde_json::json!({ "message": text }).to_string();
        let mut scanner = Scanner::default();
        let source: Source = "gate".parse().unwrap();
        let accepted = judge(&mut scanner, &line, Some(&source)).unwrap();
        prop_assert_eq!(accepted.columns.message.as_deref(), Some(text.as_str()));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = judge(&mut Scanner::default(), &text(&bytes), None);
        let wrapped = [b"{\"a\":".as_slice(), &bytes, b"}"].concat();
        let _ = judge(&mut Scanner::default(), &text(&wrapped), None);
    }
}
