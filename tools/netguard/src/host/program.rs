//! The programs that this tool runs: found on the path, spoken to with no shell between, and held to
//! what they print and complain about.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};

use anyhow::{Context, Result, ensure};

/// The most that is read of what a program prints, in bytes: a listing of four million ranges.
const MOST_OUTPUT: u64 = 512 << 20;
/// The most that is kept of what a program complains about, in bytes.
const MOST_COMPLAINT: u64 = 2000;
/// The most that is repeated of it, in characters.
const REPEATED: usize = 300;

/// A program of the host, by its path.
#[derive(Debug)]
pub(crate) struct Program {
    name: &'static str,
    path: PathBuf,
}

/// A program ended with a complaint.
#[derive(Debug)]
pub(crate) struct Refused {
    message: String,
    /// What it said, in the words of the C locale.
    pub(crate) complaint: String,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refused {}

impl Program {
    /// Finds a program on the path, or where Debian keeps those of the administrator.
    ///
    /// # Errors
    /// If it is not there, with the package that has it.
    pub(crate) fn find(name: &'static str, package: &str) -> Result<Self> {
        let sbin = std::env::join_paths(
            std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
                .chain(["/usr/sbin".into(), "/sbin".into()]),
        )?;
        let path = which::which_in(name, Some(sbin), "/")
            .with_context(|| format!("{name} is not installed; install {package} (apt-get install {package})"))?;
        Ok(Self { name, path })
    }

    /// Runs it with this input, and returns what it printed.
    ///
    /// # Errors
    /// [`Refused`] if it ended with a complaint; or if it could not be run or printed more than 512 MiB.
    pub(crate) fn run(&self, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>> {
        let mut child = Command::new(&self.path)
            .args(arguments)
            .env_clear()
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} did not start", self.path.display()))?;
        let (output, complaint) = self.converse(&mut child, input)?;
        let status = child.wait().with_context(|| format!("{} was lost", self.name))?;
        if !status.success() {
            let complaint = String::from_utf8_lossy(&complaint).into_owned();
            return Err(Refused { message: self.explain(&complaint, status), complaint }.into());
        }
        let short = u64::try_from(output.len()).is_ok_and(|length| length < MOST_OUTPUT);
        ensure!(short, "{} printed more than {MOST_OUTPUT} bytes", self.name);
        Ok(output)
    }

    /// Writes, and reads both outputs, at the same time: neither side may wait for the other.
    fn converse(&self, child: &mut Child, input: &[u8]) -> Result<(Vec<u8>, Vec<u8>)> {
        let pipe = |what| move || format!("{} has no {what}", self.name);
        let mut stdin = child.stdin.take().with_context(pipe("input"))?;
        let stdout = child.stdout.take().with_context(pipe("output"))?;
        let mut stderr = child.stderr.take().with_context(pipe("errors"))?;
        std::thread::scope(|scope| {
            // A failed write is no error of its own: the program has ended, and says why.
            scope.spawn(move || stdin.write_all(input));
            let complaint = scope.spawn(move || {
                let mut kept = Vec::new();
                let read = stderr.by_ref().take(MOST_COMPLAINT).read_to_end(&mut kept);
                let rest = std::io::copy(&mut stderr, &mut std::io::sink());
                read.and(rest).map(|_| kept)
            });
            let mut output = Vec::new();
            stdout
                .take(MOST_OUTPUT)
                .read_to_end(&mut output)
                .with_context(|| format!("the output of {} could not be read", self.name))?;
            let complaint = complaint.join().ok().and_then(Result::ok).unwrap_or_default();
            Ok((output, complaint))
        })
    }

    /// What it complained about, on one line, with the way out where it is known.
    fn explain(&self, complaint: &str, status: ExitStatus) -> String {
        let first = complaint.lines().map(str::trim).find(|line| !line.is_empty());
        let said = first.map_or_else(|| status.to_string(), |line| line.chars().take(REPEATED).collect());
        let needs_root = ["Operation not permitted", "you must be root"].iter().any(|word| complaint.contains(word));
        let mend = if needs_root { "; this needs CAP_NET_ADMIN, run it as root" } else { "" };
        format!("{}: {said}{mend}", self.name)
    }
}
