//! Does a name promise a secret? The last word of it says what it holds: `TOKEN_URL` is an address, `MAX_TOKENS` a
//! number, `TOKENIZER` another word. And does the value keep the promise?

use super::value;

/// The sort of secret that a variable's name announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Promise {
    /// A password: any text may be one, and any number.
    Password,
    /// A token or key that a service gave: any text.
    Token,
    /// A key to encrypt or sign with: only what looks random.
    Key,
    /// A key of some service: only a number that is written in hex, or a UUID.
    Somebodys,
    /// A credential: a token, unless the value only names one, as `anthropic-key` does.
    Credential,
    /// The place of one: only where it is no place.
    Place,
}

/// Names that end in none of these, and hold a user's password all the same.
const OTHERS: [&str; 2] = ["REDISCLI_AUTH", "NEO4J_AUTH"];
/// The endings of the last word.
const PASSWORDS: [&str; 7] = ["PASSWORD", "PASSWD", "PASSPHRASE", "PASSCODE", "PASSWORT", "REQUIREPASS", "SECRET"];
const TOKENS: [&str; 6] = ["TOKEN", "APIKEY", "SECRETKEY", "ACCESSKEY", "PRIVATEKEY", "AUTHKEY"];
/// Whole words, behind another one: `PWD` alone is the shell's folder.
const SHORT: [&str; 4] = ["PASS", "PWD", "PW", "PSWD"];
/// What may stand before `KEY`: such keys services give,
const GIVEN: [&str; 7] = ["API", "ACCESS", "SECRET", "PRIVATE", "AUTH", "DEPLOY", "LICENSE"];
/// and such ones people make.
const MADE: [&str; 17] = [
    "ENCRYPTION",
    "SESSION",
    "SIGNING",
    "SIGNATURE",
    "MASTER",
    "ACCOUNT",
    "SERVICE",
    "STORAGE",
    "WEBHOOK",
    "SSH",
    "APP",
    "HMAC",
    "JWT",
    "COOKIE",
    "CRYPT",
    "CIPHER",
    "SHARED",
];
/// Words behind the last one that say which of several it is.
const WHICH: [&str; 14] = [
    "PROD",
    "PRODUCTION",
    "DEV",
    "STAGING",
    "TEST",
    "OLD",
    "NEW",
    "VALUE",
    "PRIMARY",
    "SECONDARY",
    "CURRENT",
    "PREVIOUS",
    "MAIN",
    "LIVE",
];

/// What makes a key one that everybody may have, or none that opens anything.
const OPEN: [&str; 20] = [
    "PUBLIC",
    "PUB",
    "GPG",
    "PGP",
    "HOST",
    "CACHE",
    "IDEMPOTENCY",
    "PARTITION",
    "SORT",
    "PRIMARY",
    "FOREIGN",
    "UNIQUE",
    "LOOKUP",
    "ROUTING",
    "INDEX",
    "OBJECT",
    "SITE",
    "PUBLISHABLE",
    "COMMIT",
    "HASH",
];

/// The shortest key that looks random, in characters, and its least entropy in bits a character.
const RANDOM: (usize, f64) = (16, 3.0);
/// Numbers below this length under `TOKEN` count something, or name a port.
const NUMBER: usize = 6;

/// Does something of this name and value hold a secret? Bundler has user and password under a host's name, with two
/// underscores for each dot (bundle-config(1), `CREDENTIALS FOR GEM SOURCES`).
pub(super) fn keeps_secret(name: &str, held: &str) -> bool {
    let words = words(name);
    let held = held.trim();
    promised(&words).is_some_and(|promise| match promise {
        Promise::Place => !held.contains('/') && value::is_random(held) && !value::is_elsewhere(held),
        _ if value::is_elsewhere(held) => false,
        Promise::Password => true,
        Promise::Credential if is_name(held) => false,
        Promise::Token | Promise::Credential => held.len() >= NUMBER || held.parse::<u64>().is_err(),
        Promise::Somebodys => value::is_number_of_a_key(held),
        Promise::Key => held.len() >= RANDOM.0 && value::entropy(held) >= RANDOM.1 && value::is_random(held),
    }) || (OTHERS.contains(&name) && !value::is_elsewhere(held))
        || names_user_and_password(&words, held)
        || (name.starts_with("BUNDLE_") && name.contains("__") && value::is_pair(held))
}

