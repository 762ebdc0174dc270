//! `cellblock.cell`: what `sandboxctl` has to say that ECS has no word for.

use crate::fields::field_set;

field_set! {
    /// `cellblock.cell.control`: what a control compared.
    Control {
        /// What it was held against: `container`, `network`, `image` or `engine`.
        target: String,
        /// What the policy or the baseline asks for.
        expected: String,
        /// What was found; never a secret's value.
        found: String,
        /// The deviation is known, justified and dated.
        waived: Waived,
    }
}

field_set! {
    /// `cellblock.cell.control.waived`: a deviation that the policy accepts for a time.
    Waived {
        /// The last day it holds, UTC, `2027-01-31`.
        until: String,
        /// Why it is accepted.
        reason: String,
    }
}

field_set! {
    /// `cellblock.cell.service`: how a service stands.
    Service {
        /// Its name in `compose.yaml`.
        name: String,
        /// Docker's word: `running`, `exited`, `paused`, … or `absent`.
        state: String,
        /// Docker's word: `healthy`, `unhealthy`, `starting`, `none`.
        health: String,
        /// What the last health check printed, at most 512 characters.
        health_output: String,
        /// How often Docker has restarted it.
        restarts: u64,
        /// What it uses of its limits.
        usage: Usage,
        /// SHA-256 of the policy that it was made for, `sha256:` and 64 hex digits.
        policy: String,
    }
}

field_set! {
    /// `cellblock.cell.service.usage`: what a service uses of its limits, by the kernel's count.
    Usage {
        /// Bytes of memory, without what the kernel can give up at once.
        memory: u64,
        /// Bytes that it may have.
        memory_limit: u64,
        /// How often the kernel ended a process because memory ran out, since it started.
        killed: u64,
        /// Processor time, in billionths of a processor, over a quarter of a second.
        processors: u64,
        /// How much it may have, in billionths of a processor.
        processors_limit: u64,
        /// How often it was held back at that limit since it started, in periods of the scheduler.
        throttled: u64,
        /// How many processes and threads there are.
        processes: u64,
        /// How many it may have.
        processes_limit: u64,
        /// How often the kernel refused it one more, since it started.
        refused: u64,
        /// Bytes that Docker keeps of its log.
        log: u64,
        /// Bytes that Docker keeps at most.
        log_limit: u64,
    }
}

field_set! {
    /// `cellblock.cell.storage`: a folder with a bound.
    Storage {
        /// `share`, `jail`, `spool`, `database`.
        name: String,
        /// How many bytes are in use.
        used: u64,
        /// Bytes it may hold, by the policy.
        limit: u64,
        /// Files and folders in it (inodes), where it is a file system of its own.
        files: u64,
        /// How many there may be.
        files_limit: u64,
    }
}

field_set! {
    /// The keeper's field set.
    Cell {
        /// The control that an audit evaluated.
        control: Control,
        /// The state of a service.
        service: Service,
        /// How full a bounded folder is.
        storage: Storage,
        /// The name of a secret; its value is in no record.
        secret: String,
        /// What clients pin: `sha256:` and the certificate's digest.
        pin: String,
        /// SHA-256 of the certificate's public key (SPKI), 64 hex digits.
        spki_sha256: String,
        /// Which of the vault's certificates: `current` or `next`.
        certificate: String,
    }
}
