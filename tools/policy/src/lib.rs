//! The policy: one file says what the sandbox may do.
//!
//! Every part of Cellblock is derived from `policy.toml` and checked against it, so it is read in
//! one place, once, into a [`Policy`] that holds nothing a part could not enforce. Whoever has a
//! `Policy` need not check it again: a bridge name fits the kernel, a subnet is a network address,
//! a host name is canonical, a path is absolute, a hole names one address and one port.
//!
//! The format is documented for people in `cellblock-policy(5)`; a test keeps that page and this
//! crate in step. The way in, for a tool:
//!
//! ```no_run
//! # fn main() -> Result<(), policy::PolicyError> {
//! let args = policy::PolicyArgs { policy: None, root: None }; // #[command(flatten)] in clap
//! let policy = args.load()?;
//! for network in policy.active_networks() {
//!     println!("{} {} {:?}", network.name, network.bridge, network.class);
//! }
//! # Ok(())
//! # }
//! ```

mod audit;
pub mod blocklist;
mod bridge;
mod bytes;
mod cell;
mod cidr;
mod classify;
mod crosscheck;
mod document;
mod duration;
mod egress;
mod error;
mod excerpt;
mod folder;
mod hole;
mod host;
mod https;
mod invalid;
mod locate;
mod moat;
mod network;
mod networks;
mod origin;
mod pin;
mod policy;
pub mod private_file;
mod proxy;
mod rate;
mod ref_pin;
mod regular_file;
mod repo;
mod schema;
mod section;
mod service;
mod special;
mod timezone;
mod value;
mod vault;
mod waiver;
mod warden;

pub use crate::audit::{Anchor, Audit};
pub use crate::bridge::BridgeName;
pub use crate::bytes::Bytes;
pub use crate::cell::{Cell, Shape, Share};
pub use crate::classify::Classify;
pub use crate::duration::{parse_duration, show_duration};
pub use crate::egress::{Authorization, Egress, Tls};
pub use crate::error::{Fault, PolicyError};
pub use crate::hole::{Hole, Protocol};
pub use crate::host::HostPattern;
pub use crate::invalid::Invalid;
pub use crate::locate::{PolicyArgs, locate};
pub use crate::moat::{Deny, Moat, Refuse};
pub use crate::network::{Class, Network, NetworkName};
pub use crate::origin::Origin;
pub use crate::pin::Pin;
pub use crate::policy::{PERMITS, Policy};
pub use crate::proxy::Proxy;
pub use crate::rate::{Per, Rate};
pub use crate::ref_pin::RefPin;
pub use crate::repo::Repo;
pub use crate::schema::keys;
pub use crate::service::Service;
pub use crate::special::{SpecialPurpose, special_purpose, special_purpose_of, special_purpose_ranges};
pub use crate::vault::Vault;
pub use crate::waiver::Waiver;
pub use crate::warden::{Clamd, OnUnscanned, Warden};
