//! Places outside the record that get each checkpoint too: a file, or a command's standard input.
//!
//! A command runs as a user that owns nothing, with no shell and an empty environment. It is root's word that makes it
//! run, so whoever else could write the policy or the program is refused.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::child;

/// The user and group of a command: nobody else on this machine has it (compose.yaml has the others).
const USER: u32 = 10_005;
/// How long a command may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A place that gets every checkpoint too, beside the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Anchor {
    /// A file that `verify` reads back.
    File(PathBuf),
    /// A program and its arguments, and the policy that names it.
    Command { words: Vec<String>, policy: PathBuf },
}

impl Anchor {
    /// The file or the program, as messages call it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Command { words, .. } => words.first().cloned().unwrap_or_default(),
        }
    }

    /// Hands checkpoints over.
    ///
    /// # Errors
    /// If they were not taken.
    pub(super) fn hand(&self, lines: &str) -> Result<()> {
        match self {
            Self::File(path) => {
                let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
                file.write_all(lines.as_bytes())?;
                Ok(file.sync_data()?)
            }
            Self::Command { words, policy } => {
                let (program, arguments) = words.split_first().context("the command is empty")?;
                let is_root = rustix::process::geteuid().is_root();
                ensure!(is_root, "only root can run a command as a user of its own; run auditdb as root");
                [policy.as_path(), Path::new(program)].into_iter().try_for_each(only_root_writes)?;
                feed(Command::new(program).args(arguments).uid(USER).gid(USER), lines)
            }
        }
    }
}

/// Is it root's, with all folders above, and writable by nobody else?
fn only_root_writes(path: &Path) -> Result<()> {
    let whole = path.canonicalize().with_context(|| format!("{}: cannot be looked at", path.display()))?;
    for part in whole.ancestors() {
        let found = fs::metadata(part).with_context(|| format!("{}: cannot be looked at", part.display()))?;
        let (owner, mode) = (found.uid(), found.mode() & 0o7777);
        ensure!(
            owner == 0 && mode & 0o022 == 0,
            "{}: others than root can write it (owner {owner}, mode {mode:04o}); `chown root` and `chmod go-w` it",
            part.display()
        );
    }
    Ok(())
}

fn feed(command: &mut Command, lines: &str) -> Result<()> {
    command.env_clear().current_dir("/").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = child::spawn(command)?;
    let (mut input, lines) = (child.stdin.take().context("it has no standard input")?, lines.to_owned());
    // On a thread of its own: one that does not read must not hold up who writes the record. It ends with the child.
    let fed = thread::spawn(move || input.write_all(lines.as_bytes()));
    let status = child::wait(&mut child, TIMEOUT);
    let fed = fed.join();
    ensure!(status?.success(), "it did not end well");
    ensure!(fed.is_ok_and(|fed| fed.is_ok()), "it did not read all of it");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_could_have_written_is_not_run() {
        assert!(only_root_writes(Path::new("/bin/sh")).is_ok());
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("anchor");
        fs::write(&file, "").unwrap();
        let said = only_root_writes(&file).unwrap_err().to_string();
        assert!(said.contains("/tmp: others than root"), "{said}");
        assert!(only_root_writes(Path::new("/no/such/program")).is_err());
    }

    #[test]
    fn a_command_gets_the_lines_and_nothing_else_and_one_that_fails_or_does_not_read_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        let script = format!("cat > {0}; env >> {0}", out.display());
        feed(Command::new("/bin/sh").args(["-c", &script]), "a line\n").unwrap();
        let got = fs::read_to_string(&out).unwrap();
        assert!(got.starts_with("a line\n") && !got.contains("HOME="), "{got}");
        assert!(feed(Command::new("/bin/sh").args(["-c", "exit 3"]), "a line\n").is_err());
        assert!(feed(&mut Command::new("/bin/true"), &"x".repeat(1 << 20)).is_err());
    }
}
