//! This machine, at the edge: what it is on, the kernel's sockets, the programs and files that a moat rests on.

pub(crate) mod docker;
pub(crate) mod interfaces;
pub(crate) mod netlink;
pub(crate) mod numbers;
pub(crate) mod owner;
pub(crate) mod permit;
pub(crate) mod program;
pub(crate) mod systemd;
mod ways_out;
