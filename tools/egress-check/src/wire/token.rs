//! Random bytes that nobody else can know: what carries them back belongs to us.

use rustix::rand::{GetRandomFlags, getrandom};

use super::Step;
use crate::probe::observation::Observation;

/// `N` random bytes from the kernel.
pub(super) fn fresh<const N: usize>() -> Step<[u8; N]> {
    let mut token = [0u8; N];
    getrandom(&mut token, GetRandomFlags::empty()).map_err(|error| Observation::NotMade(error.to_string()))?;
    Ok(token)
}
