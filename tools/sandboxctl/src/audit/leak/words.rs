//! Names and values in a command line: `NAME=value` and `--name value` as people write them, also in the text that a
//! shell is given.

use super::name::keeps_secret;

/// Programs that take a password right behind `-p`.
const PASSWORD_BEHIND_P: [&str; 5] = ["mysql", "mysqldump", "mysqladmin", "mariadb", "mariadb-dump"];

/// The words, as numbers from 1, in which a name has a secret.
pub(super) fn with_secrets(words: &[String]) -> Vec<usize> {
    let parts: Vec<(usize, &str)> =
        words.iter().enumerate().flat_map(|(at, word)| split(word).map(move |part| (at + 1, part))).collect();
    let mut found: Vec<usize> = parts
        .iter()
        .enumerate()
        .filter(|(at, (_, part))| {
            let next = parts.get(at + 1).map_or("", |(_, next)| *next);
            holds(part, next) || is_password_behind_p(part, parts.get(..*at).unwrap_or_default())
        })
        .map(|(_, (word, _))| *word)
        .collect();
    found.dedup();
    found
}

/// Between spaces and what a shell takes for an end, without quotes.
fn split(word: &str) -> impl Iterator<Item = &str> {
    let ends =
        |letter: char| letter.is_whitespace() || matches!(letter, ';' | '&' | '|' | '"' | '\'' | '(' | ')' | ',');
    word.split(ends).filter(|part| !part.is_empty())
}

fn holds(part: &str, next: &str) -> bool {
    match part.split_once('=') {
        Some((name, held)) => keeps_secret(name, held),
        // An option, or the name of a header.
        None if part.starts_with('-') || part.ends_with(':') => !next.starts_with('-') && keeps_secret(part, next),
        None => false,
    }
}

fn is_password_behind_p(part: &str, before: &[(usize, &str)]) -> bool {
    let program = |(_, word): &(usize, &str)| PASSWORD_BEHIND_P.contains(&word.rsplit('/').next().unwrap_or_default());
    part.len() > 2 && part.starts_with("-p") && !part.contains('=') && before.iter().any(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_the_word_that_names_it() {
        let found = |line: &[&str]| with_secrets(&line.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(found(&["app", "--password", "hunter2"]), [2]);
        assert_eq!(found(&["app", "--password=hunter2", "x"]), [2]);
        assert_eq!(found(&["sh", "-c", "API_TOKEN=abcdef exec app"]), [3]);
        assert_eq!(found(&["mysql", "-uroot", "-psecret"]), [3]);
        assert_eq!(found(&["nginx", "-p", "prefix", "-c", "x"]), [0; 0]);
        assert_eq!(found(&["app", "--token-file", "/run/secrets/t", "--max-tokens", "4096"]), [0; 0]);
        assert_eq!(found(&["app", "--password", "--verbose"]), [0; 0]);
    }
}
