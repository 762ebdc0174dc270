//! A file that the command line names, or standard input for `-`.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

/// Opens it. Standard input is locked until it is dropped.
///
/// # Errors
/// What the system says of the file.
pub fn open(path: &Path) -> io::Result<Box<dyn BufRead>> {
    if is_stdin(path) {
        return Ok(Box::new(io::stdin().lock()));
    }
    Ok(Box::new(BufReader::new(File::open(path)?)))
}

/// What an error calls it.
#[must_use]
pub fn name(path: &Path) -> String {
    if is_stdin(path) { "standard input".to_owned() } else { path.display().to_string() }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_dash_is_standard_input_and_all_else_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("-");
        std::fs::write(&file, "a line\n").unwrap();
        let mut text = String::new();
        open(&file).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), name(&file)), ("a line\n", file.display().to_string()));
        assert_eq!(name(Path::new("-")), "standard input");
        assert!(open(&folder.path().join("none")).is_err_and(|error| error.kind() == io::ErrorKind::NotFound));
    }
}
