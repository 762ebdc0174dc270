//! After a crash: what is in the jail already, and was not told, is completed before anything else.

use std::os::fd::AsFd;
use std::sync::Arc;

use rustix::fs::fstat;

use crate::court::Court;
use crate::examine::Held;
use crate::jail::{Jail, Pending, Sidecar, sha256};
use crate::place::Place;
use crate::quarantine::{Deed, mark, neutralise, tombstone};
use crate::stamp::size;
use crate::tell;

/// Completes or undoes what a crash left.
pub(crate) fn recover(court: &Court, jail: &Jail, place: &Arc<Place>) -> anyhow::Result<()> {
    for pending in jail.recover()? {
        match pending {
            Pending::Undone(id) => court.tell(&tell::undone(&id)),
            Pending::Committed(sidecar) => complete(court, jail, place, &sidecar)?,
        }
    }
    Ok(())
}

fn complete(court: &Court, jail: &Jail, place: &Arc<Place>, sidecar: &Sidecar) -> anyhow::Result<()> {
    let below = sidecar.below()?;
    let mut deed = Deed::default();
    if let Ok(spot) = place.spot(&below) {
        // The very content that is in the jail is still at its place: it goes now. The inode's number
        // does not say it (a loop device gets another number with each mount), the hash does.
        let original = spot.open().and_then(|file| fstat(&file).map(|stat| (file, stat)));
        match original {
            Ok((file, stat)) if is_same(&file, size(&stat), sidecar) => {
                let held = Held { spot, file, stat, writer: false };
                deed = neutralise(&held);
                if !deed.emptied {
                    court.see_to(&held.file, place.shown(&below), &sidecar.id);
                }
                mark(&held.spot, &mut deed, &tombstone(sidecar, true));
            }
            _ => mark(&spot, &mut deed, &tombstone(sidecar, true)),
        }
    }
    if court.check(&tell::recovered(sidecar, &place.shown(&below), &deed), record::Outcome::Failure) {
        jail.settle(&sidecar.id)?;
    }
    Ok(())
}

fn is_same(file: &impl AsFd, size: u64, sidecar: &Sidecar) -> bool {
    size == sidecar.size && sha256(file.as_fd(), size).is_ok_and(|hash| hash == sidecar.sha256)
}
