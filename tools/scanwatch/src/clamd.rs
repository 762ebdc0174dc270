//! A small client of clamd, because the ones there are lack what the warden rests on: a descriptor
//! passed instead of a path (FILDES), sessions with several files in flight (IDSESSION), and replies
//! taken word for word. What is not understood is never "clean": it ends the session.

mod edition;
mod reply;
mod session;
mod trial;

pub(crate) use edition::Edition;
pub use reply::{Answer, Garbled, parse as parse_reply};
pub(crate) use session::{Broken, Session};
pub(crate) use trial::{Doubt, ENCRYPTED, LIMITS, NAMELESS, Trust, examine_engine};
