//! Reads a text file of bounded size. A FIFO would block, a device could be endless, a folder is a slip. Only a regular
//! file is taken, and that is asked of the open descriptor, not of the name.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use crate::{Bytes, Invalid};

/// Why there is no text.
pub(crate) struct Unreadable(pub Invalid);

impl From<Invalid> for Unreadable {
    fn from(invalid: Invalid) -> Self {
        Self(invalid)
    }
}

/// The whole text of a file of at most `most` bytes.
pub(crate) fn read(path: &Path, most: u64) -> Result<String, Unreadable> {
    let mut file = open(path).map_err(|error| denied(&error))?;
    let metadata = file.metadata().map_err(|error| denied(&error))?;
    if !metadata.is_file() {
        return Err(Invalid::new("not a regular file", "name a plain text file").into());
    }
    let mut bytes = Vec::new();
    let limit = most.saturating_add(1);
    Read::by_ref(&mut file).take(limit).read_to_end(&mut bytes).map_err(|error| denied(&error))?;
    if bytes.len() as u64 > most {
        return Err(Invalid::new(format!("larger than {}", Bytes(most)), "is this the right file?").into());
    }
    String::from_utf8(bytes).map_err(|error| {
        let line =
            error.as_bytes().iter().take(error.utf8_error().valid_up_to()).filter(|byte| **byte == b'\n').count() + 1;
        Invalid::new(format!("line {line} is not UTF-8 text"), "save it as UTF-8").into()
    })
}

fn open(path: &Path) -> io::Result<File> {
    let no_wait = OFlags::NONBLOCK.bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(no_wait).open(path)
}

fn denied(error: &io::Error) -> Unreadable {
    let mend = match error.kind() {
        io::ErrorKind::NotFound => "name the file that is meant",
        io::ErrorKind::PermissionDenied => "run as a user who may read it",
        _ => "make it readable",
    };
    Invalid::new(format!("cannot be read: {error}"), mend).into()
}
