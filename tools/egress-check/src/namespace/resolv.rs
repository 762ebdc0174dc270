//! A `resolv.conf`: which resolvers a place asks. In a container the prisoner may have written it.

use std::io::Read;
use std::net::IpAddr;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;

/// Resolvers beyond the third are never asked: resolv.conf(5), `MAXNS`.
const MAX_RESOLVERS: usize = 3;
/// What is read of the file; a real one has a few lines.
const MOST: u64 = 64 * 1024;

/// The resolvers of a place, or why they are not known.
pub(crate) type Resolvers = Result<Vec<IpAddr>, String>;

/// The resolvers in `/etc/resolv.conf` of a file tree; none where there is no such file.
///
/// The tree may be the prisoner's: the path is walked inside it (openat2(2)). Nothing is opened that could block or be
/// a device, and only the start is read.
///
/// # Errors
/// If it is there and cannot be read, or is longer than what is read: who wrote it may hide a resolver so.
pub(crate) fn in_tree(tree: &OwnedFd) -> Resolvers {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let file = match openat2(tree, "etc/resolv.conf", flags, Mode::empty(), resolve) {
        Ok(file) => std::fs::File::from(file),
        Err(Errno::NOENT) => return Ok(Vec::new()),
        Err(error) => return Err(error.to_string()),
    };
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return Err("it is no regular file".to_owned());
    }
    let mut bytes = Vec::new();
    match file.take(MOST + 1).read_to_end(&mut bytes) {
        Ok(read) if read as u64 > MOST => Err(format!("it has more than {MOST} bytes")),
        Ok(_) => Ok(resolvers(&String::from_utf8_lossy(&bytes))),
        Err(error) => Err(error.to_string()),
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
    fn what_cannot_be_read_is_told_apart_from_what_is_not_there_and_a_fifo_does_not_block() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(in_tree(&tree(folder.path())), Ok(Vec::new()), "no such file names nobody");
        std::fs::create_dir(folder.path().join("etc")).unwrap();
        let conf = folder.path().join("etc/resolv.conf");
        std::os::unix::fs::symlink("/../../../../../../../../etc/resolv.conf", &conf).unwrap();
        assert!(in_tree(&tree(folder.path())).is_err(), "the link stays inside the tree, where it leads to itself");
        std::fs::remove_file(&conf).unwrap();
        rustix::fs::mknodat(rustix::fs::CWD, &conf, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        assert!(in_tree(&tree(folder.path())).unwrap_err().contains("no regular file"));
        std::fs::remove_file(&conf).unwrap();
        std::fs::write(&conf, "nameserver 9.9.9.9\n").unwrap();
        assert_eq!(in_tree(&tree(folder.path())), Ok(vec!["9.9.9.9".parse::<IpAddr>().unwrap()]));
        std::fs::write(&conf, ["#".repeat(10_000_000), "nameserver 9.9.9.9".into()].join("\n")).unwrap();
        assert!(in_tree(&tree(folder.path())).unwrap_err().contains("more than"), "one that is hidden far down");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,200}") {
            prop_assert!(resolvers(&text).len() <= MAX_RESOLVERS);
        }
    }
}
