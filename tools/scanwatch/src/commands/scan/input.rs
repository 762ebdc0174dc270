//! What is to be scanned: the arguments, and paths on standard input.

use std::ffi::OsStr;
use std::io::{BufRead, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use indicatif::ProgressBar;

use crate::cli::ScanArgs;
use crate::pipeline::crawl::Crawl;
use crate::pipeline::shared::Shared;
use crate::queue::{Task, Urgency};
use crate::share::directory::{Below, MAX_PATH, Root};

/// What the command line asks for.
#[derive(Debug)]
pub(crate) struct Input {
    paths: Vec<PathBuf>,
    stdin: bool,
    separator: u8,
    here: PathBuf,
}

/// Checks the arguments before anything is scanned.
///
/// # Errors
/// If a path is not there, or the arguments contradict each other.
pub(crate) fn parse(args: &ScanArgs) -> anyhow::Result<Input> {
    let stdin = args.paths.iter().any(|path| path.as_os_str() == "-");
    if args.null && !stdin {
        bail!("-0 is about paths on standard input: give - as PATH");
    }
    let here = std::env::current_dir().context("the current folder cannot be reached")?;
    let paths: Vec<PathBuf> = args.paths.iter().filter(|path| path.as_os_str() != "-").cloned().collect();
    for path in &paths {
        path.symlink_metadata().with_context(|| format!("{} cannot be scanned", path.display()))?;
    }
    Ok(Input { paths, stdin, separator: if args.null { 0 } else { b'\n' }, here })
}

/// Puts everything in the queue, and waits where it is full.
pub(crate) fn feed(shared: &Shared, root: &Arc<Root>, input: &Input, bar: &ProgressBar) {
    for path in &input.paths {
        bar.set_message(path.display().to_string().escape_debug().to_string());
        // Links on the way are the user's own and are followed; the last one is not.
        let Some(real) = resolve(path) else {
            shared.output.fail(anyhow::anyhow!("{} is gone", path.display()), &shared.stop);
            return;
        };
        let below = below(&real);
        if path.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
            let cut_off = Crawl::walk(shared, root, None, Urgency::Later, below).is_none();
            if cut_off {
                return;
            }
        } else if !shared.queue.push_waiting(Task::new(root, below, Urgency::Later).finished()) {
            return;
        }
        bar.tick();
    }
    if input.stdin {
        let mut stdin = std::io::stdin().lock();
        loop {
            match next(&mut stdin, input.separator) {
                Ok(Some(path)) if path.is_empty() => {}
                Ok(Some(path)) => {
                    let task = Task::new(root, below(&input.here.join(OsStr::from_bytes(&path))), Urgency::Later);
                    if !shared.queue.push_waiting(task.finished()) {
                        return;
                    }
                    bar.tick();
                }
                Ok(None) => return,
                Err(error) => return shared.output.fail(error, &shared.stop),
            }
        }
    }
}

/// One path, bounded in length; `None` at the end.
fn next(input: &mut impl BufRead, separator: u8) -> anyhow::Result<Option<Vec<u8>>> {
    let mut path = Vec::new();
    let read = input.by_ref().take(MAX_PATH as u64 + 1).read_until(separator, &mut path);
    if read.context("standard input could not be read")? == 0 {
        return Ok(None);
    }
    if path.last() == Some(&separator) {
        path.pop();
    } else if path.len() > MAX_PATH {
        bail!("a path on standard input is longer than {MAX_PATH} bytes (NUL-separated paths need -0)");
    }
    Ok(Some(path))
}

/// The path with every link but the last component resolved.
fn resolve(path: &Path) -> Option<PathBuf> {
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => {
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            parent.canonicalize().ok().map(|parent| parent.join(name))
        }
        // `/`, `.` or `..`
        _ => path.canonicalize().ok(),
    }
}

/// An absolute path below `/`, with `.` and `..` taken out of the text. As no link on the way is followed, that is the
/// same place.
fn below(path: &Path) -> Below {
    let mut parts: Vec<&[u8]> = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => parts.push(name.as_bytes()),
            Component::ParentDir => {
                parts.pop();
            }
            Component::RootDir | Component::CurDir | Component::Prefix(_) => {}
        }
    }
    parts.join(&b'/').into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_apart_by_their_separator_and_nothing_else() {
        let read = |text: &[u8], separator| {
            let mut input = text;
            std::iter::from_fn(|| next(&mut input, separator).unwrap()).collect::<Vec<_>>()
        };
        assert_eq!(read(b"a\nb c\n\xff", b'\n'), [b"a".to_vec(), b"b c".to_vec(), b"\xff".to_vec()]);
        assert_eq!(read(b"a\nb\0c\0", 0), [b"a\nb".to_vec(), b"c".to_vec()]);
        assert!(next(&mut vec![b'x'; MAX_PATH + 2].as_slice(), b'\n').is_err());
    }

    #[test]
    fn dots_are_taken_out_of_a_path() {
        let text = |path: &str| String::from_utf8(below(Path::new(path)).to_vec()).unwrap();
        assert_eq!(text("/a/./b//c"), "a/b/c");
        assert_eq!(text("/a/b/../c"), "a/c");
        assert_eq!(text("/../a"), "a");
        assert_eq!(text("/"), "");
    }
}
