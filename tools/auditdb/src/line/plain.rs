//! Where a string ends, or something in it that is not plain text: most of a line is inside of strings.

const EACH: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = EACH * 0x80;

/// Is there neither a backslash nor a control character in a whole line? Most are so. Asked of many bytes at once that
/// is far cheaper than of each string.
pub(super) fn is_plain(line: &[u8]) -> bool {
    // Without a way out of the loop, so that the compiler makes it one over sixteen bytes.
    line.iter().fold(0, |found, byte| found | u8::from(*byte < 0x20) | u8::from(*byte == b'\\')) == 0
}

/// How many bytes come before the first quote.
#[inline]
pub(super) fn quote(bytes: &[u8]) -> usize {
    first(bytes, |word| below(word ^ (EACH * u64::from(b'"')), 1), |byte| byte == b'"')
}

/// How many bytes come before the first quote, backslash or control character.
pub(super) fn special(bytes: &[u8]) -> usize {
    let marked = |word: u64| {
        below(word ^ (EACH * u64::from(b'"')), 1) | below(word ^ (EACH * u64::from(b'\\')), 1) | below(word, 0x20)
    };
    first(bytes, marked, |byte| matches!(byte, b'"' | b'\\' | 0..=0x1f))
}

/// The first byte that fits, eight looked at at a time.
#[inline]
fn first(bytes: &[u8], marked: impl Fn(u64) -> u64, fits: impl Fn(u8) -> bool) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let found = marked(u64::from_le_bytes(*word));
        if found != 0 {
            return 8 * at + (found.trailing_zeros() / 8) as usize;
        }
    }
    8 * words.len() + rest.iter().position(|byte| fits(*byte)).unwrap_or(rest.len())
}

/// The highest bit of each byte below the least. The lowest marked byte is one; a borrow can only mark bytes behind it.
#[inline]
fn below(word: u64, least: u64) -> u64 {
    word.wrapping_sub(EACH * least) & !word & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn eight_bytes_at_a_time_find_what_one_at_a_time_finds(
            lead in "[ a-z]{0,80}",
            tail in proptest::collection::vec(prop_oneof![Just(b'"'), Just(b'\\'), 0x1eu8..0x24, 0x5bu8..0x5e, any::<u8>(), b'a'..=b'z'], 0..60),
        ) {
            let bytes = [lead.as_bytes(), &tail].concat();
            let one = |fits: fn(&u8) -> bool| bytes.iter().position(fits);
            prop_assert_eq!(special(&bytes), one(|b| matches!(b, b'"' | b'\\' | 0..=0x1f)).unwrap_or(bytes.len()));
            prop_assert_eq!(quote(&bytes), one(|b| *b == b'"').unwrap_or(bytes.len()));
            prop_assert_eq!(is_plain(&bytes), one(|b| matches!(b, b'\\' | 0..=0x1f)).is_none());
        }
    }
}
