//! Paths of the policy: absolute once read, so that no tool depends on where it was started.

use std::path::{Component, Path, PathBuf};

use crate::reader::section::Section;
use crate::reader::value::Value;

const ABSOLUTE: &str = "write an absolute path, or name the project root with --root DIR";

/// A path, made absolute against the project root; `..` is refused, since what it means depends on symlinks.
pub(crate) fn read(value: &Value<'_>) -> Option<PathBuf> {
    let text = value.text()?;
    if text.is_empty() || text.chars().any(char::is_control) {
        return value.refuse("a path that is empty or holds control characters", "write a plain path");
    }
    let path = Path::new(text);
    if path.components().any(|part| part == Component::ParentDir) {
        return value.refuse("a path with '..'", "write where it really leads");
    }
    if path.components().all(|part| matches!(part, Component::RootDir | Component::CurDir)) {
        return value.refuse("a path that names no folder of its own", "write a folder below it");
    }
    resolve(path, value.document().root()).or_else(|| value.refuse("a relative path in a policy under /etc", ABSOLUTE))
}

/// The default for a path that is not there.
pub(crate) fn default(section: &Section<'_>, name: &'static str, path: &str) -> Option<PathBuf> {
    resolve(Path::new(path), section.document().root()).or_else(|| {
        section.refuse(name, format!("its default, {path:?}, is relative, in a policy under /etc"), ABSOLUTE)
    })
}

fn resolve(path: &Path, root: &crate::reader::document::Root<'_>) -> Option<PathBuf> {
    let below = || root.path.components().chain(path.components());
    let parts: PathBuf = match path.is_absolute() {
        true => path.components().collect(),
        false if root.relative => below().filter(|part| *part != Component::CurDir).collect(),
        false => return None,
    };
    Some(parts)
}
