//! This host's mounts, and where on it a mount of a container's comes from. Pure: what was read is handed in.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use engine::mountinfo::{KernelMount, parse};

/// The mounts of this host, each found by its device and by its place: every mount of every container is looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Table {
    mounts: Vec<KernelMount>,
    /// The mounts of a device, the oldest first.
    of_device: HashMap<String, Vec<usize>>,
    /// The latest at a place: it hides the others.
    on_top: HashMap<PathBuf, usize>,
    /// The lines of control groups, as they are.
    groups: String,
}

impl Table {
    /// From the text of `mountinfo`.
    pub(crate) fn of(text: &str) -> Self {
        let mounts = parse(text);
        let mut table = Self { groups: groups(text), ..Self::default() };
        for (number, mount) in mounts.iter().enumerate() {
            table.of_device.entry(mount.device.clone()).or_default().push(number);
            table.on_top.insert(mount.target.clone(), number);
        }
        Self { mounts, ..table }
    }

    /// The lines of `mountinfo` that are of control groups.
    pub(crate) fn groups(&self) -> &str {
        &self.groups
    }

    /// Where on this host the same part of the same file system can be seen, the oldest mount first. A path that
    /// another mount hides is none of them: what is there now is something else.
    pub(crate) fn places(&self, mount: &KernelMount) -> Vec<PathBuf> {
        let same = self.same(mount).filter_map(|(number, here)| {
            let path = below(&here.target, mount.root.strip_prefix(&here.root).ok()?);
            (self.covering(&path) == Some(number)).then_some(path)
        });
        same.collect()
    }

    /// Is its file system one of this host's, hidden or not?
    pub(crate) fn has(&self, mount: &KernelMount) -> bool {
        self.same(mount).any(|(_, here)| mount.root.starts_with(&here.root))
    }

    /// The mounts of the same file system.
    fn same(&self, mount: &KernelMount) -> impl Iterator<Item = (usize, &KernelMount)> {
        let numbers = self.of_device.get(&mount.device).into_iter().flatten();
        numbers.filter_map(|number| Some((*number, self.mounts.get(*number)?)))
    }

    /// The mount that a path is on: the longest target above it, the latest of those on one place.
    fn covering(&self, path: &Path) -> Option<usize> {
        path.ancestors().find_map(|above| self.on_top.get(above).copied())
    }
}

fn below(target: &Path, rest: &Path) -> PathBuf {
    if rest.as_os_str().is_empty() { target.to_owned() } else { target.join(rest) }
}

fn groups(text: &str) -> String {
    let is_group = |line: &&str| line.contains(" - cgroup ") || line.contains(" - cgroup2 ");
    text.lines().filter(is_group).flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "\
21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
22 21 0:20 / /run rw,nosuid,nodev shared:2 - tmpfs tmpfs rw
23 21 0:20 / /var/lib/docker/volumes/v/_data rw,relatime - tmpfs tmpfs rw
24 21 7:0 / /srv/sandbox_data/share rw,nosuid,nodev,relatime - ext4 /dev/loop0 rw
";

    fn of(line: &str) -> Vec<String> {
        let mount = &parse(line)[0];
        Table::of(HOST).places(mount).into_iter().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn a_mount_is_found_by_device_and_root_whatever_it_is_called() {
        assert_eq!(of("1 2 254:0 /etc /conf rw - ext4 x rw"), ["/etc"]);
        assert_eq!(of("1 2 7:0 /sandbox /sandbox rw - ext4 x rw"), ["/srv/sandbox_data/share/sandbox"]);
        assert_eq!(of("1 2 0:99 / /tmp rw - tmpfs x rw"), [] as [&str; 0], "its own memory");
    }

    #[test]
    fn a_volume_that_is_the_host_s_run_folder_has_two_places_and_the_first_is_the_folder() {
        assert_eq!(of("1 2 0:20 / /data rw - tmpfs x rw"), ["/run", "/var/lib/docker/volumes/v/_data"]);
    }

    #[test]
    fn what_another_mount_hides_is_not_what_stands_there_now() {
        let hidden = "1 2 254:0 /srv/sandbox_data/share/sandbox /sandbox rw - ext4 x rw";
        assert_eq!(of(hidden), [] as [&str; 0]);
        assert!(Table::of(HOST).has(&parse(hidden)[0]));
        assert!(!Table::of(HOST).has(&parse("1 2 0:99 / /tmp rw - tmpfs x rw")[0]));
    }

    #[test]
    fn of_several_mounts_on_one_place_the_latest_is_there() {
        let host = "1 0 8:1 / / rw - ext4 a rw\n2 1 0:5 / /mnt rw - tmpfs b rw\n3 2 0:6 / /mnt rw - tmpfs c rw\n";
        let at = |line: &str| Table::of(host).places(&parse(line)[0]);
        assert_eq!(at("9 9 0:6 /x /x rw - tmpfs c rw"), [Path::new("/mnt/x")]);
        assert_eq!(at("9 9 0:5 /x /x rw - tmpfs b rw"), [] as [&Path; 0]);
        assert_eq!(at("9 9 8:1 /mnt/x /x rw - ext4 a rw"), [] as [&Path; 0]);
        assert_eq!(at("9 9 8:1 /mntx /x rw - ext4 a rw"), [Path::new("/mntx")]);
    }

    #[test]
    fn the_lines_of_control_groups_are_kept_and_no_other() {
        let (first, second) = ("33 30 0:28 / /g rw - cgroup cgroup rw,cpu", "34 30 0:9 / /u rw - cgroup2 cgroup2 rw");
        assert_eq!(Table::of(&format!("{HOST}{first}\n{second}\n")).groups(), format!("{first}\n{second}\n"));
    }
}
