//! A small client of clamd, because the ones there are lack what the warden rests on. It passes a descriptor instead of
//! a path (FILDES), and has sessions with several files in flight (IDSESSION). Replies are taken word for word. What is
//! not understood is never "clean": it ends the session.

pub(crate) mod engine;
mod engine_version;
mod reply;
mod session;
pub(crate) mod status;
mod trial;
pub(crate) mod verdict;

pub(crate) use engine_version::EngineVersion;
pub use reply::{Answer, Garbled, parse as parse_reply};
pub(crate) use session::{Broken, Session};
pub(crate) use trial::{Doubt, ENCRYPTED, LIMITS, NAMELESS, Trust, examine_engine};
