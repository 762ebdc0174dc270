//! The kernel's list of mounts, `/proc/PID/mountinfo` (proc(5)). Pure: what was read is handed in.

use std::path::{Path, PathBuf};

/// One line of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelMount {
    /// `major:minor` of the file system.
    pub device: String,
    /// Which part of the file system is mounted.
    pub root: PathBuf,
    /// The folder or file that it is mounted on.
    pub target: PathBuf,
    /// Of this mount: `rw`, `nosuid`, `nodev`, …
    pub options: Vec<String>,
    /// `ext4`, `tmpfs`, `overlay`, …
    pub kind: String,
}

impl KernelMount {
    /// Has it this option?
    #[must_use]
    pub fn has(&self, option: &str) -> bool {
        self.options.iter().any(|it| it == option)
    }
}

/// The mount at this place, the one on top.
#[must_use]
pub fn at<'a>(mounts: &'a [KernelMount], target: &str) -> Option<&'a KernelMount> {
    mounts.iter().rev().find(|mount| mount.target == Path::new(target))
}

/// All lines that are one. A line that is none is left out: the kernel writes none such.
#[must_use]
pub fn parse(text: &str) -> Vec<KernelMount> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_apart_with_its_escapes() {
        let mount =
            &parse("36 35 98:0 /my\\040dir /mnt\\134x rw,noatime master:1 - ext3 /dev/root rw,errors=continue")[0];
        assert_eq!((mount.root.to_str(), mount.target.to_str()), (Some("/my dir"), Some("/mnt\\x")));
        assert!(mount.device == "98:0" && mount.kind == "ext3" && mount.has("noatime") && !mount.has("ro"));
        assert!(parse("no mount at all\n36 35\n\n").is_empty());
    }
}
