//! A container's first process, as the kernel tells of it: below its folder in `/proc`, which is held open. So a number
//! that is used again is never taken for the process that had it.

use std::collections::BTreeSet;
use std::io::Read;
use std::os::fd::AsRawFd;

use anyhow::{Context, Result, bail, ensure};
use rustix::fd::OwnedFd;
use rustix::fs::{
    CWD, Dir, FileType, FsWord, Mode, OFlags, PROC_SUPER_MAGIC, ResolveFlags, fstat, fstatfs, openat, openat2,
    readlinkat,
};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The most of one file that is read, in bytes. A container with more mounts than fit is not looked at half.
const LARGEST: u64 = 8 << 20;

/// The most descriptors of one process that are looked at.
const DESCRIPTORS: usize = 4096;

/// How a folder is held open.
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Raises the soft limit on open files as far as it may go: a descriptor is held for each process that is looked at.
pub fn raise_descriptors() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Refused only where the limit is as high already.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// A process by its folder in `/proc`, held open: all that is read later is of the same process.
#[derive(Debug)]
pub struct Process {
    folder: OwnedFd,
    pid: i64,
}

impl Process {
    /// The process of this number, if it is one of the container with this id: its control group is named after it
    /// (cgroups(7)).
    ///
    /// # Errors
    /// If there is none, it may not be looked at, or it is another's.
    pub fn of(container: &str, pid: i64) -> Result<Self> {
        ensure!(pid > 0 && container.len() >= 12, "the engine told no process");
        let process = Self::open(pid)?;
        if !process.read("cgroup")?.contains(container) {
            bail!("process {pid} is not in the container's control group: it ended, or its number is another's now");
        }
        Ok(process)
    }

    /// Whoever has this number now.
    pub(crate) fn open(pid: i64) -> Result<Self> {
        let folder = openat(CWD, format!("/proc/{pid}"), FOLDER, Mode::empty());
        Ok(Self { folder: folder.with_context(|| format!("process {pid} is gone"))?, pid })
    }

    /// Its number on this host.
    #[must_use]
    pub fn pid(&self) -> i64 {
        self.pid
    }

    /// The `status` of each of its threads: privileges belong to threads, and the first one may have ended.
    ///
    /// # Errors
    /// If the process is gone. A thread that ends meanwhile is none.
    pub fn threads(&self) -> Result<Vec<String>> {
        let told = || format!("/proc/{}/task", self.pid);
        let tasks = openat(&self.folder, "task", FOLDER, Mode::empty()).with_context(told)?;
        let names = Dir::read_from(&tasks).with_context(told)?.flatten().map(|entry| entry.file_name().to_owned());
        let numbers =
            names.filter_map(|name| name.into_string().ok()).filter(|name| name.bytes().all(|it| it.is_ascii_digit()));
        Ok(numbers.filter_map(|number| self.read(&format!("task/{number}/status")).ok()).collect())
    }

