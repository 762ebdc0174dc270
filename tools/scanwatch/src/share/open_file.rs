//! A file that is held open from the first look to the verdict, and longer where it is taken away.

use std::os::fd::OwnedFd;

use rustix::fs::Stat;

use crate::share::directory::Spot;

/// A file that is held: nobody can put another in its place behind our back.
#[derive(Debug)]
pub(crate) struct OpenFile {
    /// The folder and the name by which it was opened.
    pub(crate) spot: Spot,
    /// Open for reading.
    pub(crate) file: OwnedFd,
    /// The file's stat when it was opened.
    pub(crate) stat: Stat,
    /// Did somebody have it open for writing?
    pub(crate) writer: bool,
}
