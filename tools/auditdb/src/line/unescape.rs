//! The escapes of a JSON string (RFC 8259 §7).

/// The text that the inside of a string stands for.
///
/// # Errors
/// The byte at which an escape is none: an unknown letter, too few hex digits, half of a surrogate pair.
pub(crate) fn unescape(inner: &str) -> Result<String, usize> {
    let mut out = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        let (plain, escape) = rest.split_at(at);
        out.push_str(plain);
        let here = inner.len() - escape.len();
        let (c, length) = one(escape).ok_or(here)?;
        out.push(c);
        rest = escape.get(length..).ok_or(here)?;
    }
    out.push_str(rest);
    Ok(out)
}

/// The character an escape stands for, and the escape's length in bytes.
fn one(escape: &str) -> Option<(char, usize)> {
    let simple = match escape.as_bytes().get(1)? {
        b'"' => '"',
        b'\\' => '\\',
        b'/' => '/',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return unicode(escape),
        _ => return None,
    };
    Some((simple, 2))
}

fn unicode(escape: &str) -> Option<(char, usize)> {
    let first = hex(escape.get(2..6)?)?;
    if let Some(c) = char::from_u32(first) {
        return Some((c, 6));
    }
    let second = hex(escape.get(6..12)?.strip_prefix("\\u")?)?;
    if !(0xd800..0xdc00).contains(&first) || !(0xdc00..0xe000).contains(&second) {
        return None;
    }
    char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)).map(|c| (c, 12))
}

fn hex(digits: &str) -> Option<u32> {
    // `from_str_radix` takes a sign, JSON does not.
    if digits.bytes().all(|b| b.is_ascii_hexdigit()) { u32::from_str_radix(digits, 16).ok() } else { None }
}
