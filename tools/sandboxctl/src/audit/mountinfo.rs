//! The kernel's list of mounts, `/proc/PID/mountinfo` (proc(5)), and where on this host a mount of a
//! container's comes from. Pure: what was read is handed in.

use std::path::{Path, PathBuf};

/// One line of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KernelMount {
    /// `major:minor` of the file system.
    pub(crate) device: String,
    /// Which part of the file system is mounted.
    pub(crate) root: PathBuf,
    /// Where.
    pub(crate) target: PathBuf,
    /// Of this mount: `rw`, `nosuid`, `nodev`, …
    pub(crate) options: Vec<String>,
    /// `ext4`, `tmpfs`, `overlay`, …
    pub(crate) kind: String,
}

impl KernelMount {
    /// Has it this option?
    pub(crate) fn has(&self, option: &str) -> bool {
        self.options.iter().any(|it| it == option)
    }
}

/// All lines that are one. A line that is none is left out: the kernel writes none such.
pub(crate) fn parse(text: &str) -> Vec<KernelMount> {
    text.lines().filter_map(line).collect()
}

fn line(line: &str) -> Option<KernelMount> {
    let (head, tail) = line.split_once(" - ")?;
    let mut fields = head.split(' ').skip(2);
    let (device, root, target, options) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    Some(KernelMount {
        device: device.to_owned(),
        root: PathBuf::from(plain(root)),
        target: PathBuf::from(plain(target)),
        options: options.split(',').map(str::to_owned).collect(),
        kind: tail.split(' ').next()?.to_owned(),
    })
}

/// Space, tab, line break and backslash stand as `\\` and three octal digits.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, escaped) = rest.split_at(at);
        out.push_str(before);
        match escaped.get(1..4).and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                out.push(char::from(byte));
                rest = escaped.get(4..).unwrap_or_default();
            }
            None => {
                out.push('\\');
                rest = escaped.get(1..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    out
}

/// Where on this host the same part of the same file system can be seen, the oldest mount first. A path that another
/// mount hides is none of them: what is there now is something else.
pub(crate) fn places(mount: &KernelMount, host: &[KernelMount]) -> Vec<PathBuf> {
    let same = host.iter().enumerate().filter(|(_, here)| here.device == mount.device);
    same.filter_map(|(number, here)| {
        let path = below(&here.target, mount.root.strip_prefix(&here.root).ok()?);
        (covering(&path, host) == Some(number)).then_some(path)
    })
    .collect()
}

/// Is its file system one of this host's, hidden or not?
pub(crate) fn is_of_host(mount: &KernelMount, host: &[KernelMount]) -> bool {
    host.iter().any(|here| here.device == mount.device && mount.root.starts_with(&here.root))
}

fn below(target: &Path, rest: &Path) -> PathBuf {
    if rest.as_os_str().is_empty() { target.to_owned() } else { target.join(rest) }
}

/// The mount that a path is on: the longest target above it, the latest of those on one place.
fn covering(path: &Path, host: &[KernelMount]) -> Option<usize> {
    let above = host.iter().enumerate().filter(|(_, mount)| path.starts_with(&mount.target));
    above.max_by_key(|(number, mount)| (mount.target.as_os_str().len(), *number)).map(|(number, _)| number)
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
        places(mount, &parse(HOST)).into_iter().map(|path| path.display().to_string()).collect()
    }

    #[test]
    fn a_line_is_taken_apart_with_its_escapes() {
        let mount =
            &parse("36 35 98:0 /my\\040dir /mnt\\134x rw,noatime master:1 - ext3 /dev/root rw,errors=continue")[0];
        assert_eq!((mount.root.to_str(), mount.target.to_str()), (Some("/my dir"), Some("/mnt\\x")));
        assert!(mount.device == "98:0" && mount.kind == "ext3" && mount.has("noatime") && !mount.has("ro"));
        assert!(parse("no mount at all\n36 35\n\n").is_empty());
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
        assert!(is_of_host(&parse(hidden)[0], &parse(HOST)));
        assert!(!is_of_host(&parse("1 2 0:99 / /tmp rw - tmpfs x rw")[0], &parse(HOST)));
    }
}
