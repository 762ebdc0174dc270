//! The field sets of ECS that the tools use: one struct each, no names of our own.

mod connection;
mod container;
mod file;
mod machine;
mod rule;
mod web;

pub use connection::{Dns, Endpoint, Network, Question};
pub use container::{Container, Image};
pub use file::{File, Hash};
pub use machine::{Error, Host, Process};
pub use rule::{Rule, Vulnerability};
pub use web::{Body, Http, Request, Response, Tls, TlsClient, TlsServer, Url};

/// Declares a field set: every field optional, absent when not set, and no other name accepted.
macro_rules! field_set {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident : $type:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $(
                $(#[$field_meta])*
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub $field: Option<$type>,
            )*
        }
    };
}
pub(crate) use field_set;
