//! The attributes of a netlink message: type, length and value, one behind the other (netlink(7), RFC 3549).

use anyhow::{Context, Result};

use crate::host::numbers::{NLA_F_NESTED, NLA_TYPE_MASK};

/// The bytes at an offset, or `None` where the message is shorter.
pub(crate) fn field<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}

/// The attributes after a fixed struct, whole: type (without its flags), and all bytes but the padding.
///
/// # Errors
/// If one does not fit.
pub(crate) fn pieces(bytes: &[u8]) -> Result<Vec<(u16, &[u8])>> {
    let mut pieces = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let length = field(rest, 0).map(u16::from_ne_bytes).map(usize::from).filter(|length| *length >= 4);
        let whole = length.and_then(|length| rest.get(..length)).context("an attribute does not fit")?;
        pieces.push((field(whole, 2).map_or(0, u16::from_ne_bytes) & NLA_TYPE_MASK, whole));
        rest = rest.get(whole.len().next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(pieces)
}

/// The attributes after a fixed struct: type (without its flags) and value. Ends at the first that does
/// not fit.
pub(crate) fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = usize::from(u16::from_ne_bytes(field(rest, 0)?));
        let kind = u16::from_ne_bytes(field(rest, 2)?) & NLA_TYPE_MASK;
        let value = rest.get(4..length)?;
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// The value of the first attribute of a type.
pub(crate) fn attribute(bytes: &[u8], kind: u16) -> Option<&[u8]> {
    attributes(bytes).find(|(found, _)| *found == kind).map(|(_, value)| value)
}

/// Appends an attribute; `nested` says that its value is attributes again.
pub(crate) fn append(message: &mut Vec<u8>, kind: u16, nested: bool, value: &[u8]) {
    let length = u16::try_from(4 + value.len()).unwrap_or(u16::MAX);
    message.extend_from_slice(&length.to_ne_bytes());
    message.extend_from_slice(&(if nested { kind | NLA_F_NESTED } else { kind }).to_ne_bytes());
    message.extend_from_slice(value);
    message.resize(message.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn attributes_are_read_back_as_they_were_appended() {
        let mut bytes = Vec::new();
        append(&mut bytes, 3, false, b"br-cell\0");
        append(&mut bytes, 10, true, &[1, 2, 3]);
        let read: Vec<_> = attributes(&bytes).collect();
        assert_eq!(read, [(3, b"br-cell\0".as_slice()), (10, [1, 2, 3].as_slice())]);
        assert_eq!(attribute(&bytes, 10), Some([1, 2, 3].as_slice()));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_run_on_or_fall_over(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(attributes(&bytes).count() <= bytes.len());
            let _ = pieces(&bytes);
        }
    }
}
