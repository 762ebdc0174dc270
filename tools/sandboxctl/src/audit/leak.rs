//! Does a variable hold a secret? By its name, or by the shape of its value. The value is never handed on.

/// Parts of names under which people keep secrets.
const NAMES: &[&str] =
    &["PASSWORD", "PASSWD", "SECRET", "TOKEN", "APIKEY", "API_KEY", "ACCESS_KEY", "PRIVATE_KEY", "CREDENTIAL"];

/// How the keys of well-known services begin.
const BEGINNINGS: &[&str] = &[
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "sk-ant-",
    "sk-proj-",
    "sk_live_",
    "xoxb-",
    "xoxp-",
    "xapp-",
    "AKIA",
    "ASIA",
    "AIza",
    "npm_",
    "tskey-",
    "hf_",
    "eyJhbGciOi",
    "-----BEGIN",
];

/// The name of a variable (`NAME=value`) that holds a secret. A path to one is none, nor is an empty value.
pub(crate) fn in_variable(variable: &str) -> Option<&str> {
    let (name, value) = variable.split_once('=')?;
    let upper = name.to_ascii_uppercase();
    let named = NAMES.iter().any(|part| upper.contains(part)) && !upper.ends_with("_FILE");
    let harmless =
        value.is_empty() || value.starts_with('/') || value.parse::<u64>().is_ok() || matches!(value, "true" | "false");
    ((named && !harmless) || looks_like_a_key(value)).then_some(name)
}

/// A value, or a part of it after `=`, `:` or a space, that begins as a key does and is as long.
pub(crate) fn looks_like_a_key(text: &str) -> bool {
    let long_enough = |part: &str| part.len() >= 20 || part.starts_with("-----BEGIN");
    text.split(['=', ':', ' ', '"', '\''])
        .any(|part| long_enough(part) && BEGINNINGS.iter().any(|start| part.starts_with(start)))
        || text.contains("-----BEGIN")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_by_its_name_or_by_its_shape() {
        for variable in [
            "GITHUB_TOKEN=x",
            "db_password=hunter2",
            "OPENAI_API_KEY=abc",
            "AWS_SECRET_ACCESS_KEY=q",
            "X=ghp_0123456789abcdefghij0123456789abcdef",
            "OPTS=--key npm_0123456789abcdefghij",
            "PEM=-----BEGIN RSA PRIVATE KEY-----",
            "URL=https://user:ghp_0123456789abcdefghij@host",
        ] {
            assert_eq!(in_variable(variable), variable.split('=').next(), "{variable}");
        }
    }

    #[test]
    fn what_only_looks_like_one_is_left_alone() {
        for variable in [
            "PATH=/usr/bin",
            "TOKEN_FILE=/run/secrets/token",
            "GITHUB_TOKEN=",
            "MAX_TOKENS=4096",
            "SECRET_PATH=/run/secrets",
            "GPG_KEY=A035C8C19219BA821ECEA86B64E628F8D684696D",
            "SECRETS=false",
            "no equals sign",
            "MODE=npm_",
        ] {
            assert_eq!(in_variable(variable), None, "{variable}");
        }
    }
}
