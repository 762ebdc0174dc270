//! What a value looks like, whoever it belongs to.

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// Words that stand where a secret would, and are none.
const WORDS: [&str; 26] = [
    "0",
    "1",
    "empty",
    "dummy",
    "fake",
    "not-needed",
    "not-used",
    "unused",
    "placeholder",
    "ollama",
    "true",
    "false",
    "yes",
    "no",
    "on",
    "off",
    "none",
    "null",
    "nil",
    "undefined",
    "enabled",
    "disabled",
    "required",
    "optional",
    "default",
    "auto",
];

/// How references to a secret elsewhere begin.
const REFERENCES: [&str; 12] = [
    "arn:",
    "vault:",
    "op://",
    "file:",
    "env:",
    "ref+",
    "aws-sm://",
    "gcp-sm://",
    "sm://",
    "ssm:",
    "secretref:",
    "keyring:",
];

/// Folders at the root of a file system, as a value by itself.
const ROOTS: [&str; 9] = ["/app", "/certs", "/config", "/data", "/keys", "/run", "/secrets", "/tmp", "/vault"];

const EITHER: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const ALPHABETS: [GeneralPurpose; 2] = [
    GeneralPurpose::new(&base64::alphabet::STANDARD, EITHER),
    GeneralPurpose::new(&base64::alphabet::URL_SAFE, EITHER),
];

/// Shannon's entropy of a text, in bits a character.
#[expect(clippy::cast_precision_loss, reason = "lengths of texts are far below 2^52")]
pub(super) fn entropy(text: &str) -> f64 {
    let mut counts = std::collections::BTreeMap::<char, usize>::new();
    text.chars().for_each(|letter| *counts.entry(letter).or_default() += 1);
    let whole = counts.values().sum::<usize>() as f64;
    counts.values().map(|count| *count as f64 / whole).map(|share| -share * share.log2()).sum()
}

/// Something to be filled in: a variable, a template, one letter again and again.
pub(super) fn is_placeholder(value: &str) -> bool {
    let wrapped = |open: &str, close: &str| value.starts_with(open) && value.ends_with(close);
    let one_letter = || value.len() > 2 && value.chars().all(|letter| value.starts_with(letter));
    let variable = || {
        let name = value.strip_prefix('$').unwrap_or_default();
        !name.is_empty() && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    // What stands behind `:-` is the value itself where there is no other.
    let given = || value.starts_with("${") && value.contains(":-") && !value.contains(":-}");
    value.is_empty()
        || (wrapped("${", "}") && !given())
        || wrapped("$(", ")")
        || wrapped("{{", "}}")
        || wrapped("<", ">")
        || wrapped("[", "]")
        || wrapped("%", "%")
        || value.starts_with("...")
        || variable()
        || one_letter()
}

/// Does it lead to a secret, or to none, and is none itself? Words, paths, addresses and references.
pub(super) fn is_elsewhere(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let url = || lower.split_once("://").is_some_and(|(scheme, _)| scheme.bytes().all(|b| b.is_ascii_alphanumeric()));
    WORDS.contains(&lower.as_str())
        || REFERENCES.iter().any(|start| lower.starts_with(start))
        || url()
        || is_path(value)
        || is_placeholder(value)
}

/// A path of a file, as people write it. A value that only begins with a slash may be base64.
pub(super) fn is_path(value: &str) -> bool {
    let ways = ["./", "../", "~/"];
    // Of a path's parts none has capitals; a value that is base64 and begins with a slash nearly always has some.
    let plain =
        |part: &str| !part.is_empty() && !part.bytes().any(|byte| byte.is_ascii_uppercase() || b"+=".contains(&byte));
    let rooted = || match value.strip_prefix('/').map(|rest| rest.trim_end_matches('/').split('/')) {
        Some(mut parts) => parts.clone().nth(1).is_some() && parts.all(plain),
        None => false,
    };
    let home = ["/Users/", "/home/", "/run/", "/etc/", "/var/", "/opt/", "/srv/", "/mnt/", "/tmp/", "/root/"];
    let known = home.iter().any(|start| value.starts_with(start));
    let file = || {
        let (name, ending) = value.rsplit_once('.').unwrap_or_default();
        let endings = ["json", "yaml", "yml", "toml", "ini", "pem", "key", "crt", "txt", "cfg", "conf", "env", "sock"];
        !name.is_empty() && !name.contains(char::is_whitespace) && endings.contains(&ending)
    };
    known || rooted() || ROOTS.contains(&value) || ways.iter().any(|way| value.starts_with(way)) || file()
}

/// Does it look as if nobody had thought of it: a digit, or both capitals and small letters?
pub(super) fn is_random(value: &str) -> bool {
    let has = |kind: fn(&u8) -> bool| value.as_bytes().iter().any(kind);
    has(u8::is_ascii_digit) || (has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase))
}

