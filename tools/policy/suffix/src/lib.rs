//! The public suffix list (publicsuffix.org), behind one function without type parameters.
//!
//! The list is 10,000 generic functions, which whoever calls them compiles again. That was 15 of the 30 seconds that
//! the crate `policy` took, and the same for its tests. Here they are compiled once.

/// The part of a name that one owner registered, `example.co.uk` of `a.example.co.uk`; nothing for a suffix itself.
#[inline(never)]
#[must_use]
pub fn registrable(name: &str) -> Option<&str> {
    psl::domain_str(name)
}

#[cfg(test)]
mod tests {
    use super::registrable;

    #[test]
    fn a_suffix_has_no_owner_and_a_name_below_it_has_one() {
        assert_eq!(registrable("a.example.co.uk"), Some("example.co.uk"));
        assert_eq!((registrable("co.uk"), registrable("com")), (None, None));
    }
}
