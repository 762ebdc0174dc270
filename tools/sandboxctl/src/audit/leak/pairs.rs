//! Assignments in a line of a file, as people and programs write them. Pure.

use super::{name, value};

/// The most assignments of one line that are looked at.
pub(super) const MOST: usize = 256;

/// The longest value that the search reads of one, in bytes: so a line of nothing but assignments costs no more than
/// others.
const HELD: usize = 1 << 10;

/// Where one may be: at the first of some equals signs and colons.
pub(super) fn places(line: &str) -> impl Iterator<Item = usize> {
    let signs = line.match_indices(['=', ':']).map(|(at, _)| at);
    signs.filter(|at| !line.get(..*at).is_some_and(|before| before.ends_with(['=', ':'])))
}

/// The first one: `NAME=value`, `name: value`, `"name" : "value",`, `name := value;`, `-e NAME=value`, `export NAME =
/// value`.
pub(super) fn first(line: &str) -> Option<(&str, &str)> {
    // `//registry.example/:_authToken=…`
    let at = if line.starts_with("//") { line.find('=')? } else { line.find(['=', ':'])? };
    pair(line, at)
}

/// All that promise a secret. What reads as prose is none: `the token: nothing`.
pub(super) fn telling(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let end = line.find(" #").filter(|_| !line.contains('{')).unwrap_or(line.len());
    let all = places(line).take(MOST).take_while(move |at| *at < end).filter(|at| is_written_so(line, *at));
    let pairs = all.filter_map(|at| pair(line.get(..line.floor_char_boundary(at + HELD))?, at));
    pairs.filter(|(name, held)| name::keeps_secret(name, held) || value::decoded(held).is_some())
}

/// Is this one, wherever it stands? `a=b`, `"a": "b"`, and `a: b` behind a bracket or a comma. Of programs' text only
/// what is quoted is a value: `call(a=b)` and `{"a": b}` name a variable.
fn is_written_so(line: &str, at: usize) -> bool {
    let Some((before, behind)) = line.split_at_checked(at) else { return false };
    let tight = !before.ends_with([' ', '\t']) && behind.get(1..2).is_some_and(|next| !next.trim().is_empty());
    let held = behind.trim_start_matches([':', '=', '>']).trim_start();
    let literal = held.starts_with(|letter: char| "\"'`".contains(letter) || letter.is_ascii_digit());
    match () {
        () if is_quoted(before) => literal,
        () if is_listed(before) && behind.starts_with(':') => true,
        () => tight && behind.starts_with('=') && (literal || !stem(before).ends_with(['(', ','])),
    }
}

/// What stands before the name.
fn stem(before: &str) -> &str {
    let is_named = |letter: char| letter.is_alphanumeric() || "_-.".contains(letter);
    before.trim_end().trim_end_matches(is_named).trim_end()
}

fn is_quoted(before: &str) -> bool {
    before.trim_end().ends_with(['"', '\'', '`'])
}

/// Does its name stand in brackets, behind the opening one or a comma? `${NAME:-value}` is no assignment.
fn is_listed(before: &str) -> bool {
    let stem = stem(before);
    before.contains('{') && !stem.ends_with("${") && stem.ends_with(['{', ','])
}

fn pair(line: &str, at: usize) -> Option<(&str, &str)> {
    let (before, behind) = line.split_at_checked(at)?;
    let ends = ['=', ' ', '"', '\'', '`', '[', '/', ':', '{', ',', '(', '&', '?', ';'];
    let name = before.trim().trim_end_matches(['"', '\'', '`']).rsplit(ends).next()?;
    let held = behind.trim_start_matches([':', '=', '>']).trim();
    Some((name, if is_quoted(before) || is_listed(before) { listed(held)? } else { unquoted(held) }))
}

/// A value without its quotes, and without what ends a statement or begins the next.
fn unquoted(held: &str) -> &str {
    let quote = held.chars().next().filter(|letter| "\"'`".contains(*letter));
    match quote.and_then(|quote| Some((quote, held.get(1..)?))) {
        Some((quote, rest)) => rest.split(quote).next().unwrap_or_default(),
        // A reference such as `${NAME}` keeps its brackets.
        None if held.starts_with(['$', '{', '<', '[', '%']) => held.trim_end_matches([',', ';']),
        None => held.split([' ', '\t', ';']).next().unwrap_or_default().trim_end_matches([',', '}', ']']),
    }
}

/// The same of JSON, and of YAML on one line: a comma or a bracket ends it. What begins another list is none by itself.
fn listed(held: &str) -> Option<&str> {
    let through = |end: &str| held.find(end).and_then(|at| held.get(..at + end.len())).or(Some(held));
    match held.chars().next() {
        Some('"' | '\'' | '`') => Some(unquoted(held)),
        Some('$') if held.starts_with("${") => through("}"),
        Some('<') => through(">"),
        Some('{') if held.starts_with("{{") => through("}}"),
        Some('{' | '[') => None,
        _ => held.split([' ', '\t', ';', ',', '}', ']']).next(),
    }
}