    /// What it calls itself, and the file that it was started from, without its folder. Both are its owner's own
    /// choice; who may not look at the file has the first one only.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let own = self.read("comm").map(|name| name.trim_end().to_owned());
        let file = self.executable().and_then(|link| {
            let file = link.strip_suffix(" (deleted)").unwrap_or(&link);
            file.rsplit('/').next().map(str::to_owned)
        });
        own.into_iter().chain(file).collect()
    }

    /// The name of its namespace of a kind: `pid:[4026531836]` (namespaces(7)).
    pub(crate) fn namespace(&self, kind: &str) -> Result<String> {
        let link = readlinkat(&self.folder, format!("ns/{kind}"), Vec::new());
        let link = link.with_context(|| format!("/proc/{}/ns/{kind}", self.pid))?;
        Ok(link.to_string_lossy().into_owned())
    }

    /// Its namespace of a kind, held, to be entered.
    pub(crate) fn space(&self, kind: &str) -> Result<OwnedFd> {
        let opened = openat(&self.folder, format!("ns/{kind}"), OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
        opened.with_context(|| format!("/proc/{}/ns/{kind}", self.pid))
    }

    /// The path of its program, as the kernel has it; nothing where it is gone or has none.
    #[must_use]
    pub fn executable(&self) -> Option<String> {
        self.link("exe")
    }

    /// The paths of what it holds open, each once; what has none, such as a socket, is left out. Second: was all looked
    /// at? A process can hold more than anybody wants to read.
    #[must_use]
    pub fn open_files(&self) -> (BTreeSet<String>, bool) {
        let Ok(folder) = openat(&self.folder, "fd", FOLDER, Mode::empty()) else { return (BTreeSet::new(), false) };
        let Ok(entries) = Dir::read_from(&folder) else { return (BTreeSet::new(), false) };
        let names = entries.flatten().filter_map(|entry| entry.file_name().to_str().ok().map(str::to_owned));
        let mut numbers = names.filter(|name| name.bytes().all(|it| it.is_ascii_digit()));
        let links = numbers.by_ref().take(DESCRIPTORS).filter_map(|number| self.link(&format!("fd/{number}")));
        let paths = links.filter(|link| link.starts_with('/')).collect();
        (paths, numbers.next().is_none())
    }

    /// A regular file as the process would find it. No link of its own leads out of its root, and none of the kernel's
    /// is followed. The file is looked at before it is opened, for to open a pipe or a device does something.
    ///
    /// # Errors
    /// If it is not there, is no regular file, or its last part is a link.
    pub fn file(&self, path: &str) -> Result<std::fs::File> {
        let told = || format!("{path} in process {}", self.pid);
        let root = openat(&self.folder, "root", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
        let root = root.with_context(told)?;
        regular(&root, path, ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS).with_context(told)
    }

    fn link(&self, name: &str) -> Option<String> {
        let link = readlinkat(&self.folder, name, Vec::new()).ok()?;
        Some(link.to_string_lossy().into_owned())
    }

    /// One of its files, `mountinfo` or `status` for one. What is no UTF-8 in it becomes U+FFFD.
    ///
    /// # Errors
    /// If it cannot be read, or is longer than 8 MiB.
    pub fn read(&self, file: &str) -> Result<String> {
        let told = || format!("/proc/{}/{file}", self.pid);
        let opened = openat(&self.folder, file, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).with_context(told)?;
        // The kernel makes the text anew for each read: most fit into one.
        let mut bytes = Vec::with_capacity(4096);
        std::fs::File::from(opened).take(LARGEST + 1).read_to_end(&mut bytes).with_context(told)?;
        ensure!(bytes.len() as u64 <= LARGEST, "{}: longer than {LARGEST} bytes", told());
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// The numbers of all processes of this host (proc(5)).
///
/// # Errors
/// If `/proc` cannot be read to its end: whoever is left out could be the one that matters.
pub(crate) fn numbers() -> Result<Vec<i64>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir("/proc").context("/proc cannot be read")? {
        numbers.extend(entry?.file_name().to_str().and_then(|name| name.parse::<i64>().ok()));
    }
    Ok(numbers)
}

/// A regular file of this host's, by a path without a link in it. What it is, is known before it is opened.
///
/// # Errors
/// If it is not there, a link is in its path, or it is no regular file.
pub fn plain_file(path: &std::path::Path) -> Result<std::fs::File> {
    let root = openat(CWD, "/", OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let below = path.strip_prefix("/").context("it is no absolute path")?;
    regular(&root, below, ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS)
}

/// File systems whose files the kernel makes up as they are read: procfs, sysfs, tracefs and debugfs (`linux/magic.h`).
/// A line of tracefs' `trace_pipe` is given once.
const KERNEL_S: [FsWord; 4] = [PROC_SUPER_MAGIC, 0x6265_6572, 0x7472_6163, 0x6462_6720];

/// What is there is a folder, a socket, a device, or a link.
#[derive(Debug)]
struct NoFile;

impl std::fmt::Display for NoFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("it is no regular file")
    }
}

impl std::error::Error for NoFile {}

/// Was a file not opened because it is none, and for no other reason?
#[must_use]
pub fn is_no_file(error: &anyhow::Error) -> bool {
    error.downcast_ref::<NoFile>().is_some()
}

fn regular(root: &OwnedFd, path: impl rustix::path::Arg, how: ResolveFlags) -> Result<std::fs::File> {
    let held = openat2(root, path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty(), how)?;
    let kind = FileType::from_raw_mode(fstat(&held)?.st_mode);
    ensure!(kind.is_file(), NoFile);
    let system = fstatfs(&held)?.f_type;
    ensure!(!KERNEL_S.contains(&system), "it is one of the kernel's own, of which to read may take something away");
    // Ours to follow: it leads to what is held, and nowhere else.
    let own = format!("/proc/self/fd/{}", held.as_raw_fd());
    let opened = openat(CWD, own, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC, Mode::empty())?;
    Ok(opened.into())
}

/// Did it end while it was looked at, or is it out of our reach? Whoever may look at the container's first process may
/// look at all that are in there. Whom he may not look at is in a user namespace above. Any other error hides a process
/// that runs.
pub(crate) fn is_none_of_it(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::raw_os_error);
    let number = error.downcast_ref().copied().or(io.map(Errno::from_raw_os_error));
    matches!(number, Some(Errno::NOENT | Errno::SRCH | Errno::ACCESS | Errno::PERM))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_tells_its_program_and_what_it_holds_open() {
        let held = tempfile::NamedTempFile::new().unwrap();
        let own = Process::open(std::process::id().into()).unwrap();
        assert_eq!(own.executable(), std::env::current_exe().unwrap().to_str().map(str::to_owned));
        let (paths, all) = own.open_files();
        assert!(all && paths.contains(held.path().to_str().unwrap()), "{paths:?}");
    }

    #[test]
    fn only_a_regular_file_that_no_link_leads_to_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        std::fs::write(path.join("file"), "text").unwrap();
        std::os::unix::fs::symlink("file", path.join("link")).unwrap();
        std::os::unix::fs::symlink(&path, path.join("self")).unwrap();
        rustix::fs::mknodat(CWD, path.join("pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        let own = Process::open(std::process::id().into()).unwrap();
        for (name, is) in [("file", true), ("link", false), ("pipe", false), ("none", false), ("../../etc", false)] {
            assert_eq!(plain_file(&path.join(name)).is_ok(), is, "{name}");
            assert_eq!(own.file(path.join(name).to_str().unwrap()).is_ok(), is, "{name}");
        }
        assert!(plain_file(&path.join("self/file")).is_err() && own.file("/proc/self/root/etc/passwd").is_err());
        assert!(plain_file(std::path::Path::new("etc/passwd")).is_err());
        let told = |path: &str| own.file(path).map(drop).unwrap_err();
        assert!(is_no_file(&told("/proc")) && is_no_file(&told("/dev/null")) && !is_no_file(&told("/none")));
        // To read one of the kernel's own may take something away: trace_pipe's lines are given once.
        let kernel_s = format!("/proc/{}/status", std::process::id());
        for file in [kernel_s.as_str(), "/sys/kernel/notes", "/sys/kernel/tracing/trace_pipe"] {
            assert!(plain_file(std::path::Path::new(file)).is_err() && own.file(file).is_err(), "{file}");
        }
    }

    #[test]
    fn a_process_of_nobody_s_container_is_refused() {
        let own = i64::from(std::process::id());
        let error = Process::of("0123456789abcdef0123456789abcdef", own).unwrap_err();
        assert!(format!("{error:#}").contains("control group"), "{error:#}");
        assert!(Process::of("0123456789abcdef", 0).is_err());
        assert!(Process::of("", own).is_err(), "an empty id is in every name");
    }
}
