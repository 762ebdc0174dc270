//! From a file to a policy that can be enforced, or to everything that is wrong with it.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::crosscheck;
use crate::error::Cause;
use crate::locate::ProjectRoot;
use crate::reader::document::{Document, Root};
use crate::reader::schema;
use crate::reader::section::Section;
use crate::regular_file::{self, Unreadable};
use crate::sections::{audit, ceiling, cell, classify, egress, moat, networks, proxy, repo, vault, waiver, warden};
use crate::{Policy, PolicyError, Shape};

/// The largest policy taken, in bytes.
const MOST_BYTES: u64 = 1 << 20;

impl Policy {
    /// Reads a policy file. `root` is where its relative paths start; without it that is the folder above
    /// `compose/` for `…/compose/policy.toml`, `/var/lib/cellblock` for a package's `/etc/cellblock/policy.toml`, else
    /// the policy's folder. In a policy under `/etc` paths must be absolute unless `root` is given.
    ///
    /// # Errors
    /// If the file cannot be read, is no regular file, is over 1 MiB or is no UTF-8. If `root` is no folder. Else as
    /// [`Policy::parse`].
    pub fn load(path: &Path, root: Option<&Path>) -> Result<Self, PolicyError> {
        let text = regular_file::read(path, MOST_BYTES)
            .map_err(|Unreadable(invalid)| PolicyError::unreadable(path, invalid.problem, invalid.mend))?;
        let project = ProjectRoot::of(path, root)?;
        Self::read(&text, path, Root { path: &project.path, relative: project.relative })
    }

    /// Reads a policy from its text. `origin` is what errors call it, `root` where relative paths start
    /// (made absolute against the working directory).
    ///
    /// # Errors
    /// Everything that is wrong with it, up to 20 faults, in the order of the text.
    pub fn parse(text: &str, origin: &Path, root: &Path) -> Result<Self, PolicyError> {
        if text.len() as u64 > MOST_BYTES {
            let problem = format!("larger than {}", crate::Bytes(MOST_BYTES));
            return Err(PolicyError::unreadable(origin, problem, "is this the right file?"));
        }
        let root = std::path::absolute(root)
            .map_err(|error| PolicyError::unreadable(origin, format!("the project root: {error}"), "name a folder"))?;
        Self::read(text, origin, Root { path: &root, relative: true })
    }

    fn read(text: &str, origin: &Path, root: Root<'_>) -> Result<Self, PolicyError> {
        let document = Document::parse(text, root);
        // A syntax error leaves a tree with holes in it: what is missing there is no fault of its own.
        let policy = if document.is_faulty() { None } else { sections(&document, origin, text) };
        if let Some(policy) = &policy {
            crosscheck::all(&document, policy);
        }
        match policy {
            Some(policy) if !document.is_faulty() => Ok(policy),
            _ => {
                let (faults, left_out) = document.into_faults();
                Err(PolicyError { origin: origin.to_owned(), cause: Cause::Faults { faults, left_out } })
            }
        }
    }
}

/// Reads every section, so that faults in one do not hide those in another.
fn sections(document: &Document<'_>, origin: &Path, text: &str) -> Option<Policy> {
    let top = Section::top(document);
    let cell = top.required("cell", |value| cell::read(&Section::of(value, &schema::CELL)?));
    let shape = cell.as_ref().map_or(Shape::Open, |cell| cell.network);
    let networks = top.required("networks", |value| networks::read(value, shape));
    let moat = top.table("moat", &schema::MOAT, moat::read);
    let proxy = top.table("proxy", &schema::PROXY, proxy::read);
    let egress = top.tables("egress", &schema::EGRESS, egress::read);
    let repos = top.tables("repo", &schema::REPO, repo::read);
    let warden = top.table("warden", &schema::WARDEN, warden::read);
    let vault = top.table("vault", &schema::VAULT, vault::read);
    let audit = top.table("audit", &schema::AUDIT, audit::read);
    let ceiling = top.table("ceiling", &schema::CEILING, ceiling::read);
    let classify = top.optional("classify", |value| classify::read(&Section::of(value, &schema::CLASSIFY)?));
    let waivers = top.tables("waiver", &schema::WAIVER, waiver::read);
    Some(Policy {
        origin: origin.to_owned(),
        sha256: hex::encode(Sha256::digest(text)),
        root: document.root().path.to_owned(),
        cell: cell?,
        networks: networks?,
        moat: moat?,
        proxy: proxy?,
        egress: egress?,
        repos: repos?,
        warden: warden?,
        vault: vault?,
        audit: audit?,
        ceiling: ceiling?,
        classify: classify?,
        waivers: waivers?,
    })
}
