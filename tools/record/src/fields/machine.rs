//! `host.*`, `process.*` and `error.*`.

use super::field_set;

field_set! {
    /// `host.*`: the machine.
    Host {
        /// Its name.
        name: String,
        /// Its addresses.
        ip: Vec<std::net::IpAddr>,
    }
}

field_set! {
    /// `process.*`
    Process {
        /// Process id in the host's own namespace.
        pid: u32,
        /// What it is called.
        name: String,
        /// Path of the program.
        executable: String,
        /// How it ended, 0 to 255.
        exit_code: i64,
    }
}

field_set! {
    /// `error.*`: what went wrong.
    Error {
        /// For a person.
        message: String,
        /// The system's own number or name of it.
        code: String,
        /// What sort of error.
        #[serde(rename = "type")]
        kind: String,
    }
}
