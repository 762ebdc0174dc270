//! Secrets in the text of a file: `.env`, `.npmrc`, `.netrc`, a key in PEM, JSON, YAML, a program's settings. Each line
//! is looked at by itself, as people write assignments in any of them; and a name with the value beside it. Pure.

use super::{Leak, Rules, from_pair, known, name_value, pairs, value};

/// The most findings of one file that a record has: more say nothing more.
const TOLD: usize = 20;
/// The longest line, in bytes; of a longer one the search reads so much.
const LINE: usize = 8 << 10;

/// Where secrets are in this text of a file of these names.
pub(in super::super) fn in_file(place: &str, names: &[&str], text: &str, rules: &Rules) -> Vec<Leak> {
    let lines = text.lines().enumerate();
    let at_line = |line: usize| format!("{place}, line {line}");
    let leaks = lines.filter_map(|(at, line)| in_line(&at_line(at + 1), names, line, rules));
    let mut leaks: Vec<Leak> = leaks.take(TOLD).collect();
    for (line, name, held) in name_value::telling(text) {
        let place = at_line(line);
        if leaks.len() < TOLD && !leaks.iter().any(|leak| leak.is_at(&place)) {
            leaks.extend(from_pair(&place, name, held, rules));
        }
    }
    leaks
}

/// The first line, from 1, that the search did not read to its end.
pub(in super::super) fn half_read(text: &str) -> Option<usize> {
    let is_beyond = |line: &str| line.len() > LINE || pairs::places(line).nth(pairs::MOST).is_some();
    text.lines().position(is_beyond).map(|at| at + 1)
}

fn in_line(place: &str, names: &[&str], line: &str, rules: &Rules) -> Option<Leak> {
    let line = line.get(..line.floor_char_boundary(LINE)).unwrap_or_default().trim();
    let form = known(line, rules).map(|hit| Leak::of(place, hit, rules));
    // What a comment says of a name is an example.
    let plain = || !["#", ";", "//", "*", "<!--"].iter().any(|mark| line.starts_with(mark)) || line.contains("/:_");
    let named = || {
        let pairs = [pairs::first(line), after_word(line, names), password_file(line, names)];
        let mut pairs = pairs.into_iter().flatten().chain(pairs::telling(line));
        pairs.find_map(|(name, held)| from_pair(place, name, held, rules))
    };
    form.or_else(|| if plain() { named() } else { None })
}

/// `machine x login y password z` (netrc(5)).
fn after_word<'a>(line: &'a str, names: &[&str]) -> Option<(&'a str, &'a str)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let pair = words.windows(2).find(|pair| matches!(pair, ["password", _]))?;
    names.iter().any(|name| name.ends_with("netrc")).then(|| Some((*pair.first()?, *pair.last()?))).flatten()
}

