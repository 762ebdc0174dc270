//! After a crash: what is in the jail already, and was not told, is completed before anything else.

use std::os::fd::AsFd;
use std::sync::Arc;

use rustix::fs::fstat;

use crate::jail::quarantine::{mark, neutralise, tombstone};
use crate::jail::removal::Removal;
use crate::jail::{Jail, Pending, Sidecar};
use crate::pipeline::shared::Shared;
use crate::records;
use crate::share::content::sha256;
use crate::share::directory::Root;
use crate::share::file_state::size;
use crate::share::open_file::OpenFile;

/// Completes or undoes what a crash left.
pub(crate) fn recover(shared: &Shared, jail: &Jail, root: &Arc<Root>) -> anyhow::Result<()> {
    for pending in jail.recover()? {
        match pending {
            Pending::Undone(id) => shared.report(&records::undone(&id)),
            Pending::Committed(sidecar) => complete(shared, jail, root, &sidecar)?,
        }
    }
    Ok(())
}

fn complete(shared: &Shared, jail: &Jail, root: &Arc<Root>, sidecar: &Sidecar) -> anyhow::Result<()> {
    let below = sidecar.below()?;
    let mut removal = Removal::default();
    if let Ok(spot) = root.spot(&below) {
        // The very content that is in the jail is still at its place: it goes now. The inode's number
        // does not say it (a loop device gets another number with each mount), the hash does.
        let original = spot.open().and_then(|file| fstat(&file).map(|stat| (file, stat)));
        match original {
            Ok((file, stat)) if is_same(&file, size(&stat), sidecar) => {
                let held = OpenFile { spot, file, stat, writer: false };
                removal = neutralise(&held);
                if !removal.emptied {
                    shared.watch_until_empty(&held.file, root.shown(&below), &sidecar.id);
                }
                mark(&held.spot, &mut removal, &tombstone(sidecar, true));
            }
            _ => mark(&spot, &mut removal, &tombstone(sidecar, true)),
        }
    }
    if shared.check(&records::recovered(sidecar, &root.shown(&below), &removal), record::Outcome::Failure) {
        jail.settle(&sidecar.id)?;
    }
    Ok(())
}

fn is_same(file: &impl AsFd, size: u64, sidecar: &Sidecar) -> bool {
    size == sidecar.size && sha256(file.as_fd(), size).is_ok_and(|hash| hash == sidecar.sha256)
}
