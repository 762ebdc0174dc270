//! Reads this host's mounts, again only when the kernel says that they changed. Every container adds some, so to read
//! them all for each would take the square of their number.

use std::fs::File;
use std::io::{Read, Seek};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::table::Table;

/// The mounts of the mount namespace that this process is in.
#[derive(Debug, Default)]
pub(crate) struct HostMounts(Mutex<Option<(File, Arc<Table>)>>);

impl HostMounts {
    /// As they are now.
    ///
    /// # Errors
    /// If they cannot be read.
    pub(crate) fn now(&self) -> Result<Arc<Table>> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let told = "/proc/self/mountinfo";
        if let Some((file, table)) = held.as_ref()
            && !has_changed(file).context(told)?
        {
            return Ok(Arc::clone(table));
        }
        // What changes from here on, the next question hears of.
        let mut file = match held.take() {
            Some((file, _)) => file,
            None => File::open(told).context(told)?,
        };
        let mut text = Vec::new();
        file.rewind().and_then(|()| file.read_to_end(&mut text)).context(told)?;
        let table = Arc::new(Table::of(&String::from_utf8_lossy(&text)));
        *held = Some((file, Arc::clone(&table)));
        Ok(table)
    }
}

/// Did anything change since this was asked last, or the file was opened (proc(5), "mounts")?
fn has_changed(file: &File) -> Result<bool> {
    let mut asked = [PollFd::new(file, PollFlags::PRI)];
    rustix::io::retry_on_intr(|| poll(&mut asked, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })))?;
    Ok(asked.iter().any(|it| it.revents().intersects(PollFlags::PRI | PollFlags::ERR)))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use engine::mountinfo::parse;

    /// Only root mounts anything: for anybody else there is nothing to be seen here.
    #[test]
    fn mounts_that_did_not_change_are_not_read_again_and_one_that_is_new_is_there_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().canonicalize().unwrap();
        let mounts = HostMounts::default();
        let has = |table: &Table| {
            let own = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
            parse(&own).iter().filter(|mount| mount.target == path).any(|mount| table.has(mount))
        };
        assert!(!has(&mounts.now().unwrap()));
        if !Command::new("mount").args(["-t", "tmpfs", "none"]).arg(&path).status().is_ok_and(|done| done.success()) {
            return;
        }
        let told = mounts.now().unwrap();
        let (found, kept) = (has(&told), (0..50).any(|_| Arc::ptr_eq(&mounts.now().unwrap(), &mounts.now().unwrap())));
        assert!(Command::new("umount").arg(&path).status().unwrap().success());
        assert!(found, "the kernel told of no change");
        // Others mount and unmount meanwhile.
        assert!(kept, "it was read anew each time");
    }
}
