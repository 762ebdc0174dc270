//! A secret becomes a header's whole value in the gate: what can't be one is refused here, where a person
//! can still mend it, and never shown.

use anyhow::bail;
use zeroize::Zeroizing;

/// The value without the line break that editors and `echo` add at its end.
///
/// # Errors
/// If nothing is left, or a byte is in it that a header's value can't hold (RFC 9110 §5.5). A line break in it would
/// begin a header of its own.
pub(crate) fn value(mut bytes: Zeroizing<Vec<u8>>) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    if bytes.is_empty() {
        bail!("standard input held no secret");
    }
    if let Some(at) = bytes.iter().position(|byte| !matches!(byte, b' '..=b'~')) {
        bail!(
            "byte {} of the secret can't stand in a header: printable ASCII only, on one line; give the value as it is sent",
            at + 1
        );
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(bytes: &[u8]) -> Result<Vec<u8>, String> {
        value(Zeroizing::new(bytes.to_vec())).map(|value| value.to_vec()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_line_break_of_an_editor_is_not_part_of_the_secret() {
        assert_eq!(outcome(b"Bearer abc\n").unwrap(), b"Bearer abc");
        assert_eq!(outcome(b"Bearer abc\r\n").unwrap(), b"Bearer abc");
        assert_eq!(outcome(b"Bearer abc").unwrap(), b"Bearer abc");
    }

    #[test]
    fn a_secret_that_would_begin_another_header_is_refused_and_not_shown() {
        for bytes in [&b"abc\nHost: evil"[..], b"abc\0", b"abc\n\n", b"\xff\xfe", b"a\tb"] {
            let error = outcome(bytes).unwrap_err();
            assert!(error.contains("can't stand in a header") && !error.contains("evil"), "{error}");
        }
    }

    #[test]
    fn nothing_is_no_secret() {
        assert!(outcome(b"").unwrap_err().contains("no secret"));
        assert!(outcome(b"\n").unwrap_err().contains("no secret"));
    }
}
