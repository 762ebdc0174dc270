//! Where things are mounted in a file tree, `proc_pid_mountinfo(5)`. Who owns the tree may move a folder away
//! with all that is mounted in it; this table still says where that is now.

use std::io::Read;
use std::os::fd::OwnedFd;

use engine::mountinfo;
use rustix::fs::{Mode, OFlags, openat};

/// What is read of the table, and the longest that is gone through: a container has some dozens.
const MOST: u64 = 1024 * 1024;
const ENTRIES: usize = 4096;

/// The mount points of the process behind a folder of `/proc`, as it sees them; none where it has gone.
pub(crate) fn of(process: &OwnedFd) -> Vec<String> {
    let Ok(file) = openat(process, "mountinfo", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) else {
        return Vec::new();
    };
    let mut table = Vec::new();
    match std::fs::File::from(file).take(MOST).read_to_end(&mut table) {
        Ok(_) => read(&String::from_utf8_lossy(&table)),
        Err(_) => Vec::new(),
    }
}

fn read(table: &str) -> Vec<String> {
    let points = mountinfo::parse(table).into_iter().map(|mount| mount.target.to_string_lossy().into_owned());
    points.take(ENTRIES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_mount_points_are_read_and_unescaped() {
        let table = "22 1 0:20 / / rw - overlay overlay rw\n\
                     30 22 0:24 /docker.sock /x\\040y/docker.sock rw - tmpfs tmpfs rw\nx y\n";
        assert_eq!(read(table), ["/", "/x y/docker.sock"]);
    }

    proptest! {
        #[test]
        fn no_table_makes_it_panic(table in "\\PC{0,300}") {
            let _ = read(&table);
        }
    }
}
