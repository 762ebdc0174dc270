//! `[[repo]]`: a git repository that the monitor watches.

use globset::{Glob, GlobSet};

use crate::reader::invalid::quoted;
use crate::reader::section::Section;
use crate::reader::value::Value;
use crate::types::https;
use crate::types::ref_pin::{self, RefPin};

/// How a repository's address is written.
const SHAPE: &str = "write it as https://HOST/PATH, such as \"https://github.com/openclaw/openclaw\"";

/// What the monitor keeps of a repository, to tell what a change means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mirror {
    /// Nothing: the monitor knows where a ref points, and no more.
    #[default]
    None,
    /// All commits of its branches and tags, without their files.
    Commits,
}

/// A repository that the monitor watches: `[[repo]]`.
#[derive(Debug, Clone)]
pub struct Repo {
    /// Its address: https, a host that some `[[egress]]` lists for the monitor, no user, no port but 443.
    pub url: String,
    /// The host of the address, canonical.
    pub host: String,
    /// The patterns of refs that may move without an alert, as written.
    pub moving: Vec<String>,
    /// What some refs must point to.
    pub pins: Vec<RefPin>,
    /// What of it the monitor keeps.
    pub mirror: Mirror,
    globs: GlobSet,
}

impl Repo {
    /// Whether a ref, by its full name such as `refs/tags/v1`, may move without an alert.
    pub fn may_move(&self, reference: &str) -> bool {
        self.globs.is_match(reference)
    }

    /// Whether an address means this repository.
    pub fn is_at(&self, url: &str) -> bool {
        is_same_repository(&self.url, url)
    }
}

/// Whether two addresses mean one repository: scheme and host in any case (RFC 3986 section 6.2.2.1), with or without a
/// slash or `.git` at the end.
#[must_use]
pub fn is_same_repository(one: &str, other: &str) -> bool {
    plain(one) == plain(other)
}

/// An address without what makes no difference to the repository it leads to.
fn plain(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let path = url.get(start..).and_then(|rest| rest.find('/')).map_or(url.len(), |at| start + at);
    let (place, path) = url.split_at(path);
    let path = path.trim_end_matches('/');
    format!("{}{}", place.to_ascii_lowercase(), path.strip_suffix(".git").unwrap_or(path))
}

pub(crate) fn read(section: &Section<'_>) -> Option<Repo> {
    let url = section.required("url", |value| {
        let text = value.text()?;
        if text.contains('@') {
            let mend = "remove it; keys are added by the gate, see egress.credential";
            return value.refuse_unseen("an address with a user or key in it", mend);
        }
        let (host, _) = value.accept(https::parts(text, SHAPE))?;
        Some((text.to_owned(), host))
    });
    let moving = section.or("moving", Vec::new(), |value| value.list(0..=1000, ref_pattern));
    let pins = section.or("pins", Vec::new(), ref_pin::read);
    let kept = [("none", Mirror::None), ("commits", Mirror::Commits)];
    let mirror = section.or("mirror", Mirror::None, |value| value.word(&kept));
    let ((url, host), moving, pins, mirror) = (url?, moving?, pins?, mirror?);
    let globs = GlobSet::new(&moving).ok().or_else(|| section.refuse("moving", "too many patterns", "write fewer"))?;
    if let Some(name) = ref_pin::contradiction(&pins, &globs) {
        return section.refuse("pins", format!("{} is pinned, and `moving` lets it move", quoted(name)), "remove one");
    }
    Some(Repo { url, host, pins, mirror, moving: moving.iter().map(|glob| glob.glob().to_owned()).collect(), globs })
}

/// A pattern of full ref names, in which `*` also crosses slashes, as in git's refspecs.
fn ref_pattern(value: &Value<'_>) -> Option<Glob> {
    let text = value.text()?;
    if !text.starts_with("refs/") {
        return value.refuse(
            format!("{} is no pattern of full ref names", quoted(text)),
            "begin it with \"refs/\", such as \"refs/heads/*\" or \"refs/tags/v[0-9]\"",
        );
    }
    glob(value, text)
}

/// A glob of bounded size.
pub(crate) fn glob(value: &Value<'_>, text: &str) -> Option<Glob> {
    if text.is_empty() || text.len() > 256 {
        return value.refuse("a pattern that is empty or over 256 bytes", "write a short one, such as \"*.tmp\"");
    }
    match Glob::new(text) {
        Ok(glob) => Some(glob),
        Err(error) => {
            value.refuse(format!("{} is no pattern: {}", quoted(text), error.kind()), "write *, ? and [abc] only")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn one_repository_may_be_written_in_several_ways_and_another_path_is_another() {
        let here = plain("https://github.com/openclaw/openclaw");
        for same in [
            "https://GitHub.com/openclaw/openclaw",
            "HTTPS://github.com/openclaw/openclaw.git",
            "https://github.com/openclaw/openclaw/",
        ] {
            assert_eq!(plain(same), here, "{same}");
        }
        for other in [
            "https://github.com/OpenClaw/openclaw",
            "https://github.com/openclaw/openclaw.github",
            "https://gitlab.com/openclaw/openclaw",
            "http://github.com/openclaw/openclaw",
            "",
        ] {
            assert_ne!(plain(other), here, "{other}");
        }
    }
}
