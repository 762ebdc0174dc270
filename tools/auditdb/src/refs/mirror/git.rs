//! git at a mirror: the one file of the mirror that starts a program, and bounds it in time and bytes.
//!
//! The server is nobody's friend: git checks each object, runs no hook and asks for no password.

use std::ffi::OsStr;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use rustix::io::Errno;
use rustix::process::{Pid, Resource, Rlimit, prlimit};

use super::folder::size;
use crate::child;

/// How long git's words may come after its end.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// The most bytes that one mirror takes on the disk. A fetch may write files of what is left of it.
const MOST: u64 = 2 << 30;
/// The most bytes of git's complaints that are kept.
const SAID: u64 = 400;
/// There is no hook, no redirect, no password, and no protocol but those that git is given. Each object is checked as
/// it comes, and nothing is collected.
const SETTINGS: [&str; 10] = [
    "core.askPass=/bin/false",
    "core.hooksPath=/dev/null",
    "credential.helper=",
    "fetch.fsckObjects=true",
    "fetch.unpackLimit=1",
    "gc.auto=0",
    "http.followRedirects=false",
    "maintenance.auto=false",
    "protocol.ext.allow=never",
    "remote.origin.tagOpt=--no-tags",
];

/// What git ended with: its exit status, and what it printed, or complained of where it failed.
pub(super) type Ended = (i32, String);

/// git, in the folder of a mirror and of one server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Git<'a> {
    pub(super) folder: &'a Path,
    pub(super) url: &'a str,
}

impl Git<'_> {
    /// Runs git for what writes, and takes no failure.
    ///
    /// # Errors
    /// If git is not there, the mirror is full, the time is over, or git fails.
    pub(super) fn must(&self, words: &[&str], timeout: Duration) -> Result<()> {
        match self.write(words, timeout)? {
            (0, _) => Ok(()),
            (status, said) => bail!("git {} ended with {status}: {}", words.first().unwrap_or(&""), said.trim()),
        }
    }

    /// As [`Git::run`], for what writes: no file longer than what is left of the mirror's room.
    pub(super) fn write(&self, words: &[&str], timeout: Duration) -> Result<Ended> {
        let room = MOST.saturating_sub(size(self.folder));
        ensure!(room > 0, "{}: it takes as much as it may; remove it, and it begins anew", self.folder.display());
        self.bounded(words, timeout, room)
    }

    /// Runs git in the mirror, and in no repository around it.
    pub(super) fn run(&self, words: &[&str], timeout: Duration) -> Result<Ended> {
        self.bounded(words, timeout, 0)
    }

    fn bounded(&self, words: &[&str], timeout: Duration, room: u64) -> Result<Ended> {
        ensure!(!timeout.is_zero(), "no time is left");
        let mut child = bounded(&mut self.command(words), room)?;
        let (output, complaint) = (child.stdout.take().map(beginning), child.stderr.take().map(beginning));
        let status = child::wait(&mut child, timeout);
        // Who left its group can hold the other end for ever.
        let read = |words: Option<Receiver<String>>| words.map(|words| words.recv_timeout(LAST_WORDS)).transpose();
        let (output, complaint) = (read(output), read(complaint));
        let status = status?.code().context("git was killed")?;
        let said = if status == 0 { output } else { complaint };
        Ok((status, said.context("git's words did not end with it")?.unwrap_or_default()))
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut git = Command::new("git");
        for setting in SETTINGS {
            git.args(["-c", setting]);
        }
        git.args(["-c", &format!("remote.origin.url={}", self.url)]).arg("--git-dir").arg(self.folder).args(words);
        // Nothing of a repository that we may have been called in.
        let own: Vec<_> = std::env::vars_os().map(|(name, _)| name).filter(|name| is_of_a_repository(name)).collect();
        own.iter().for_each(|name| {
            git.env_remove(name);
        });
        // A missing object is no reason to fetch the whole history of it.
        git.env("GIT_NO_LAZY_FETCH", "1").env("GIT_TERMINAL_PROMPT", "0").env("GIT_PROTOCOL_FROM_USER", "0");
        git.env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes -oControlMaster=no -oControlPath=none").env("LC_ALL", "C");
        git.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        git
    }
}

/// Does the variable say which repository is meant (git(1), "The Git Repository")?
fn is_of_a_repository(name: &OsStr) -> bool {
    let named = [
        "DIR",
        "WORK_TREE",
        "COMMON_DIR",
        "INDEX_FILE",
        "OBJECT_DIRECTORY",
        "ALTERNATE_OBJECT_DIRECTORIES",
        "NAMESPACE",
        "SHALLOW_FILE",
    ];
    name.to_str().and_then(|name| name.strip_prefix("GIT_")).is_some_and(|name| named.contains(&name))
}

/// Starts a child that can write no file longer than this, nor can what it starts.
fn bounded(git: &mut Command, room: u64) -> Result<Child> {
    let mut child = child::spawn(git).context("git, which a mirror needs")?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("git has no number")?;
    match prlimit(Some(pid), Resource::Fsize, Rlimit { current: Some(room), maximum: Some(room) }) {
        // One that has ended already writes nothing more.
        Ok(_) | Err(Errno::SRCH) => Ok(child),
        Err(error) => {
            child.kill()?;
            bail!("git could not be bounded: {error}")
        }
    }
}

/// The beginning of what comes; the rest is read too, so that its writer never waits.
fn beginning(mut stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut said = Vec::new();
        let _ = stream.by_ref().take(SAID).read_to_end(&mut said);
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
        let _ = sender.send(String::from_utf8_lossy(&said).into_owned());
    });
    receiver
}
