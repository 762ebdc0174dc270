//! What is to be scanned: bounded, each file once, with a flag for what did not fit.
//!
//! Three lines, and a waiting room. `Urgent` is for what just changed, `Later` for what a walk found, `Again` for what
//! older signatures judged. A walk waits for room. An event never does: it raises the overflow flag, and the answer to
//! that is a walk. In the waiting room a file stays until its time: a `.tmp`, a file that is being written.
//!
//! The bound is one of files and one of bytes: whoever writes the share chooses how long its paths are.
//!
//! Workers do not sleep on a condition variable: they poll an eventfd beside their socket to clamd. It is readable
//! exactly while there is something to take, or the queue is closed.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, eventfd};

pub(crate) use pace::{Pace, Permit};
use task::Key;
pub(crate) use task::{Task, Urgency};

mod pace;
mod task;

/// The most bytes of paths that wait. 65536 paths have room in it up to 512 bytes each.
const MOST_BYTES: usize = 32 << 20;

/// How full the queue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backlog {
    /// Files ready to be scanned.
    pub(crate) depth: usize,
    /// How long the longest waiting of them has waited.
    pub(crate) oldest: Duration,
}

#[derive(Debug)]
enum Slot {
    Ready(Task),
    Waiting(Task, Instant),
}

#[derive(Debug, Default)]
struct State {
    urgent: VecDeque<(Key, u64)>,
    later: VecDeque<(Key, u64)>,
    again: VecDeque<(Key, u64)>,
    waiting: BTreeMap<(Instant, u64), Key>,
    slots: HashMap<Key, (u64, Slot)>,
    /// Bytes of all paths in it.
    bytes: usize,
    /// Files ready, without the stale entries that an upgrade leaves in a line.
    ready: usize,
    serial: u64,
    overflowed: bool,
    closed: bool,
    stopped: bool,
    signalled: bool,
}

/// The queue. All its methods may be called from any thread.
#[derive(Debug)]
pub(crate) struct Queue {
    state: Mutex<State>,
    /// Room was made, a time came nearer, or the queue was closed.
    changed: Condvar,
    signal: OwnedFd,
    capacity: usize,
}

impl Queue {
    /// A queue for at most `capacity` files.
    pub(crate) fn new(capacity: usize) -> std::io::Result<Self> {
        let signal = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self { state: Mutex::default(), changed: Condvar::new(), signal, capacity })
    }

    /// Puts a file in its line, or moves it there from the waiting room. Without room it is dropped
    /// and the overflow flag raised.
    pub(crate) fn push(&self, task: Task) {
        let mut state = self.lock();
        if self.is_full(&state, &task) {
            state.overflowed = true;
            return;
        }
        state.admit(task);
        self.signal(&mut state);
    }

    /// Puts a file in its line, and waits until there is room. Says whether it was taken: not when closed.
    pub(crate) fn push_waiting(&self, task: Task) -> bool {
        let mut state = self.lock();
        while self.is_full(&state, &task) && !state.closed {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return false;
        }
        state.admit(task);
        self.signal(&mut state);
        true
    }

    /// Puts a file in the waiting room until `due`. Where it is ready, or waiting for an earlier time,
    /// that stands.
    pub(crate) fn push_at(&self, mut task: Task, due: Instant) {
        let mut state = self.lock();
        // Others may be scanned again while this one waits.
        task.permit = None;
        match state.slots.get_mut(&task.key()) {
            Some((_, Slot::Ready(there))) => return there.absorb(&task),
            Some((_, Slot::Waiting(waiting, there))) if *there <= due => return waiting.absorb(&task),
            Some((serial, Slot::Waiting(waiting, there))) => {
                task.absorb(waiting);
                let key = (*there, *serial);
                state.waiting.remove(&key);
            }
            None => {}
        }
        if self.is_full(&state, &task) {
            state.overflowed = true;
            return;
        }
        if !state.stopped {
            state.delay(task, due);
        }
        self.signal(&mut state);
        self.changed.notify_all();
    }

    /// Gives a file back to the head of its line: it was taken, and could not be begun.
    pub(crate) fn put_back(&self, task: Task) {
        let mut state = self.lock();
        state.admit_at_head(task);
        self.signal(&mut state);
    }

    /// The next file, the urgent ones first. `None` when there is none now.
    pub(crate) fn take(&self) -> Option<Task> {
        let mut state = self.lock();
        let task = state.next();
        self.signal(&mut state);
        if task.is_some() {
            self.changed.notify_all();
        }
        task
    }

    /// Was something dropped since this was last asked?
    pub(crate) fn take_overflow(&self) -> bool {
        std::mem::take(&mut self.lock().overflowed)
    }

    /// Raises the overflow flag: the kernel dropped something.
    pub(crate) fn overflow(&self) {
        self.lock().overflowed = true;
    }

    /// How much is ready, and for how long the head of the line has waited.
    pub(crate) fn backlog(&self) -> Backlog {
        let state = self.lock();
        let seen = [&state.urgent, &state.later, &state.again].into_iter().filter_map(|line| {
            line.iter().find_map(|(key, serial)| match state.slots.get(key) {
                Some((current, Slot::Ready(task))) if current == serial => Some(task.seen),
                _ => None,
            })
        });
        let oldest = seen.min().map_or(Duration::ZERO, |seen| seen.elapsed());
        Backlog { depth: state.ready, oldest }
    }

    /// Nothing more comes in; what is ready is still given out.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        self.signal(&mut state);
        self.changed.notify_all();
    }

    /// Nothing more comes in, and nothing more goes out.
    pub(crate) fn stop(&self) {
        let mut state = self.lock();
        *state = State { closed: true, stopped: true, signalled: state.signalled, ..State::default() };
        self.signal(&mut state);
        self.changed.notify_all();
    }

    /// Closed, and nothing left to give out?
    pub(crate) fn is_over(&self) -> bool {
        let state = self.lock();
        state.closed && state.ready == 0 && state.waiting.is_empty()
    }

    /// Moves files whose time has come from the waiting room to their line, until the queue is
    /// stopped: a thread of its own.
    pub(crate) fn tend(&self) {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            state.promote(now);
            self.signal(&mut state);
            let next = state.waiting.first_key_value().map(|((due, _), _)| due.saturating_duration_since(now));
            state = match next {
                _ if state.stopped => return,
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(time) => self.changed.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }

    fn is_full(&self, state: &State, task: &Task) -> bool {
        let is_over = state.slots.len() >= self.capacity || state.bytes + task.below.len() > MOST_BYTES;
        is_over && !state.slots.contains_key(&task.key())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the eventfd say what is so. It cannot fail but for a full counter, which says the same.
    fn signal(&self, state: &mut State) {
        let wanted = state.ready > 0 || (state.closed && state.waiting.is_empty());
        if wanted && !state.signalled {
            let _ = rustix::io::write(&self.signal, &1u64.to_ne_bytes());
        } else if !wanted && state.signalled {
            let _ = rustix::io::read(&self.signal, &mut [0u8; 8]);
        }
        state.signalled = wanted;
    }
}

impl AsFd for Queue {
    /// Readable while there is something to take, or the queue is closed.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.signal.as_fd()
    }
}

