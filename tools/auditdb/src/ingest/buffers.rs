//! Memory for lines, used again. To give it back and ask for it anew each round was half of the kernel's time
//! (measured).

use std::sync::{Arc, Mutex, PoisonError};

/// How many pieces of memory are kept: those of a round, once as they came in and once sorted, and those that wait.
const MOST: usize = 40;
/// A longer one is not kept: few lines are, and their writers may be idle for days.
const LONGEST: usize = 512 << 10;

/// What is shared between who reads and who writes.
#[derive(Debug, Clone, Default)]
pub(super) struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

impl Buffers {
    /// Memory with nothing in it, perhaps used before.
    pub(super) fn take(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
    }

    /// Keeps memory that is needed no more.
    pub(super) fn give(&self, mut memory: Vec<u8>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if memory.capacity() <= LONGEST && kept.len() < MOST {
            memory.clear();
            kept.push(memory);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_comes_back_empty_and_never_more_than_a_bound() {
        let buffers = Buffers::default();
        buffers.give(b"a secret".to_vec());
        buffers.give(vec![0; LONGEST + 1]);
        let again = buffers.take();
        assert!(again.is_empty() && again.capacity() >= 8);
        assert_eq!(buffers.take().capacity(), 0, "the long one went to the system");
        (0..2 * MOST).for_each(|_| buffers.give(vec![1]));
        assert_eq!((0..2 * MOST).filter(|_| buffers.take().capacity() > 0).count(), MOST);
    }
}
