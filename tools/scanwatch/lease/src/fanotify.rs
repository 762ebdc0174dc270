//! Events of a whole file system, with folders as file handles and with names: fanotify(7),
//! `FAN_REPORT_DFID_NAME`. Only the three system calls; what is read is parsed by who reads it.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Room for the longest handle there is (`MAX_HANDLE_SZ` of name_to_handle_at(2)).
const MAX_HANDLE: usize = 128;
/// `handle_bytes` and `handle_type` stand before the handle.
const HEAD: usize = 8;

/// A notification group: nothing is watched yet.
#[derive(Debug)]
pub struct Group(OwnedFd);

impl Group {
    /// A group that tells folder and name. Reading it does not block, and no process waits for our permission.
    ///
    /// # Errors
    /// `EPERM` without `CAP_SYS_ADMIN`, `EINVAL` before Linux 5.9, `EMFILE` beyond
    /// `fs.fanotify.max_user_groups`.
    #[expect(unsafe_code, reason = "neither std nor rustix offers fanotify, and nix not with names")]
    pub fn new() -> io::Result<Self> {
        let flags = libc::FAN_CLASS_NOTIF | libc::FAN_CLOEXEC | libc::FAN_NONBLOCK | libc::FAN_REPORT_DFID_NAME;
        // SAFETY: takes two ints and touches no memory of ours.
        let fd = unsafe { libc::fanotify_init(flags, 0) };
        if fd == -1 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel just gave us this descriptor, and nobody else has it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Tells what of `mask` (`FAN_*` of fanotify_mark(2)) happens on the file system that the folder is on.
    ///
    /// # Errors
    /// `EPERM` without `CAP_SYS_ADMIN` in the first user namespace; `EOPNOTSUPP`, `ENODEV` or `EXDEV`
    /// where the file system has no handles or no id.
    #[expect(unsafe_code, reason = "see new()")]
    pub fn mark_file_system(&self, folder: impl AsFd, mask: u64) -> io::Result<()> {
        let flags = libc::FAN_MARK_ADD | libc::FAN_MARK_FILESYSTEM;
        let (group, folder) = (self.0.as_raw_fd(), folder.as_fd().as_raw_fd());
        // SAFETY: both descriptors are borrowed, so they are open; no path is given, which means the folder itself.
        let result = unsafe { libc::fanotify_mark(group, flags, mask, folder, std::ptr::null()) };
        if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

impl AsFd for Group {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The handle of a file, as events have it: its type, in the four bytes of this machine, and its bytes.
///
/// # Errors
/// `EOPNOTSUPP` where the file system has none.
#[expect(unsafe_code, reason = "neither std nor rustix offers name_to_handle_at")]
pub fn handle(file: impl AsFd) -> io::Result<Vec<u8>> {
    let mut buffer = Aligned([0; HEAD + MAX_HANDLE]);
    if let Some(room) = buffer.0.first_chunk_mut::<4>() {
        *room = u32::try_from(MAX_HANDLE).unwrap_or(0).to_ne_bytes();
    }
    let mut mount = 0 as libc::c_int;
    // SAFETY: the path is an empty string with its NUL. The buffer is aligned for two ints, and begins with the room
    // behind them, which is what follows in it. It lives as long as the call; so does the mount's id.
    let result = unsafe {
        libc::syscall(
            libc::SYS_name_to_handle_at,
            file.as_fd().as_raw_fd(),
            c"".as_ptr(),
            buffer.0.as_mut_ptr(),
            &raw mut mount,
            libc::AT_EMPTY_PATH,
        )
    };
    if result == -1 {
        return Err(io::Error::last_os_error());
    }
    let length = buffer.0.first_chunk::<4>().map_or(0, |bytes| u32::from_ne_bytes(*bytes)) as usize;
    Ok(buffer.0.get(4..HEAD + length).unwrap_or_default().to_vec())
}

#[repr(align(8))]
struct Aligned([u8; HEAD + MAX_HANDLE]);

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    #[test]
    fn a_folder_has_one_handle_however_it_is_opened_and_another_folder_another() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let of = |path: &std::path::Path| handle(File::open(path).unwrap()).unwrap();
        assert_eq!(of(one.path()), of(&one.path().join(".")));
        assert_ne!(of(one.path()), of(other.path()));
        assert!(of(one.path()).len() > 4);
    }
}
