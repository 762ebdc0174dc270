//! Wakes a follower when the spool changes, a signal comes, or its reader goes. In between it sleeps.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use notify::event::{Event, EventKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tool::Stop;

use crate::store::Store;

/// A reader takes together what comes within this time of the first change.
const GATHER: Duration = Duration::from_millis(50);

/// Wakes a reader that follows, when the spool changes, a signal comes, or nobody reads it any more.
#[derive(Debug)]
pub(crate) struct Wake {
    spool: PathBuf,
    directory: PathBuf,
    watcher: RecommendedWatcher,
    watched: Option<PathBuf>,
    /// Holds one word at most: that there is something to look at, not what.
    stirred: Receiver<()>,
}

impl Wake {
    /// Begins to watch.
    ///
    /// # Errors
    /// If the kernel gives no watch.
    pub(crate) fn on(store: &Store, stop: &Stop) -> Result<Self> {
        let (stir, stirred) = sync_channel(1);
        on_signals(stir.clone())?;
        let gone = stir.clone();
        stop.when_unread(move || {
            let _ = gone.try_send(());
        });
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            if event.is_ok_and(|event| is_change(&event)) {
                let _ = stir.try_send(());
            }
        });
        let watcher = watcher.context("the kernel gives no watch on files; see fs.inotify.max_user_instances")?;
        let (spool, directory) = (store.spool().path().to_owned(), store.directory().to_owned());
        let mut wake = Self { spool, directory, watcher, watched: None, stirred };
        wake.watch()?;
        Ok(wake)
    }

    /// Sleeps until something changed, or for so long.
    ///
    /// # Errors
    /// If what is to be watched is gone.
    pub(crate) fn wait(&mut self, longest: Option<Duration>) -> Result<()> {
        let _stirred = match longest {
            Some(longest) => self.stirred.recv_timeout(longest).is_ok(),
            None => self.stirred.recv().is_ok(),
        };
        thread::sleep(GATHER);
        while self.stirred.try_recv().is_ok() {}
        self.watch()
    }

    /// Watches the spool, or the folder that it will be made in. Anew each time: the folder may be another by now.
    fn watch(&mut self) -> Result<()> {
        if let Some(old) = self.watched.take() {
            // A watch ends by itself with its folder.
            let _ = self.watcher.unwatch(&old);
        }
        let path: &Path = if self.spool.is_dir() { &self.spool } else { &self.directory };
        self.watcher
            .watch(path, RecursiveMode::NonRecursive)
            .with_context(|| format!("{}: cannot be watched", path.display()))?;
        self.watched = Some(path.to_owned());
        Ok(())
    }
}

/// Reading a segment is no change of it: a follower would wake itself.
fn is_change(event: &Event) -> bool {
    event.need_rescan() || !matches!(event.kind, EventKind::Access(_))
}

fn on_signals(stir: SyncSender<()>) -> Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    thread::spawn(move || {
        for _ in signals.forever() {
            let _ = stir.try_send(());
        }
    });
    Ok(())
}
