//! What names are made of. Many are also a file's name, a chain's or a container's. A byte more in one of them is a
//! path, a wildcard or an option somewhere else. So there is one way to ask, and a table of who takes what.

/// What one kind of name is made of. It begins with a letter or digit, so that none is an option or a path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Alphabet {
    /// Capital letters, too.
    capitals: bool,
    /// A digit may stand first.
    digit_first: bool,
    /// What may stand behind the first letter beside letters and digits.
    marks: &'static [u8],
    /// Its most bytes.
    longest: usize,
}

/// A bridge: the kernel's `IFNAMSIZ` less the NUL.
pub(crate) const BRIDGE: Alphabet = Alphabet { capitals: true, digit_first: true, marks: b"._-", longest: 15 };
/// A container: what Docker takes, and no longer than a label of the DNS (RFC 1035, 2.3.4).
pub(crate) const CONTAINER: Alphabet = Alphabet { capitals: true, digit_first: true, marks: b"_.-", longest: 63 };
/// A network of the policy, which ends up in names of chains and sets.
pub(crate) const NETWORK: Alphabet = Alphabet { capitals: false, digit_first: false, marks: b"-", longest: 31 };
/// A control of `sandboxctl audit`.
pub(crate) const CONTROL: Alphabet = Alphabet { capitals: false, digit_first: false, marks: b"-._", longest: 64 };
/// A key, which is a file in the gate's memory.
pub(crate) const KEY: Alphabet = Alphabet { capitals: false, digit_first: true, marks: b"-_", longest: 64 };
/// A header of HTTP, in small letters.
pub(crate) const HEADER: Alphabet = Alphabet { capitals: false, digit_first: false, marks: b"-", longest: 64 };
/// A provider of records, as `auditdb ingest --provider` takes it.
pub(crate) const PROVIDER: Alphabet = Alphabet { capitals: false, digit_first: false, marks: b"-", longest: 64 };

impl Alphabet {
    /// Whether the text is such a name: not empty, not too long, and of nothing else.
    pub(crate) fn allows(&self, text: &str) -> bool {
        let Some((first, rest)) = text.as_bytes().split_first() else { return false };
        self.letter(*first, self.digit_first)
            && rest.iter().all(|byte| self.letter(*byte, true) || self.marks.contains(byte))
            && text.len() <= self.longest
    }

    /// Whether it is longer than such a name may be.
    pub(crate) fn is_too_long(&self, text: &str) -> bool {
        text.len() > self.longest
    }

    fn letter(&self, byte: u8, digits: bool) -> bool {
        byte.is_ascii_lowercase() || (self.capitals && byte.is_ascii_uppercase()) || (digits && byte.is_ascii_digit())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_begins_plainly_and_has_the_marks_of_its_kind_alone() {
        for (alphabet, fits, others) in [
            (BRIDGE, ["br-cell", "0a", "Br_1.2"], ["-a", ".a", "a/b"]),
            (NETWORK, ["a", "cell-2", "x--"], ["1a", "A", "a_b"]),
            (CONTROL, ["cis-docker-5.12", "a_b", "a"], ["5.12", "aB", "a b"]),
            (KEY, ["github-token", "1_2", "a"], ["_a", "A", "a.b"]),
        ] {
            assert!(fits.iter().all(|name| alphabet.allows(name)), "{alphabet:?}");
            assert!(others.iter().chain(&["", "ä", "a\n"]).all(|name| !alphabet.allows(name)), "{alphabet:?}");
        }
    }

    #[test]
    fn a_name_has_its_longest_length_and_not_one_byte_more() {
        for alphabet in [BRIDGE, CONTAINER, NETWORK, CONTROL, KEY, HEADER, PROVIDER] {
            assert!(alphabet.allows(&"a".repeat(alphabet.longest)), "{alphabet:?}");
            let longer = "a".repeat(alphabet.longest + 1);
            assert!(!alphabet.allows(&longer) && alphabet.is_too_long(&longer), "{alphabet:?}");
        }
    }
}
