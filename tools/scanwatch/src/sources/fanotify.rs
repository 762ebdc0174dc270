//! What the kernel tells at once of a whole file system: fanotify(7) with handles of folders and names. It takes no
//! watch per folder, so no share is too large for it (`fs.inotify.max_user_watches`). A new folder is watched before
//! anybody can write in it. It takes `CAP_SYS_ADMIN`, which the warden's container has not, and tells of all the file
//! system: best when the share is one of its own.
//!
//! Which path a handle stands for is noted when the folder is walked, as for inotify. What happens in a folder that was
//! not walked is none of the share's. Or the walk that its parent's event asks for finds it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use anyhow::Context;
use lease::fanotify::{Group, handle};
use rustix::fs::inotify::ReadFlags;
use rustix::io::Errno;

use crate::share::directory::{Below, Root, join};
use crate::sources::inotify::{Change, meaning};
use crate::sources::path_index::Folders;

/// `FAN_MODIFY`, `ATTRIB`, `CLOSE_WRITE`, `MOVED_TO`, `CREATE`, `DELETE_SELF` and `ONDIR`. The kernel has
/// one set of bits for both (`linux/fsnotify_backend.h`), so those of inotify mean the same.
const WHAT: u64 = 0x2 | 0x4 | 0x8 | 0x80 | 0x100 | DELETE_SELF | 0x4000_0000;
const DELETE_SELF: u64 = 0x400;
/// `struct fanotify_event_metadata`: its length, which begins it.
const METADATA: usize = 24;
/// `FAN_EVENT_INFO_TYPE_DFID_NAME`.
const FOLDER_AND_NAME: u8 = 2;
/// In such an info: before the handle stand type, padding, length, the file system's id, and the handle's
/// own length.
const BEFORE_HANDLE: usize = 16;

/// One event: what, in which folder, and the name there (`.` for the folder itself).
#[derive(Debug, PartialEq, Eq)]
struct Event<'a> {
    mask: u64,
    root: Option<(&'a [u8], &'a [u8])>,
}

/// The marked file system.
#[derive(Debug)]
pub(crate) struct Marked {
    group: Group,
    /// Those whose path it knows.
    pub(super) folders: Folders<Vec<u8>>,
}

impl Marked {
    /// Marks the file system of the share.
    ///
    /// # Errors
    /// Without `CAP_SYS_ADMIN`, or where the file system has no handles.
    pub(crate) fn new(root: &Root) -> anyhow::Result<Self> {
        let mend =
            "it takes CAP_SYS_ADMIN in the first user namespace: run as root on the host, or use --source inotify";
        let group = Group::new().with_context(|| format!("fanotify cannot be used; {mend}"))?;
        let folder = root.folder(b"").context("the share cannot be opened")?;
        group
            .mark_file_system(&folder, WHAT)
            .with_context(|| format!("the file system of {} cannot be marked; {mend}", root.shown(b"").display()))?;
        handle(&folder).with_context(|| {
            format!("the file system of {} has no file handles: use --source inotify", root.shown(b"").display())
        })?;
        Ok(Self { group, folders: Folders::default() })
    }

    /// Notes the path of a folder. `false` when there is no room for more.
    pub(crate) fn add(&self, folder: &OwnedFd, below: &Below) -> Result<bool, Errno> {
        let handle = handle(folder).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        let mut folders = self.folders.lock();
        if !folders.has_room(below) {
            self.folders.exhaust();
            return Ok(false);
        }
        folders.put(handle, below);
        Ok(true)
    }

