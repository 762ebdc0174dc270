//! What somebody waits for.

use futures_util::future::BoxFuture;

use crate::Error;

/// Work that the engine does for us. It is boxed, so that this crate compiles what is below it: HTTP, and the reading
/// of Docker's models.
///
/// rustc compiles the body of an `async fn` where it is awaited: in each tool, and again in each tool's tests. That was
/// three tenths of netguard's LLVM lines, and a quarter of sandboxctl's.
pub type Work<'a, T> = BoxFuture<'a, T>;

/// The engine's answer, or its error.
pub type Answer<'a, T> = Work<'a, Result<T, Error>>;
