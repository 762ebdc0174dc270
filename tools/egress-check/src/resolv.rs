//! A `resolv.conf`: which resolvers a place asks. In a container the prisoner may have written it.

use std::io::Read;
use std::net::IpAddr;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};

/// Resolvers beyond the third are never asked: resolv.conf(5), `MAXNS`.
const MAX_RESOLVERS: usize = 3;
/// What is read of the file; a real one has a few lines.
const MOST: u64 = 64 * 1024;

/// The resolvers in `/etc/resolv.conf` of a file tree; none where it cannot be read.
///
/// The tree may be the prisoner's: the path is walked inside it (openat2(2)), nothing is opened that
/// could block or be a device, and only the start is read.
pub(crate) fn in_tree(tree: &OwnedFd) -> Vec<IpAddr> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let Ok(file) = openat2(tree, "etc/resolv.conf", flags, Mode::empty(), resolve) else { return Vec::new() };
    let file = std::fs::File::from(file);
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Vec::new();
    }
    let mut bytes = Vec::new();
    match file.take(MOST).read_to_end(&mut bytes) {
        Ok(_) => resolvers(&String::from_utf8_lossy(&bytes)),
        Err(_) => Vec::new(),
    }
}

/// The `nameserver` lines, resolv.conf(5). An address with a scope is passed over.
fn resolvers(text: &str) -> Vec<IpAddr> {
    let named = text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        (words.next() == Some("nameserver")).then(|| words.next()).flatten()
    });
    named.filter_map(|word| word.parse().ok()).take(MAX_RESOLVERS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tree(folder: &std::path::Path) -> OwnedFd {
        rustix::fs::open(folder, OFlags::PATH | OFlags::DIRECTORY, Mode::empty()).unwrap()
    }

    #[test]
    fn the_first_three_nameservers_count() {
        let text = "# x\nnameserver 127.0.0.11\noptions ndots:0\nnameserver fe80::1%eth0\nnameserver ::1\n\
                    nameserver 1.1.1.1 # y\nnameserver 9.9.9.9\n";
        let expected: Vec<IpAddr> = ["127.0.0.11", "::1", "1.1.1.1"].map(|ip| ip.parse().unwrap()).into();
        assert_eq!(resolvers(text), expected);
    }

    #[test]
    fn a_link_out_of_the_tree_leads_nowhere_and_a_fifo_does_not_block() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("etc")).unwrap();
        let conf = folder.path().join("etc/resolv.conf");
        std::os::unix::fs::symlink("/../../../../../../../../etc/resolv.conf", &conf).unwrap();
        assert!(in_tree(&tree(folder.path())).is_empty(), "the link stays inside the tree, where it leads to itself");
        std::fs::remove_file(&conf).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, &conf, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        assert!(in_tree(&tree(folder.path())).is_empty());
        std::fs::remove_file(&conf).unwrap();
        std::fs::write(&conf, "nameserver 9.9.9.9\n").unwrap();
        assert_eq!(in_tree(&tree(folder.path())), ["9.9.9.9".parse::<IpAddr>().unwrap()]);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,200}") {
            prop_assert!(resolvers(&text).len() <= MAX_RESOLVERS);
        }
    }
}
