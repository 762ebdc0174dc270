//! The program `nft`: the only one that this backend runs, with no shell between.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::listing::Listing;
use crate::table::{FAMILY, FlowSet, TABLE};

/// The most that is read of what nft prints, in bytes: a listing of four million ranges.
const MOST_OUTPUT: u64 = 512 << 20;
/// The most that is repeated of what nft complains about.
const MOST_COMPLAINT: usize = 2000;

/// Where nft is.
#[derive(Debug)]
pub(crate) struct Nft {
    path: PathBuf,
}

/// The kernel has no table of that name (`ENOENT`, in the words of the C locale).
#[derive(Debug)]
struct NotThere;

impl std::fmt::Display for NotThere {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("there is no such table")
    }
}

impl std::error::Error for NotThere {}

impl Nft {
    /// Finds it on the path.
    ///
    /// # Errors
    /// If it is not there.
    pub(crate) fn find() -> Result<Self> {
        let sbin = std::env::join_paths(
            std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
                .chain(["/usr/sbin".into(), "/sbin".into()]),
        )?;
        let path = which::which_in("nft", Some(sbin), "/")
            .context("nft is not installed; install nftables (apt-get install nftables)")?;
        Ok(Self { path })
    }

    /// Loads a script as one transaction: all of it, or nothing.
    ///
    /// # Errors
    /// What nft or the kernel says; nothing was changed then.
    pub(crate) fn load(&self, script: &str) -> Result<()> {
        self.run(&["-f", "-"], script.as_bytes())
            .context("the rules were not loaded, and nothing was changed")
            .map(drop)
    }

    /// The moat as the kernel holds it, or `None` where there is none. Without `contents`, sets are
    /// listed as empty.
    ///
    /// # Errors
    /// If nft fails, for want of privilege for one, or prints what cannot be read.
    pub(crate) fn listing(&self, contents: bool) -> Result<Option<Listing>> {
        let mut arguments = vec!["-j"];
        if !contents {
            arguments.push("-t");
        }
        arguments.extend(["list", "table", FAMILY, TABLE]);
        match self.run(&arguments, b"") {
            Ok(table) => Listing::parse(&table).map(Some),
            Err(error) if error.downcast_ref::<NotThere>().is_some() => Ok(None),
            Err(error) => Err(error.context("the moat's table could not be listed")),
        }
    }

    /// The sets that count denied flows, with what they hold, or `None` where there is no moat.
    ///
    /// # Errors
    /// As [`Nft::listing`].
    pub(crate) fn flow_sets(&self) -> Result<Option<Listing>> {
        let Some(table) = self.listing(false)? else { return Ok(None) };
        let mut all = Listing { flags: table.flags, ..Listing::default() };
        for name in FlowSet::all().map(FlowSet::name).filter(|name| table.sets.contains_key(name)) {
            let set = self
                .run(&["-j", "list", "set", FAMILY, TABLE, &name], b"")
                .with_context(|| format!("set {name} could not be listed"))?;
            all.sets.extend(Listing::parse(&set)?.sets);
        }
        Ok(Some(all))
    }

    fn run(&self, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>> {
        let mut child = Command::new(&self.path)
            .args(arguments)
            .env_clear()
            .env("LC_ALL", "C")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} did not start", self.path.display()))?;
        let (output, complaint) = converse(&mut child, input)?;
        let status = child.wait().context("nft was lost")?;
        if !status.success() {
            if String::from_utf8_lossy(&complaint).contains("No such file or directory") {
                return Err(anyhow::Error::new(NotThere).context(explain(&complaint, status)));
            }
            bail!("{}", explain(&complaint, status));
        }
        ensure!(
            u64::try_from(output.len()).unwrap_or(u64::MAX) < MOST_OUTPUT,
            "nft printed more than {MOST_OUTPUT} bytes"
        );
        Ok(output)
    }
}

/// Writes, and reads both outputs, at the same time: neither side may wait for the other.
fn converse(child: &mut Child, input: &[u8]) -> Result<(Vec<u8>, Vec<u8>)> {
    let mut stdin = child.stdin.take().context("nft has no input")?;
    let stdout = child.stdout.take().context("nft has no output")?;
    let mut stderr = child.stderr.take().context("nft has no errors")?;
    std::thread::scope(|scope| {
        // A failed write is no error of its own: nft has ended, and says why.
        scope.spawn(move || stdin.write_all(input));
        let complaint = scope.spawn(move || {
            let mut kept = Vec::new();
            let limit = u64::try_from(MOST_COMPLAINT).unwrap_or(u64::MAX);
            let read = stderr.by_ref().take(limit).read_to_end(&mut kept);
            let rest = std::io::copy(&mut stderr, &mut std::io::sink());
            read.and(rest).map(|_| kept)
        });
        let mut output = Vec::new();
        stdout.take(MOST_OUTPUT).read_to_end(&mut output).context("nft's output could not be read")?;
        let complaint = complaint.join().ok().and_then(Result::ok).unwrap_or_default();
        Ok((output, complaint))
    })
}

/// What nft complained about, on one line, with the way out where it is known.
fn explain(complaint: &[u8], status: std::process::ExitStatus) -> String {
    let text = String::from_utf8_lossy(complaint);
    let first: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).take(2).collect();
    let said = first.first().copied().map_or_else(|| status.to_string(), |line| line.chars().take(300).collect());
    if text.contains("Operation not permitted") {
        return format!("nft: {said}; this needs CAP_NET_ADMIN, run it as root");
    }
    format!("nft: {said}")
}
