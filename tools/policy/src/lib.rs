//! The policy: one file says what the sandbox may do.
//!
//! Every part of Cellblock is derived from `policy.toml` and checked against it. So it is read in one place, once, into
//! a [`Policy`] that holds nothing a part could not enforce. Whoever has a `Policy` need not check it again. A bridge
//! name fits the kernel, a subnet is a network address, and a host name is canonical. A path is absolute, and a hole
//! names one address and one port.
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

mod args;
mod crosscheck;
mod error;
mod load;
mod locate;
mod policy;
pub mod private_file;
mod reader;
mod regular_file;
mod sections;
mod types;

pub use crate::args::PolicyArgs;
pub use crate::error::{Fault, PolicyError};
pub use crate::locate::locate;
pub use crate::policy::{PERMITS, Policy, put_aside};
pub use crate::reader::invalid::Invalid;
pub use crate::reader::schema::keys;
pub use crate::sections::audit::{Anchor, Audit, DEFAULT_CHECKPOINT};
pub use crate::sections::blocklist;
pub use crate::sections::ceiling::Ceiling;
pub use crate::sections::cell::{Cell, Shape, Share};
pub use crate::sections::classify::Classify;
pub use crate::sections::egress::{Authorization, Egress, Tls};
pub use crate::sections::moat::{Deny, Moat, Refuse};
pub use crate::sections::proxy::Proxy;
pub use crate::sections::repo::{Mirror, Repo, is_same_repository};
pub use crate::sections::vault::Vault;
pub use crate::sections::waiver::Waiver;
pub use crate::sections::warden::{Clamd, OnUnscanned, Warden};
pub use crate::types::bridge::BridgeName;
pub use crate::types::bytes::Bytes;
pub use crate::types::hole::{Hole, Protocol};
pub use crate::types::host::HostPattern;
pub use crate::types::network::{Class, Network, NetworkName};
pub use crate::types::origin::Origin;
pub use crate::types::pin::Pin;
pub use crate::types::rate::{Per, Rate};
pub use crate::types::ref_pin::RefPin;
pub use crate::types::service::Service;
pub use crate::types::special::{SpecialPurpose, special_purpose, special_purpose_of, special_purpose_ranges};
