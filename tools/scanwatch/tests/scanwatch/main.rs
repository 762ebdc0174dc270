//! `scanwatch` as it is built, against a real clamd with the signatures that the warden ships with.

mod cli;
mod scan;
mod support;
mod watch;