impl State {
    fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// Into the line of its urgency. A file that is there already keeps its first sight; the higher
    /// urgency counts. What it leaves behind in another line is stale by its serial.
    fn admit(&mut self, task: Task) {
        if let Some(task) = self.merge(task) {
            self.line_up(task, false);
        }
    }

    fn admit_at_head(&mut self, task: Task) {
        if let Some(task) = self.merge(task) {
            self.line_up(task, true);
        }
    }

    fn merge(&mut self, mut task: Task) -> Option<Task> {
        if self.stopped {
            return None;
        }
        match self.slots.get_mut(&task.key()) {
            Some((_, Slot::Ready(there))) if there.urgency >= task.urgency => {
                there.absorb(&task);
                return None;
            }
            Some((_, Slot::Ready(there))) => {
                task.absorb(there);
                self.ready -= 1;
            }
            Some((serial, Slot::Waiting(there, due))) => {
                task.absorb(there);
                self.waiting.remove(&(*due, *serial));
            }
            None => {}
        }
        Some(task)
    }

    fn line_up(&mut self, task: Task, at_head: bool) {
        let serial = self.next_serial();
        let line = match task.urgency {
            Urgency::Urgent => &mut self.urgent,
            Urgency::Later => &mut self.later,
            Urgency::Again => &mut self.again,
        };
        let entry = (task.key(), serial);
        if at_head {
            line.push_front(entry);
        } else {
            line.push_back(entry);
        }
        self.put(task.key(), (serial, Slot::Ready(task)));
        self.ready += 1;
    }

    fn put(&mut self, key: Key, slot: (u64, Slot)) {
        let length = key.1.len();
        if self.slots.insert(key, slot).is_none() {
            self.bytes += length;
        }
    }

    fn remove(&mut self, key: &Key) -> Option<(u64, Slot)> {
        let slot = self.slots.remove(key)?;
        self.bytes -= key.1.len();
        Some(slot)
    }

    fn delay(&mut self, task: Task, due: Instant) {
        let serial = self.next_serial();
        self.waiting.insert((due, serial), task.key());
        self.put(task.key(), (serial, Slot::Waiting(task, due)));
    }

    fn promote(&mut self, now: Instant) {
        while let Some(entry) = self.waiting.first_entry().filter(|entry| entry.key().0 <= now) {
            let key = entry.remove();
            if let Some((_, Slot::Waiting(task, _))) = self.remove(&key) {
                self.line_up(task, false);
            }
        }
    }

    fn next(&mut self) -> Option<Task> {
        while let Some((key, serial)) =
            self.urgent.pop_front().or_else(|| self.later.pop_front()).or_else(|| self.again.pop_front())
        {
            if self.slots.get(&key).is_none_or(|(current, _)| *current != serial) {
                continue;
            }
            if let Some((_, Slot::Ready(task))) = self.remove(&key) {
                self.ready -= 1;
                return Some(task);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
