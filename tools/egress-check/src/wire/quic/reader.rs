//! Reads a packet front to back, and never past its end.

/// What is left of the bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    /// Takes so many bytes from the front; `None` when fewer are left.
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// Takes one byte from the front; `None` at the end.
    pub(super) fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    /// A connection id behind its length of one byte.
    pub(super) fn id(&mut self) -> Option<&'a [u8]> {
        let length = self.byte()?;
        self.take(usize::from(length))
    }

    /// A variable-length integer (RFC 9000 section 16): the first two bits say how many bytes it has.
    pub(super) fn varint(&mut self) -> Option<u64> {
        let first = self.byte()?;
        let more = (1usize << (first >> 6)) - 1;
        let start = u64::from(first & 0x3f);
        Some(self.take(more)?.iter().fold(start, |value, byte| value << 8 | u64::from(*byte)))
    }

    /// Bytes behind their length.
    pub(super) fn sized(&mut self) -> Option<&'a [u8]> {
        let length = self.varint()?;
        self.take(usize::try_from(length).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length_are_read_as_rfc_9000_writes_them() {
        // The samples of its appendix A.1.
        let samples: [(&[u8], u64); 4] = [
            (&[0x25], 37),
            (&[0x7b, 0xbd], 15_293),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c], 151_288_809_941_952_652),
        ];
        for (bytes, value) in samples {
            assert_eq!(Reader(bytes).varint(), Some(value));
            assert_eq!(Reader(bytes.split_last().unwrap().1).varint(), None, "cut short");
        }
        assert_eq!(Reader(&[3, 1, 2]).sized(), None);
    }
}
