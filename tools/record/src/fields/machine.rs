//! `host.*`, `process.*` and `error.*`.

use super::field_set;

field_set! {
    /// `host.*`: the machine.
    Host {
        /// The machine's host name.
        name: String,
        /// The machine's addresses, of both families.
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
        /// What went wrong, in a sentence for people.
        message: String,
        /// The system's own number or name of it.
        code: String,
        /// What sort of error.
        #[serde(rename = "type")]
        kind: String,
    }
}
