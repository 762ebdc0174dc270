//! What `git ls-remote` prints: an object id, a tab, a ref, a line for each; behind an annotated tag
//! `x` a line `x^{}` with the object that the tag names (git-ls-remote(1)).
//!
//! It comes from a server nobody has to trust, so it is read strictly and within bounds. A round that
//! cannot be read as a whole is not read at all: half a list would look like refs deleted.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{BufRead, Read};

use anyhow::{Result, bail};
use record::cellblock::Target;

/// The longest line, in bytes: an id, a tab, and a name longer than any file system takes.
const LINE: u64 = 8192;
/// The most lines. The largest public repositories have half a million refs.
const LINES: usize = 2_000_000;
/// What stands behind the name of a tag whose object is told.
const PEELED: &str = "^{}";

/// A ref and what it points to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Advertised {
    /// The full name; a byte that is no UTF-8 is written `\xNN`.
    pub(crate) name: String,
    /// The object that the ref points to.
    pub(crate) target: Target,
}

/// Reads all lines.
///
/// # Errors
/// The number of the first line that is none, and why.
pub(crate) fn parse(mut input: impl BufRead) -> Result<Vec<Advertised>> {
    let mut refs: Vec<Advertised> = Vec::new();
    let mut names = BTreeSet::new();
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        input.by_ref().take(LINE).read_until(b'\n', &mut line)?;
        let Some(whole) = line.strip_suffix(b"\n") else {
            if line.is_empty() {
                return Ok(refs);
            }
            bail!("line {number}: it has no end: cut off, or longer than {LINE} bytes");
        };
        if number > LINES {
            bail!("line {number}: more than {LINES} refs are not read");
        }
        take(whole, &mut refs, &mut names).map_err(|why| anyhow::anyhow!("line {number}: {why}"))?;
    }
    Ok(refs)
}

fn take(line: &[u8], refs: &mut Vec<Advertised>, names: &mut BTreeSet<String>) -> Result<(), String> {
    // From a file that went through Windows. No ref's name can end so.
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let tab = line.iter().position(|b| *b == b'\t').ok_or("there is no tab between id and name")?;
    let (id, name) = line.split_at(tab);
    let id = id_of(id)?;
    if refs.first().is_some_and(|first| first.target.id.len() != id.len()) {
        return Err("ids of two lengths in one repository".into());
    }
    let name = spelled(name.get(1..).unwrap_or_default());
    if let Some(base) = name.strip_suffix(PEELED) {
        return match refs.last_mut() {
            Some(last) if last.name == base && last.target.peeled.is_none() => {
                last.target.peeled = Some(id);
                Ok(())
            }
            _ => Err("an object behind a tag that is not on the line before".into()),
        };
    }
    check(&name)?;
    if !names.insert(name.clone()) {
        return Err(format!("{} stands twice", record::escape(&name)));
    }
    refs.push(Advertised { name, target: Target { id, peeled: None } });
    Ok(())
}