    /// Gives every change that is there to `sink`, without waiting for more.
    pub(crate) fn drain(&self, sink: &mut impl FnMut(Change)) -> Result<(), Errno> {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = match rustix::io::read(&self.group, &mut buffer) {
                Ok(read) => read,
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error),
            };
            for event in events(buffer.get(..read).unwrap_or_default()) {
                if let Some(change) = self.change(&event) {
                    sink(change);
                }
            }
        }
    }

    fn change(&self, event: &Event<'_>) -> Option<Change> {
        let what = ReadFlags::from_bits_truncate(u32::try_from(event.mask & 0xffff_ffff).unwrap_or(0));
        if what.contains(ReadFlags::QUEUE_OVERFLOW) {
            return Some(Change::Overflow);
        }
        let (handle, name) = event.root?;
        let mut folders = self.folders.lock();
        let folder = Arc::clone(folders.get(&handle.to_vec())?);
        let itself = name == b".";
        if itself && event.mask & DELETE_SELF != 0 {
            folders.remove(&handle.to_vec());
            return None;
        }
        meaning(what, if itself { folder } else { join(&folder, name) })
    }
}

impl AsFd for Marked {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.group.as_fd()
    }
}

/// Takes apart what one read gave. What is cut off ends it.
fn events(mut bytes: &[u8]) -> impl Iterator<Item = Event<'_>> {
    std::iter::from_fn(move || {
        let length = usize::try_from(u32::from_ne_bytes(*bytes.first_chunk()?)).ok()?;
        if length < METADATA {
            return None;
        }
        let (event, rest) = bytes.split_at_checked(length)?;
        bytes = rest;
        let mask = u64::from_ne_bytes(*event.get(8..)?.first_chunk()?);
        Some(Event { mask, root: root(event.get(METADATA..)?) })
    })
}

/// Folder and name, from the info records behind an event.
fn root(mut infos: &[u8]) -> Option<(&[u8], &[u8])> {
    loop {
        let length = usize::from(u16::from_ne_bytes(*infos.get(2..)?.first_chunk()?));
        if length < 4 {
            return None;
        }
        let (info, rest) = infos.split_at_checked(length)?;
        if *info.first()? != FOLDER_AND_NAME {
            infos = rest;
            continue;
        }
        let bytes = usize::try_from(u32::from_ne_bytes(*info.get(BEFORE_HANDLE - 4..)?.first_chunk()?)).ok()?;
        // The type of the handle stands before it and counts as part of it.
        let (handle, name) = info.get(BEFORE_HANDLE..)?.split_at_checked(bytes.checked_add(4)?)?;
        let name = name.split(|byte| *byte == 0).next().filter(|name| !name.is_empty())?;
        return Some((handle, name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event(mask: u64, handle: &[u8], name: &[u8]) -> Vec<u8> {
        let mut info = vec![0; 8];
        info.extend(u32::try_from(handle.len() - 4).unwrap().to_ne_bytes());
        info.extend(handle);
        info.extend(name);
        info.push(0);
        let mut bytes = u32::try_from(METADATA + 4 + info.len()).unwrap().to_ne_bytes().to_vec();
        bytes.extend([3, 0, 24, 0]);
        bytes.extend(mask.to_ne_bytes());
        bytes.extend([0; 8]);
        bytes.extend([FOLDER_AND_NAME, 0]);
        bytes.extend(u16::try_from(4 + info.len()).unwrap().to_ne_bytes());
        bytes.extend(info);
        bytes
    }

    #[test]
    fn folder_and_name_are_read_and_what_is_cut_off_is_no_event() {
        let one = event(8, b"typehandle", b"file");
        let two = [one.clone(), event(0x4000_0100, b"typeother", b"folder")].concat();
        let read: Vec<_> = events(&two).collect();
        assert_eq!(read[0], Event { mask: 8, root: Some((b"typehandle", b"file")) });
        assert_eq!(read[1].root, Some((b"typeother".as_slice(), b"folder".as_slice())));
        assert_eq!(read.len(), 2);
        assert_eq!(events(&one[..one.len() - 1]).count(), 0);
        let overflow = [24_u32.to_ne_bytes().as_slice(), &[3, 0, 24, 0], &0x4000_u64.to_ne_bytes(), &[0; 8]].concat();
        assert_eq!(events(&overflow).collect::<Vec<_>>(), [Event { mask: 0x4000, root: None }]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_fall(bytes: Vec<u8>, length in 0_u32..200) {
            let _ = events(&bytes).count();
            let _ = events(&[length.to_ne_bytes().as_slice(), &bytes].concat()).count();
        }
    }
}
