//! Which file is the policy: the flag, the environment, or one of the usual places.

use std::path::{Path, PathBuf};

use crate::PolicyError;

/// Where a package has its policy, and where it keeps what becomes of it.
const PACKAGED: &str = "/etc/cellblock";
const STATE_DIRECTORY: &str = "/var/lib/cellblock";

/// The policy's path: `flag`, else `$CELLBLOCK_POLICY`, else the first that exists of `./policy.toml`,
/// `./compose/policy.toml` and `/etc/cellblock/policy.toml`.
///
/// # Errors
/// If none of them exists; the error names all the places.
pub fn locate(flag: Option<&Path>) -> Result<PathBuf, PolicyError> {
    if let Some(path) = flag {
        return Ok(path.to_owned());
    }
    if let Some(path) = std::env::var_os("CELLBLOCK_POLICY").filter(|value| !value.is_empty()) {
        return Ok(PathBuf::from(path));
    }
    let usual = ["policy.toml", "compose/policy.toml", "/etc/cellblock/policy.toml"];
    match usual.iter().map(Path::new).find(|path| path.exists()) {
        Some(path) => Ok(path.to_owned()),
        None => Err(PolicyError::unreadable(
            Path::new("policy.toml"),
            format!("no policy: none of {} exists", usual.join(", ")),
            "name one with --policy FILE or CELLBLOCK_POLICY",
        )),
    }
}

/// Where the relative paths of a policy start, and whether it may have any.
pub(crate) struct ProjectRoot {
    pub path: PathBuf,
    pub relative: bool,
}

impl ProjectRoot {
    /// `root` if it is given, else what [`usual`] says of the policy's folder.
    pub(crate) fn of(policy: &Path, root: Option<&Path>) -> Result<Self, PolicyError> {
        if let Some(root) = root {
            return Ok(Self { path: folder(policy, root)?, relative: true });
        }
        let here = policy.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let here = folder(policy, here)?;
        let relative = !here.starts_with("/etc");
        Ok(Self { path: usual(here, Path::new(STATE_DIRECTORY).is_dir()), relative })
    }
}

/// The folder above `compose/`; for the policy of a package what it keeps, where that folder is; else the policy's own.
fn usual(here: PathBuf, kept: bool) -> PathBuf {
    match here.parent() {
        Some(above) if here.ends_with("compose") => above.to_owned(),
        _ if kept && here == Path::new(PACKAGED) => PathBuf::from(STATE_DIRECTORY),
        _ => here,
    }
}

fn folder(policy: &Path, path: &Path) -> Result<PathBuf, PolicyError> {
    let refuse = |what: String| {
        let problem = format!("the project root {}: {what}", path.display());
        PolicyError::unreadable(policy, problem, "name an existing folder with --root DIR")
    };
    let real = std::fs::canonicalize(path).map_err(|error| refuse(error.to_string()))?;
    if real.is_dir() { Ok(real) } else { Err(refuse("not a folder".into())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_has_its_root_where_it_keeps_things_and_nobody_else_has() {
        let root = |here: &str, kept| usual(PathBuf::from(here), kept).display().to_string();
        assert_eq!(root("/etc/cellblock", true), "/var/lib/cellblock");
        assert_eq!(root("/etc/cellblock", false), "/etc/cellblock");
        assert_eq!(root("/etc/cellblock/more", true), "/etc/cellblock/more");
        assert_eq!(root("/opt/cellblock/compose", true), "/opt/cellblock");
    }
}
