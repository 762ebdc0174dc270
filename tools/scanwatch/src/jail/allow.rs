//! Content that is left alone although it is detected: by hash, with a reason and a date, one JSON object a line.
//! `allowed.jsonl` is only ever appended to.

use std::io::{Read as _, Write as _};

use anyhow::Context;
use jiff::Timestamp;
use rustix::fs::{Mode, OFlags, openat};
use serde::{Deserialize, Serialize};

use super::Jail;

const FILE: &str = "allowed.jsonl";
/// The most that is read of it, in bytes: some thousand hashes.
const MAX: u64 = 1 << 20;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Allowed {
    sha256: String,
    reason: String,
    /// When somebody allowed it, as RFC 3339 has it.
    since: String,
}

impl Jail {
    /// Why this content is allowed; `None` when it is not. Read anew each time: it is asked for only
    /// when something was found. A line that cannot be read allows nothing.
    pub(crate) fn allows(&self, sha256: &str) -> Option<String> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = openat(&self.folder, FILE, flags, Mode::empty()).ok()?;
        let mut text = String::new();
        std::fs::File::from(fd).take(MAX).read_to_string(&mut text).ok()?;
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Allowed>(line).ok());
        lines.into_iter().find(|allowed| allowed.sha256 == sha256).map(|allowed| allowed.reason)
    }

    /// Allows content from now on.
    pub(crate) fn allow(&self, sha256: &str, reason: &str) -> anyhow::Result<()> {
        let allowed =
            Allowed { sha256: sha256.to_owned(), reason: reason.to_owned(), since: format!("{:.0}", Timestamp::now()) };
        let mut line = serde_json::to_string(&allowed)?;
        line.push('\n');
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let context = || format!("{FILE} in the jail {} cannot be written", self.shown.display());
        let fd = openat(&self.folder, FILE, flags, Mode::RUSR | Mode::WUSR).with_context(context)?;
        let mut file = std::fs::File::from(fd);
        file.write_all(line.as_bytes()).and_then(|()| file.sync_all()).with_context(context)
    }
}
