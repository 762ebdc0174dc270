//! One file a section: its fields with unit and range, and what is refused.

pub(crate) mod audit;
pub mod blocklist;
pub(crate) mod ceiling;
pub(crate) mod cell;
pub(crate) mod classify;
pub(crate) mod egress;
pub(crate) mod moat;
pub(crate) mod networks;
pub(crate) mod proxy;
pub(crate) mod repo;
pub(crate) mod vault;
pub(crate) mod waiver;
pub(crate) mod warden;
