//! Trust on first use: the first certificate that is seen goes into a file. Later ones are held against it, as ssh does
//! with `known_hosts`. Whoever is in the way at the first use stays trusted. So the pin belongs into the policy as soon
//! as a person has compared it.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use policy::Pin;

/// Most of the file that is read.
const MOST: u64 = 64 * 1024;

/// The pins in a file, one a line; `#` begins a comment. None where there is no file yet.
///
/// # Errors
/// If the file is there and cannot be read, or a line is no pin.
pub(crate) fn read(path: &Path) -> Result<Vec<Pin>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.with_context(|| format!("{} cannot be opened", path.display()))?,
    };
    let mut text = String::new();
    file.take(MOST).read_to_string(&mut text).with_context(|| format!("{} cannot be read", path.display()))?;
    let lines =
        text.lines().enumerate().map(|(number, line)| (number + 1, line.split('#').next().unwrap_or("").trim()));
    let pins: Result<Vec<Pin>> = lines
        .filter(|(_, line)| !line.is_empty())
        .map(|(number, line)| line.parse().map_err(|error| anyhow!("{}, line {number}: {error}", path.display())))
        .collect();
    let pins = pins?;
    // An emptied file must not make the next stranger the first.
    anyhow::ensure!(!pins.is_empty(), "{} has no pin in it; remove it to trust anew", path.display());
    Ok(pins)
}

/// Keeps the first pin. A file that came into being meanwhile is not written over.
///
/// # Errors
/// If it cannot be written.
pub(crate) fn keep(path: &Path, pin: Pin) -> Result<()> {
    let mut file = File::create_new(path).with_context(|| format!("{} cannot be made", path.display()))?;
    writeln!(file, "{pin}").with_context(|| format!("{} cannot be written", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_is_read_and_never_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("first");
        assert!(read(&path).unwrap().is_empty());
        keep(&path, Pin([7; 32])).unwrap();
        assert_eq!(read(&path).unwrap(), [Pin([7; 32])]);
        assert!(keep(&path, Pin([8; 32])).is_err());
        std::fs::write(&path, "# nothing\n").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("remove it"));
        std::fs::write(&path, "\nsha256:12\n").unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("line 2"));
    }
}
