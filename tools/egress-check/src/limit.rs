//! How many sockets this process may hold. Without room for one, a probe could not be made.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors that are not probes: standard streams, namespaces, the runtime's own.
const OTHERS: u64 = 64;

/// Raises the soft limit as far as it may go, and says how many probes fit at each of two seats.
pub(crate) fn sockets(wanted: usize) -> usize {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // Refused only where the limit is as high already.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    let open = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let fits = usize::try_from(open.saturating_sub(OTHERS) / 2).unwrap_or(usize::MAX);
    wanted.min(fits).max(1)
}