/// At least 128 bits in hex, or a UUID (RFC 9562), with digits and letters in it.
pub(super) fn is_number_of_a_key(value: &str) -> bool {
    let hex = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let lengths: Vec<usize> = value.split('-').map(str::len).collect();
    let form = matches!(lengths.as_slice(), [8, 4, 4, 4, 12]) || matches!(lengths.as_slice(), [all] if *all >= 32);
    let letters = value.bytes().any(|byte| byte.is_ascii_alphabetic());
    form && letters && is_random(value) && value.split('-').all(hex)
}

/// Does a text hold user and password as HTTP sends them: `Basic`, and both in base64 (RFC 7617)?
pub(super) fn has_basic_credentials(text: &str) -> bool {
    let words: Vec<&str> = text.split([' ', '"', '\'', ',']).filter(|word| !word.is_empty()).collect();
    words.windows(2).any(|pair| match pair {
        [scheme, held] => scheme.eq_ignore_ascii_case("basic") && decoded(held).is_some_and(|text| is_pair(&text)),
        _ => false,
    })
}

/// A user, a colon and a password.
pub(super) fn is_pair(text: &str) -> bool {
    text.split_once(':').is_some_and(|(user, password)| !user.is_empty() && !is_placeholder(password))
}

/// What a value that is base64 says, if that is text.
pub(super) fn decoded(value: &str) -> Option<String> {
    let plausible = value.len() >= 12 && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=_-".contains(&b));
    let bytes = plausible.then(|| ALPHABETS.iter().find_map(|alphabet| alphabet.decode(value).ok()))??;
    let text = String::from_utf8(bytes).ok()?;
    (!text.contains(|letter: char| letter.is_control() && !letter.is_whitespace())).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_is_that_of_shannon() {
        assert!(entropy("") < 1e-9 && entropy("aaaa") < 1e-9);
        assert!((entropy("abcd") - 2.0).abs() < 1e-9);
        assert!((entropy("0123456789abcdef") - 4.0).abs() < 1e-9);
    }

    #[test]
    fn a_path_is_told_from_a_value_that_begins_like_one() {
        for path in [
            "/run/secrets/x",
            "/ssh/id_ed25519",
            "/Users/me/x",
            "/certs",
            "./a",
            "../b",
            "~/c",
            "key.json",
            "conf/app.toml",
        ] {
            assert!(is_path(path), "{path}");
        }
        for value in ["/ghp0123", "/Zm9v/YmFy", "hunter2", "a b.json", ""] {
            assert!(!is_path(value), "{value}");
        }
    }

    #[test]
    fn base64_is_read_in_both_alphabets_and_only_as_text() {
        assert_eq!(decoded("dXNlcjpwYXNzd29yZDEyMw==").as_deref(), Some("user:password123"));
        assert_eq!(decoded("dXNlcjpwYXNzd29yZDEyMw").as_deref(), Some("user:password123"));
        assert_eq!(decoded("AAECAwQFBgcICQ=="), None);
        assert_eq!(decoded("short"), None);
    }
}
