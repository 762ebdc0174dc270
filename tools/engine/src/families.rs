//! Which families of addresses this kernel has. One that was booted with `ipv6.disable=1` has no IPv6 at all. Docker
//! makes no network with it there, and no socket of it can be had. Only another boot brings it back. To turn it off by
//! `net.ipv6.conf.all.disable_ipv6` is another matter: that takes addresses away, and everything works as it did.

use std::path::Path;

/// What networks can be made of here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Families {
    /// The kernel has IPv4 and IPv6.
    Both,
    /// The kernel has IPv4 alone (`ipv6.disable=1`).
    V4,
}

impl Families {
    /// The families of this machine's kernel.
    #[must_use]
    pub fn here() -> Self {
        Self::of(Path::new("/proc"))
    }

    /// Those of the machine that this is the `/proc` of: IPv6 has settings wherever it works. Where IPv4 shows none
    /// either, these cannot be seen, and say nothing.
    #[must_use]
    pub fn of(proc: &Path) -> Self {
        let has = |family: &str| proc.join("sys/net").join(family).is_dir();
        if has("ipv4") && !has("ipv6") { Self::V4 } else { Self::Both }
    }

    /// Whether there is IPv6.
    #[must_use]
    pub fn has_v6(self) -> bool {
        self == Self::Both
    }

    /// One of each family that is there.
    #[must_use]
    pub fn each<T>(self, v4: T, v6: T) -> Vec<T> {
        if self.has_v6() { vec![v4, v6] } else { vec![v4] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::create_dir_all;

    #[test]
    fn a_kernel_without_ipv6_shows_no_settings_of_it_and_one_that_shows_nothing_says_nothing() {
        let proc = tempfile::tempdir().unwrap();
        assert_eq!(Families::of(proc.path()), Families::Both, "nothing can be seen");
        create_dir_all(proc.path().join("sys/net/ipv4")).unwrap();
        assert_eq!(Families::of(proc.path()), Families::V4);
        // disable_ipv6=1: no address has it, and yet it is there.
        create_dir_all(proc.path().join("sys/net/ipv6/conf/all")).unwrap();
        assert_eq!(Families::of(proc.path()), Families::Both);
    }

    #[test]
    fn this_machine_can_be_told() {
        let socket = std::net::UdpSocket::bind("[::]:0");
        assert_eq!(Families::here().has_v6(), !socket.is_err_and(|error| error.raw_os_error() == Some(97)));
    }
}
