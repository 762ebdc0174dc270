//! The text of one file, up to a bound.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;

use super::super::leak::{self, Leak, Rules};

/// The most of one file that is read, in bytes: certificates of all the world's authorities have 220 KB.
pub(super) const MOST: u64 = 1 << 20;
/// So many bytes at the beginning tell whether it is text.
const HEAD: usize = 8 << 10;
/// Of text at most one byte in so many is zero.
const ZEROS: usize = 20;

/// The secrets in what is read here; `place` is told, `names` say what kind of file it is.
///
/// # Errors
/// Why not all of it was looked at, where nothing was found.
pub(crate) fn search(from: impl Read, place: &str, names: &[&str], rules: &Rules) -> Result<Vec<Leak>, String> {
    let mut bytes = Vec::new();
    let read = from.take(MOST + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("{place} could not be read: {error}"))?;
    let Some(text) = decoded(&bytes) else { return Ok(Vec::new()) };
    let found = leak::in_file(place, names, &text, rules);
    match leak::half_read(&text) {
        _ if !found.is_empty() => Ok(found),
        _ if bytes.len() as u64 > MOST => Err(format!("{place} is larger than {MOST} bytes")),
        Some(line) => Err(format!("{place}, line {line}, is too long to be looked at whole")),
        None => Ok(found),
    }
}

/// The text that these bytes are, in UTF-8 or UTF-16 (RFC 2781); nothing where they are none. A zero ends a line.
pub(super) fn decoded(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let head = bytes.get(..HEAD).unwrap_or(bytes);
    // Zeros at even places, and at odd ones.
    let zeros = |first: usize| head.iter().skip(first).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let most = |many: usize| many * 10 >= (head.len() / 2) * 9 && many > 0;
    match bytes {
        [0xff, 0xfe, rest @ ..] => Some(wide(rest, u16::from_le_bytes)),
        [0xfe, 0xff, rest @ ..] => Some(wide(rest, u16::from_be_bytes)),
        _ if most(odd) && even * ZEROS <= head.len() => Some(wide(bytes, u16::from_le_bytes)),
        _ if most(even) && odd * ZEROS <= head.len() => Some(wide(bytes, u16::from_be_bytes)),
        _ if (even + odd) * ZEROS > head.len() => None,
        _ if even + odd > 0 || bytes.contains(&0) => Some(String::from_utf8_lossy(bytes).replace('\0', "\n").into()),
        _ => Some(String::from_utf8_lossy(bytes)),
    }
}

fn wide(bytes: &[u8], number: fn([u8; 2]) -> u16) -> Cow<'static, str> {
    let numbers = bytes.chunks_exact(2).filter_map(|pair| Some(number(pair.try_into().ok()?)));
    let letters = char::decode_utf16(numbers).map(|letter| letter.unwrap_or(char::REPLACEMENT_CHARACTER));
    Cow::Owned(letters.collect())
}

/// The same of a file that was opened, or could not be.
///
/// # Errors
/// As [`search`].
pub(crate) fn search_file(
    file: anyhow::Result<File>,
    (place, names): (&str, &[&str]),
    rules: &Rules,
) -> Result<Vec<Leak>, String> {
    match file {
        Ok(file) => search(file, place, names, rules),
        Err(error) => Err(format!("{place} could not be opened: {error:#}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(bytes: &[u8]) -> Result<usize, String> {
        search(bytes, "f", &[".env"], Rules::built_in()).map(|leaks| leaks.len())
    }

    #[test]
    fn what_stands_behind_the_bound_of_a_line_is_unknown_unless_something_was_found_before() {
        let line = format!("A={} DB_PASSWORD=hunter2", "x y ".repeat(4000));
        assert!(found(line.as_bytes()).unwrap_err().contains("line 1"), "{line:.40}");
        assert!(found(format!("A=b\n{}", "=a ".repeat(2000)).as_bytes()).unwrap_err().contains("line 2"));
        assert_eq!(found(format!("DB_PASSWORD=hunter2\n{line}").as_bytes()), Ok(1));
    }

    #[test]
    fn text_in_utf_16_is_read_and_one_zero_hides_nothing() {
        let text = "A=b\r\nDB_PASSWORD=hunter2\r\n";
        let little = text.encode_utf16().flat_map(u16::to_le_bytes);
        let big = text.encode_utf16().flat_map(u16::to_be_bytes);
        assert_eq!(found(&[0xff, 0xfe].into_iter().chain(little.clone()).collect::<Vec<_>>()), Ok(1));
        assert_eq!(found(&[0xfe, 0xff].into_iter().chain(big).collect::<Vec<_>>()), Ok(1));
        assert_eq!(found(&little.collect::<Vec<_>>()), Ok(1), "without a mark");
        assert_eq!(found(b"\0\nDB_PASSWORD=hunter2 and more of it than of zeros\n"), Ok(1));
        assert_eq!(found(&[0, 0, 0, b'P', b'W', 0, 0, 0].repeat(9)), Ok(0), "no text at all");
    }
}
