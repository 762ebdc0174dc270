//! Names and values in a command line: `NAME=value` and `--name value` as people write them, also in the text that a
//! shell is given.

use super::name::keeps_secret;
use super::value;

/// Options without a telling name, the programs that take them, and what follows.
const OPTIONS: [(&str, &[&str], Follows); 3] = [
    ("-p", &["mysql", "mysqldump", "mysqladmin", "mariadb", "mariadb-dump", "mariadb-admin"], Follows::Attached),
    ("-a", &["redis-cli", "valkey-cli"], Follows::Next),
    ("-u", &["curl"], Follows::Pair),
];

/// Words behind which a new command begins, in a health check and for a shell.
const BEGINNINGS: [&str; 6] = ["CMD", "CMD-SHELL", "-c", "-lc", "-ec", "exec"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Follows {
    /// A password, with nothing between.
    Attached,
    /// A password, as the next word.
    Next,
    /// A user and a password, as the next word.
    Pair,
}

/// A part of a word, and the command that it belongs to.
#[derive(Debug, Clone, Copy)]
struct Part<'a> {
    /// The word's number, from 1.
    word: usize,
    text: &'a str,
    /// The program, without its folder.
    program: &'a str,
}

/// The words, as numbers from 1, in which a name has a secret.
pub(super) fn with_secrets(words: &[String]) -> Vec<usize> {
    let parts = parts(words);
    let holds = |at: usize, part: &Part<'_>| {
        let next = parts.get(at + 1).filter(|next| next.program == part.program).map_or("", |next| next.text);
        named(part.text, next) || follows(part, next)
    };
    let mut found: Vec<usize> =
        parts.iter().enumerate().filter(|(at, part)| holds(*at, part)).map(|(_, part)| part.word).collect();
    found.dedup();
    found
}

/// The secret in a word that names it, as far as one can tell: behind its equals sign, or the next word.
pub(super) fn held(word: &str, next: &str) -> String {
    let behind = word.split_once('=').map_or(next, |(_, held)| held);
    behind.trim_matches(['"', '\'']).split_whitespace().next().unwrap_or_default().to_owned()
}

/// Between blanks and what a shell takes for an end, without quotes.
fn parts(words: &[String]) -> Vec<Part<'_>> {
    let (mut parts, mut program, mut begins) = (Vec::new(), "", true);
    for (at, word) in words.iter().enumerate() {
        for command in word.split_inclusive([';', '&', '|', '(', '\n']) {
            let ends = |letter: char| {
                letter.is_whitespace() || matches!(letter, ';' | '&' | '|' | '"' | '\'' | '(' | ')' | ',')
            };
            for text in command.split(ends).filter(|text| !text.is_empty()) {
                if begins && !text.contains('=') {
                    program = text.rsplit('/').next().unwrap_or_default();
                    begins = false;
                }
                begins |= BEGINNINGS.contains(&text);
                parts.push(Part { word: at + 1, text, program });
            }
            begins |= command.ends_with([';', '&', '|', '(', '\n']);
        }
    }
    parts
}

fn named(part: &str, next: &str) -> bool {
    match part.split_once('=') {
        Some((name, held)) => keeps_secret(name, held),
        // An option, or the name of a header. `--pass` alone promises as much as a variable's last word.
        None if part.starts_with('-') => !next.starts_with('-') && keeps_secret(&format!("option{part}"), next),
        None => part.ends_with(':') && keeps_secret(part, next),
    }
}

fn follows(part: &Part<'_>, next: &str) -> bool {
    let mine = |(_, programs, _): &&(&str, &[&str], Follows)| programs.contains(&part.program);
    OPTIONS.iter().filter(mine).any(|(option, _, follows)| match follows {
        Follows::Attached => {
            part.text.strip_prefix(option).is_some_and(|held| !part.text.contains('=') && !value::is_placeholder(held))
        }
        Follows::Next => part.text == *option && !value::is_placeholder(next),
        Follows::Pair => part.text == *option && value::is_pair(next),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &[&str]) -> Vec<usize> {
        with_secrets(&line.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_secret_is_found_in_the_word_that_names_it() {
        assert_eq!(found(&["app", "--password", "hunter2"]), [2]);
        assert_eq!(found(&["app", "--password=hunter2", "x"]), [2]);
        assert_eq!(found(&["redis-server", "--requirepass", "hunter2"]), [2]);
        assert_eq!(found(&["redis-cli", "--pass", "hunter2", "ping"]), [2]);
        assert_eq!(found(&["sh", "-c", "API_TOKEN=abcdef exec app"]), [3]);
        assert_eq!(found(&["app", "--token-file", "/run/secrets/t", "--max-tokens", "4096"]), [0; 0]);
        assert_eq!(found(&["app", "--password", "--verbose"]), [0; 0]);
    }

    #[test]
    fn an_option_without_a_telling_name_counts_for_its_own_program_only() {
        assert_eq!(found(&["mysql", "-uroot", "-psecret"]), [3]);
        assert_eq!(found(&["CMD-SHELL", "mysqladmin ping -h localhost -psecret"]), [2]);
        assert_eq!(found(&["CMD", "/usr/bin/redis-cli", "-a", "hunter2", "ping"]), [3]);
        assert_eq!(found(&["curl", "-u", "admin:hunter2", "localhost"]), [2]);
        for harmless in [
            &["CMD-SHELL", "mysqladmin ping -uroot -p$MYSQL_ROOT_PASSWORD"] as &[&str],
            &["CMD-SHELL", "mysqladmin ping -p${MYSQL_ROOT_PASSWORD}"],
            &["sh", "-c", "mkdir -p /var/lib/mysql && cp -pr a b"],
            &["sh", "-c", "chown me /var/lib/mysql; cp -pr a b"],
            &["sh", "-c", "mysql --version; mkdir -pv x"],
            &["nginx", "-p", "prefix", "-c", "x"],
            &["curl", "-u", "admin", "localhost"],
            &["curl", "-u", "admin:$PASSWORD", "localhost"],
            &["tar", "-a", "x"],
        ] {
            assert_eq!(found(harmless), [0; 0], "{harmless:?}");
        }
    }
}
