//! What a value may be, each with its own spelling and its own refusal.

pub(crate) mod bridge;
pub(crate) mod bytes;
pub(crate) mod cidr;
pub(crate) mod duration;
pub(crate) mod hole;
pub(crate) mod host;
pub(crate) mod https;
pub(crate) mod name;
pub(crate) mod network;
pub(crate) mod origin;
pub(crate) mod pin;
pub(crate) mod rate;
pub(crate) mod ref_pin;
pub(crate) mod service;
pub(crate) mod special;
pub(crate) mod timezone;