/// `host:port:database:user:password` (the password file of libpq).
fn password_file<'a>(line: &'a str, names: &[&str]) -> Option<(&'a str, &'a str)> {
    let held = line.splitn(5, ':').nth(4).filter(|held| !value::is_placeholder(held))?;
    names.iter().any(|name| name.ends_with(".pgpass")).then_some(("PGPASSWORD", held))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, text: &str) -> Vec<String> {
        in_file("f", &[name], text, Rules::built_in()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_kind_of_file_that_keeps_secrets_is_read_as_it_is_written() {
        for (name, text) in [
            (".env", "export DB_PASSWORD='hunter2'"),
            (".npmrc", "//registry.example/:_authToken=0a1b2c3d4e5f"),
            (".netrc", "machine h login me password hunter2"),
            (".git-credentials", "https://me:hunter2hunter2@git.example"),
            (".pgpass", "db:5432:app:me:hunter2"),
            ("config.json", "{\"auths\": {\n\"x\": {\n\"auth\": \"dXNlcjpwYXNzd29yZDEyMw==\"}}}"),
            ("credentials", "[default]\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzzzzKEY"),
            ("id_rsa", "-----BEGIN OPENSSH PRIVATE KEY-----"),
            ("compose.yaml", "environment:\n  - POSTGRES_PASSWORD=hunter2"),
            ("compose.yaml", "environment:\n  POSTGRES_PASSWORD: \"hunter2\""),
        ] {
            assert_eq!(found(name, text).len(), 1, "{name}: {text}");
        }
    }

    #[test]
    fn what_stands_on_one_line_is_read_to_its_end() {
        for (name, text) in [
            ("config.json", r#"{"auths":{"r":{"auth":"dXNlcjpwYXNzd29yZDEyMw=="}}}"#),
            ("config.json", r#"{"user":"x","password":"hunter2"}"#),
            ("config.json", r#"{ "user" : "x", "password" : "hunter2" }"#),
            ("config.yaml", "db: {user: x, password: hunter2, port: 5432}"),
            ("config.yaml", "{user:x,password:hunter2}"),
            ("run.sh", "docker run -e USER=x -e DB_PASSWORD=hunter2 image"),
            ("settings.py", "connect(user=\"x\", password=\"hunter2\")"),
        ] {
            assert_eq!(found(name, text).len(), 1, "{name}: {text}");
        }
        for (name, text) in [
            ("config.json", r#"{"user":"x","password":null,"token":"","secret":{"name":"x"},"required":["password"]}"#),
            ("compose.yaml", "url: ${DB_PASSWORD:?must be set} ${DB_PASSWORD:-}"),
            ("notes", "description: what it does with a token: nothing"),
            (".env", "A=b # DB_PASSWORD=hunter2"),
            ("x.py", "connect({}, user=user, password=secret, token=None)"),
            ("x.py", "headers = {\"token\": token, \"x\": {\"password\": PASSWORD}}"),
            ("x.json", r#"{"a":{"password":{"type":"string"}}}"#),
        ] {
            assert_eq!(found(name, text), [""; 0], "{name}: {text}");
        }
    }

    /// The policy with its keys at the gate, and what the gate is given of it.
    #[test]
    fn what_our_own_services_are_given_has_none_and_is_read_whole() {
        let shipped = include_str!("../../../../../compose/policy.toml");
        let text = shipped.replace("\n# credential", "\ncredential").replace("\n# header", "\nheader");
        assert_ne!(shipped, text);
        let policy = policy::Policy::parse(&text, "/etc/p.toml".as_ref(), "/srv".as_ref()).unwrap();
        let conf = crate::gate::render(&policy, engine::Families::Both).unwrap();
        for (name, text) in [("policy.toml", text), ("nginx.conf", conf)] {
            assert_eq!(found(name, &text), Vec::<String>::new(), "{name}");
            assert_eq!(half_read(&text), None, "{name}");
        }
    }

    #[test]
    fn what_only_speaks_of_secrets_is_none() {
        for (name, text) in [
            (".env", "# DB_PASSWORD=hunter2"),
            (".env", "DB_PASSWORD=${DB_PASSWORD}\nDB_PASSWORD_FILE=/run/secrets/db"),
            ("compose.yaml", "secrets:\n  db_password:\n    file: ./db_password"),
            ("config.json", "{\"password\": null, \"token\": \"\"}"),
            ("x.pem", "-----BEGIN CERTIFICATE-----"),
            ("notes", "the password is in the vault"),
        ] {
            assert_eq!(found(name, text), [""; 0], "{name}: {text}");
        }
    }

    #[test]
    fn no_bytes_make_it_fall() {
        for text in ["=", ":", "'", "a='", "\u{0}=\u{0}", "é=é", "=é'", "a:\"", "password", "  :=>  "] {
            let _ = found(".netrc", text);
        }
        assert_eq!(found(".env", &format!("PASSWORD={}", "éa".repeat(9000))).len(), 1);
        assert_eq!(found(".env", &"=a:".repeat(90_000)).len(), 0);
    }
}
