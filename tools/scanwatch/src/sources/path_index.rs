//! Which path a folder has that the kernel names in its own way: by a watch, or by a handle.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::share::directory::Below;

/// The most bytes of paths that are remembered. 100,000 folders have room in it up to 640 bytes each.
const MOST_BYTES: usize = 64 << 20;

/// Paths of folders, bounded in bytes: whoever writes the share chooses how long they are.
#[derive(Debug)]
pub(crate) struct PathIndex<K> {
    paths: HashMap<K, Below>,
    bytes: usize,
}

impl<K> Default for PathIndex<K> {
    fn default() -> Self {
        Self { paths: HashMap::new(), bytes: 0 }
    }
}

impl<K: Eq + Hash> PathIndex<K> {
    /// Is there room for one more path?
    pub(crate) fn has_room(&self, below: &Below) -> bool {
        self.bytes + below.len() <= MOST_BYTES
    }

    /// Notes the path of a folder, or its new one.
    pub(crate) fn put(&mut self, key: K, below: &Below) {
        self.bytes += below.len();
        if let Some(before) = self.paths.insert(key, Arc::clone(below)) {
            self.bytes -= before.len();
        }
    }

    /// The path that was noted for a folder.
    pub(crate) fn get(&self, key: &K) -> Option<&Below> {
        self.paths.get(key)
    }

    /// Forgets a folder, and gives its bytes back to the budget.
    pub(crate) fn remove(&mut self, key: &K) {
        self.bytes -= self.paths.remove(key).map_or(0, |below| below.len());
    }

    /// How many folders it holds.
    pub(crate) fn count(&self) -> usize {
        self.paths.len()
    }
}

/// The folders that a source tells of, for the thread that adds some and the one that hears of them.
#[derive(Debug)]
pub(crate) struct Folders<K> {
    paths: Mutex<PathIndex<K>>,
    exhausted: AtomicBool,
}

impl<K> Default for Folders<K> {
    fn default() -> Self {
        Self { paths: Mutex::default(), exhausted: AtomicBool::new(false) }
    }
}

impl<K: Eq + Hash> Folders<K> {
    /// Their paths, held as long as the guard is.
    pub(crate) fn lock(&self) -> MutexGuard<'_, PathIndex<K>> {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that there was no room for one, of paths or of the kernel's watches.
    pub(crate) fn exhaust(&self) {
        self.exhausted.store(true, Ordering::Relaxed);
    }

    /// Was there no room for some folder? Then walking is all that is left for it.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.exhausted.load(Ordering::Relaxed)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.lock().count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_once_for_each_folder_and_come_back() {
        let mut paths = PathIndex::default();
        let long: Below = vec![b'x'; MOST_BYTES / 2].into();
        paths.put(1, &long);
        paths.put(1, &long);
        assert!(paths.has_room(&long));
        paths.put(2, &long);
        assert!(!paths.has_room(&long) && paths.count() == 2);
        paths.remove(&1);
        paths.remove(&1);
        assert!(paths.has_room(&long) && paths.get(&1).is_none());
    }
}