/// 40 or 64 hex digits in lower case, not all zero.
fn id_of(bytes: &[u8]) -> Result<String, String> {
    let digits = bytes.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if !digits || !matches!(bytes.len(), 40 | 64) {
        return Err("it does not begin with an object id (40 or 64 hex digits)".into());
    }
    if bytes.iter().all(|b| *b == b'0') {
        return Err("the id of no object".into());
    }
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

/// The name as text. No two names become one: a ref cannot hold a backslash.
fn spelled(bytes: &[u8]) -> String {
    bytes.utf8_chunks().fold(String::with_capacity(bytes.len()), |mut name, chunk| {
        name.push_str(chunk.valid());
        for byte in chunk.invalid() {
            let _ = write!(name, "\\x{byte:02x}");
        }
        name
    })
}

/// The rules of git-check-ref-format(1), as far as a server could use their breach against a reader.
fn check(name: &str) -> Result<(), String> {
    if name != "HEAD" && !name.starts_with("refs/") {
        return Err("neither HEAD nor a name below refs/".into());
    }
    let odd = |c: char| c.is_ascii_control() || " ~^:?*[".contains(c);
    let part = |part: &str| part.is_empty() || part.starts_with('.') || part.ends_with(".lock");
    // A backslash is ours: it stands only before x and the two digits of a byte that is no UTF-8.
    let escaped = name.split('\\').skip(1).all(|rest| rest.starts_with('x'));
    if name.contains(odd) || name.contains("..") || name.contains("@{") || name.ends_with('.') || !escaped {
        return Err("no ref can have that name".into());
    }
    if name.split('/').any(part) {
        return Err("no ref can have that name".into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    fn why(text: &str) -> String {
        parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn an_annotated_tag_has_both_ids() {
        let refs = parse(format!("{A}\tHEAD\n{B}\trefs/tags/v1\n{A}\trefs/tags/v1^{{}}\n").as_bytes()).unwrap();
        assert_eq!(refs.len(), 2);
        assert_eq!(refs[1].target, Target { id: B.into(), peeled: Some(A.into()) });
    }

    #[test]
    fn lines_that_end_as_windows_ends_them_are_the_same_lines() {
        let text = format!("{A}\tHEAD\n{B}\trefs/tags/v1\n{A}\trefs/tags/v1^{{}}\n");
        assert_eq!(parse(text.replace('\n', "\r\n").as_bytes()).unwrap(), parse(text.as_bytes()).unwrap());
        assert!(parse(format!("{A}\trefs/tags/v\r1\n").as_bytes()).is_err());
    }

    #[test]
    fn a_repository_of_sha_256_has_longer_ids() {
        let refs = parse(format!("{0}\tHEAD\n{0}\trefs/tags/v1\n", "b".repeat(64)).as_bytes()).unwrap();
        assert_eq!(refs[1].target.id.len(), 64);
    }

    #[test]
    fn a_line_that_was_cut_off_spoils_the_round() {
        assert!(why(&format!("{A}\tHEAD\n{B}\trefs/heads/ma")).contains("line 2: it has no end"));
    }

    #[test]
    fn names_that_no_ref_can_have_are_refused() {
        for name in [
            "refs/heads/a b",
            "refs/heads/../x",
            "refs/heads/x.lock",
            "heads/x",
            "refs//x",
            "refs/x\\y",
            "refs/\u{1b}[2J",
            "",
        ] {
            assert!(parse(format!("{A}\t{name}\n").as_bytes()).is_err(), "{name:?}");
        }
        assert!(why(&format!("{A}\trefs/heads/x\n{A}\trefs/heads/x\n")).contains("twice"));
        assert!(why(&format!("{A}\trefs/tags/x^{{}}\n")).contains("behind a tag"));
        assert!(why(&format!("{}\trefs/tags/x\n", "0".repeat(40))).contains("no object"));
        assert!(why(&format!("{A}\tHEAD\n{}\trefs/heads/x\n", "a".repeat(64))).contains("two lengths"));
    }

    #[test]
    fn a_name_that_is_no_utf_8_keeps_its_bytes() {
        let line = [A.as_bytes(), b"\trefs/heads/\xff\xfe\n"].concat();
        assert_eq!(parse(&line[..]).unwrap()[0].name, "refs/heads/\\xff\\xfe");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_name_a_control_character(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let line = [A.as_bytes(), b"\trefs/", &bytes[..], b"\n"].concat();
            for found in [parse(&bytes[..]), parse(&line[..])].into_iter().flatten().flatten() {
                prop_assert!(!found.name.bytes().any(|b| b.is_ascii_control()));
            }
        }

        #[test]
        fn what_git_prints_is_read_whole(names in proptest::collection::btree_set("[a-z0-9]{1,12}(/[a-z0-9-]{1,12}){0,2}", 0..20)) {
            let text: String = names.iter().map(|name| format!("{A}\trefs/heads/{name}\n")).collect();
            let read = parse(text.as_bytes()).unwrap();
            prop_assert_eq!(read.len(), names.len());
            for (read, name) in read.iter().zip(&names) {
                prop_assert_eq!(&read.name, &format!("refs/heads/{name}"));
            }
        }
    }
}