/// Words of small letters, of which the last one says what it is: the name of a secret that is kept elsewhere.
fn is_name(held: &str) -> bool {
    let plain =
        held.split(['-', '_']).all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase()));
    let (before, last) = held.rsplit_once(['-', '_']).unwrap_or_default();
    plain && !before.is_empty() && ["key", "token", "secret", "password", "credential", "credentials"].contains(&last)
}

/// `BASIC_AUTH` and its like: what HTTP sends, user and password in base64 (RFC 7617).
fn names_user_and_password(words: &[String], held: &str) -> bool {
    let last = words.last().is_some_and(|word| ["AUTH", "AUTHORIZATION", "AUTHENTICATION"].contains(&word.as_str()));
    last && value::decoded(held).is_some_and(|text| value::is_pair(&text))
}

fn promised(words: &[String]) -> Option<Promise> {
    let end = words.iter().rposition(|word| !WHICH.contains(&word.as_str()) && word.parse::<u32>().is_err())?;
    let last = words.get(end)?.as_str();
    let before = || end.checked_sub(1).and_then(|index| words.get(index)).map_or("", String::as_str);
    let ends = |endings: &[&str]| endings.iter().any(|ending| last.ends_with(ending));
    match last {
        // The name of a secret, as Kubernetes has it.
        "SECRET" if before() == "PULL" => None,
        "FILE" | "PATH" => promised(words.get(..end)?).map(|_| Promise::Place),
        "KEY" if GIVEN.contains(&before()) => Some(Promise::Token),
        "KEY" if MADE.contains(&before()) => Some(Promise::Key),
        // `HEROKU_KEY`: somebody's name says less than such a word, so the value must say more.
        "KEY" if end > 0 && !OPEN.contains(&before()) => Some(Promise::Somebodys),
        "CREDENTIAL" | "CREDENTIALS" | "CREDS" => Some(Promise::Credential),
        _ if ends(&PASSWORDS) || (end > 0 && SHORT.contains(&last)) => Some(Promise::Password),
        _ if ends(&TOKENS) => Some(Promise::Token),
        _ => None,
    }
}

/// The words of a name, in capitals: `apiToken`, `api-token` and `API_TOKEN` are the same.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut small = false;
    for letter in name.chars() {
        let new = !letter.is_alphanumeric() || (small && letter.is_uppercase());
        if new && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if letter.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(letter.to_uppercase());
        }
        small = letter.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_name_are_found_however_it_is_written() {
        for name in ["API_TOKEN", "api-token", "apiToken", "Api.Token", "--api-token"] {
            assert_eq!(words(name), ["API", "TOKEN"], "{name}");
        }
        assert_eq!(words("PGPASSWORD"), ["PGPASSWORD"]);
        assert!(words("").is_empty());
    }

    #[test]
    fn the_name_of_a_credential_is_none() {
        for name in ["anthropic-key", "github_token", "db-admin-password"] {
            assert!(!keeps_secret("credential", name), "{name}");
        }
        for secret in ["key", "-key", "anthropic-hunter2", "Anthropic-key", "a7f-key", "correct-horse-battery"] {
            assert!(keeps_secret("credential", secret), "{secret}");
        }
        assert!(keeps_secret("DB_PASSWORD", "my-secret"), "a password may be any text");
    }

    #[test]
    fn a_key_under_a_service_s_name_must_look_like_one() {
        let hex = "47eabee848f227e577786faf13a81a99";
        for name in ["algolia_key", "herokuKey", "HUBSPOT_KEY"] {
            assert!(keeps_secret(name, hex) && keeps_secret(name, "0fc1a2b3-00ab-4cde-8000-1234567890ab"), "{name}");
            assert!(!keeps_secret(name, "users-by-name") && !keeps_secret(name, "12345678"), "{name}");
        }
        for name in ["PUBLIC_KEY", "GPG_KEY", "CACHE_KEY", "KEY", "primaryKey"] {
            assert!(!keeps_secret(name, hex), "{name}");
        }
        assert!(keeps_secret("BUNDLE_GEMS__EXAMPLE__COM", "me:hunter2") && !keeps_secret("BUNDLE_PATH", "a:b"));
    }

    #[test]
    fn the_last_word_decides_and_what_says_which_one_is_passed_over() {
        assert!(
            keeps_secret("DB_PASSWORD_2", "x") && keeps_secret("TOKEN_PROD", "abc") && keeps_secret("apiKey", "abc")
        );
        for (name, held) in
            [("PWD", "home"), ("TOKEN", "4096"), ("TOKEN_COUNT", "abc"), ("PUBLIC_KEY", "abc"), ("", "x")]
        {
            assert!(!keeps_secret(name, held), "{name}");
        }
    }
}
