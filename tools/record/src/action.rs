//! Who writes records, and every action there is.
//!
//! One table, so that a test can hold `man/cellblock-record.5` against it. It fails for an action that a tool emits and
//! the page does not explain, and for the reverse.

use crate::gate::GATE;

/// The tool that wrote a record: `event.provider`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Provider {
    /// The moat's tool.
    Netguard,
    /// The inspector's tool.
    EgressCheck,
    /// The warden's tool.
    Scanwatch,
    /// The record, and the monitor's `refs`.
    Auditdb,
    /// The keeper's tool: it audits and renders the composition.
    Sandboxctl,
}

impl Provider {
    /// Every tool that writes records.
    pub const ALL: [Self; 5] = [Self::Netguard, Self::EgressCheck, Self::Scanwatch, Self::Auditdb, Self::Sandboxctl];

    /// The tool's name, as in `event.provider` and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Netguard => "netguard",
            Self::EgressCheck => "egress-check",
            Self::Scanwatch => "scanwatch",
            Self::Auditdb => "auditdb",
            Self::Sandboxctl => "sandboxctl",
        }
    }
}

macro_rules! actions {
    ($($(#[$group:meta])* $provider:tt { $($variant:ident = $name:literal : $meaning:literal,)* })*) => {
        /// What happened, in the past tense: `event.action`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(rustdoc::broken_intra_doc_links, reason = "a meaning names [[repo]], which is the policy's and no link")]
        pub enum Action {
            $($(#[doc = $meaning] $variant,)*)*
        }

        impl Action {
            /// Every action with the tool that emits it (`every tool` for what they share) and its meaning.
            pub const ALL: &'static [(Self, &'static str, &'static str)] =
                &[$($((Self::$variant, $provider, $meaning),)*)*];

            /// The action as it stands in `event.action`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $($(Self::$variant => $name,)*)* }
            }
        }
    };
}

actions! {
    "every tool" {
        RunFinished = "run-finished": "A run ended; cellblock.counts tells what was checked.",
    }
    "netguard" {
        RulePlanned = "rule-planned": "A rule that the policy asks for.",
        SetPlanned = "set-planned": "A set of addresses that the policy asks for, or a part of one.",
        MoatApplied = "moat-applied": "The rules were loaded into the kernel, all at once.",
        MoatRemoved = "moat-removed": "The rules were taken out of the kernel.",
        MoatKept = "moat-kept": "The rules were not taken out, because something is still behind them.",
        ConnectionsFlushed = "connections-flushed": "Connections from before the rules, which they refuse, were forgotten.",
        RuleVerified = "rule-verified": "A rule of the plan was looked for in the kernel.",
        SetVerified = "set-verified": "A set of the plan was looked for in the kernel.",
        ChainVerified = "chain-verified": "A chain of the plan, its hook and the order of its rules were looked for in the kernel.",
        VerdictExplained = "verdict-explained": "What the moat does with a packet, and the rule that says so.",
        FlowDenied = "flow-denied": "A member tried what it may not; how often, and why not.",
        FlowsUnrecorded = "flows-unrecorded": "A member tried more than is kept of it: refused all the same, and counted together.",
        MoatWatched = "moat-watched": "The moat stands as planned, and is watched from now on.",
        PermitSettled = "permit-settled": "Whether Docker may start what is behind the moat, by what was checked.",
        MoatRestored = "moat-restored": "The moat was not as planned, and was loaded again; for how long, and what came meanwhile.",
        MoatLost = "moat-lost": "The moat is not as planned, and could not be loaded again.",
        PolicyTaken = "policy-taken": "The policy was changed while it was watched, and is kept as it is now.",
        PolicyRefused = "policy-refused": "The policy was changed while it was watched and cannot be read; the last good one is kept, and there is no permit.",
        RulesSaved = "rules-saved": "The rules that were loaded are kept for a time when the policy cannot be read.",
        SavedRulesUsed = "saved-rules-used": "The policy cannot be read: the last good rules are in force instead, and there is no permit.",
        EngineHeard = "engine-heard": "Docker answers, and its events are followed.",
        EngineSilent = "engine-silent": "Docker does not answer, or no longer; the rules are kept all the same.",
        StrangerFound = "stranger-found": "The moat's table holds something that is not in the plan.",
        ShadowChecked = "shadow-checked": "A bypass was looked for: what defeats the moat although its rules stand; rule.id names it.",
    }
    "egress-check" {
        ProbePlanned = "probe-planned": "A probe that the policy asks for.",
        ProbeLeftOut = "probe-left-out": "A probe was not made: the kernel of its place has no route to the target.",
        ProbeEvaluated = "probe-evaluated": "A probe was made, and held against what the policy says.",
        PinEvaluated = "pin-evaluated": "The certificate behind a wss address was held against the pins.",
    }
    "scanwatch" {
        WatchStarted = "watch-started": "The warden began to watch the share.",
        FileScanned = "file-scanned": "A file was scanned, and nothing was found.",
        FileInfected = "file-infected": "A file was found to be infected, and stays where it is.",
        FileQuarantined = "file-quarantined": "An infected file was moved to the jail.",
        FileNeutralised = "file-neutralised": "An infected file was removed without a copy, because the jail is full.",
        FileUnscanned = "file-unscanned": "A file could not be scanned; event.reason says why.",
        FileHashed = "file-hashed": "A file of the share, with the SHA-256 of its content; event.reason says why there is none.",
        SetIdStripped = "set-id-stripped": "A set-user-id or set-group-id bit was taken off a file.",
        ScannerVerified = "scanner-verified": "The engine flagged the planted marker and what exceeds its limits.",
        ScannerDegraded = "scanner-degraded": "The engine answers, but not in a way that can be relied on.",
        ScannerUnavailable = "scanner-unavailable": "The engine does not answer; files wait.",
        ScannerReturned = "scanner-returned": "The engine answers again; what waited is scanned.",
        SignaturesChanged = "signatures-changed": "The engine has other signatures; what the older ones judged is scanned again.",
        SignaturesRefused = "signatures-refused": "Signatures of one's own are broken, and were not loaded; event.reason says in which line.",
        SignaturesAccepted = "signatures-accepted": "Signatures of one's own that were refused before are loaded.",
        RemainsEmptied = "remains-emptied": "What of a jailed file could not be emptied at first is empty now.",
        BacklogReported = "backlog-reported": "Files wait to be scanned: how many, and since when.",
        QueueOverflowed = "queue-overflowed": "Changes came faster than they could be noted; the whole share is walked again.",
        WatchesExhausted = "watches-exhausted": "The kernel gives no more watches; the rest is found by walking.",
        DirectoryUnread = "directory-unread": "A directory could not be walked; what is in it is unknown.",
        RescanFinished = "rescan-finished": "A walk of the whole share ended.",
        JailRecovered = "jail-recovered": "What a crash left half done in the jail was completed or undone.",
        JailListed = "jail-listed": "An entry of the jail: what was found, where and when.",
        JailVerified = "jail-verified": "The content of an entry of the jail was held against its facts.",
        FileRestored = "file-restored": "A file was brought back from the jail.",
        RestoreRefused = "restore-refused": "A file was not brought back from the jail; event.reason says why.",
        JailPurged = "jail-purged": "An entry of the jail was removed for good.",
        HashAllowed = "hash-allowed": "Content with this hash is left alone from now on, although it is detected.",
        PartTested = "part-tested": "A part that the warden rests on was tested.",
    }
    "auditdb" {
        LinesIngested = "lines-ingested": "Lines were written to the spool, and are on the disk.",
        LineRejected = "line-rejected": "A line is no record, or gives itself out for another tool's; it is kept in cellblock.rejected.",
        IdClashed = "id-clashed": "Two different lines of one source carry the same event.id; both are kept.",
        LinesLost = "lines-lost": "A source wrote lines that never came in: how many where they are numbered, and between which times.",
        SpoolFilled = "spool-filled": "The spool reached its bound or the disk is full; the writer waits, nothing is dropped.",
        SpoolFreed = "spool-freed": "There is room again; the writer goes on.",
        SegmentVerified = "segment-verified": "The hash chain of a segment of the spool was computed again.",
        RecordVerified = "record-verified": "Whether the record is complete, by its checkpoints and anchors.",
        ProofVerified = "proof-verified": "A proof that one line was in the record was held against a public key.",
        DatabaseRebuilt = "database-rebuilt": "The database was made again from the spool.",
        PrunePlanned = "prune-planned": "What auditdb prune would remove.",
        RecordsPruned = "records-pruned": "Records older than the policy keeps them were removed.",
        RecordsExported = "records-exported": "Records were written for other programs; printed, never kept.",
        RefsUnlisted = "refs-unlisted": "A repository was read that no [[repo]] of the policy names.",
        RefsFirstSeen = "refs-first-seen": "A repository was read for the first time: how many refs, and the digest of all; branches and the like have no line of their own.",
        RefFirstSeen = "ref-first-seen": "A tag was there when its repository was read for the first time.",
        RefCreated = "ref-created": "A ref of a watched repository is new.",
        RefMoved = "ref-moved": "A ref of a watched repository points elsewhere than before.",
        RefDeleted = "ref-deleted": "A ref of a watched repository is gone.",
        RefsMoved = "refs-moved": "Many tags of a repository moved in one round, against the policy; each has its own line too.",
        RefPinBroken = "ref-pin-broken": "A ref does not point to what the policy pins it to; told in each round.",
        RefRecalled = "ref-recalled": "Where a ref pointed, from when to when or at a time, by the record; printed, never kept.",
        RefsRead = "refs-read": "All refs of a watched repository were read, and compared with those of the round before.",
        PeriodReported = "period-reported": "What a report covers: how many lines, and when.",
        LayerReported = "layer-reported": "What the last checks of a layer said; event.end is when the last of them was made.",
        FindingReported = "finding-reported": "A check that is no pass, or was none and is mended; cellblock.report.standing says which.",
        RefusalReported = "refusal-reported": "A destination that was refused, and how often.",
        IncidentReported = "incident-reported": "A file that was jailed, or a ref that moved and must not; until event.end, if it is over.",
        GapReported = "gap-reported": "What the record does not tell: lines that are lost, a time without any, or why its answer may not be whole.",
        RefsUnreachable = "refs-unreachable": "A watched repository could not be read; nothing is known of its refs.",
        MirrorUnreachable = "mirror-unreachable": "What a change of a ref means could not be told: the mirror of its repository has not all of it.",
    }
    "sandboxctl" {
        ControlEvaluated = "control-evaluated": "A control was held against a container, an image, a network or the engine.",
        ServiceReported = "service-reported": "How a service of the composition stands.",
        StorageReported = "storage-reported": "How full a bounded folder is, or whether a container has the share.",
        CertificateCreated = "certificate-created": "A key and a certificate for the vault were made.",
        CertificateKept = "certificate-kept": "A certificate was asked for and is there already; nothing was changed.",
        CertificateRenewed = "certificate-renewed": "The next certificate took the place of the current one.",
        CertificateShown = "certificate-shown": "A certificate of the vault, with its pin.",
        CertificateDelivered = "certificate-delivered": "Key and certificate were put into the running vault.",
        CellFrozen = "cell-frozen": "The cell was paused and its network cut.",
        CellThawed = "cell-thawed": "The cell has its network again, and runs.",
        EngineStopped = "engine-stopped": "The Docker engine ended, or its events did.",
        EngineStarted = "engine-started": "The Docker engine answers again.",
        ContainerExited = "container-exited": "A container ended; its exit status and event.reason say how.",
        PromiseChecked = "promise-checked": "Whether the cell has something that the policy promises it.",
        EngineEventSeen = "engine-event-seen": "The Docker engine did something to a container, a network or itself.",
        SecretChecked = "secret-checked": "Whether a secret that the policy names is where it is needed.",
        SecretDropped = "secret-dropped": "A secret was taken out of the tmpfs of a running container.",
        EvidenceKept = "evidence-kept": "What a frozen cell was at: a process, a file that it holds open, a connection, or what it said last.",
        SecretDelivered = "secret-delivered": "A secret was put into the tmpfs of a running container.",
    }
    // Written by scripts/acceptance.
    "acceptance" {
        CriterionEvaluated = "criterion-evaluated": "A sentence of the security architecture was held against its evidence.",
        HostEvaluated = "host-evaluated": "The host was looked at; rule.id says for what.",
        TryEvaluated = "try-evaluated": "Something was tried, such as a burst of requests or the test virus; rule.id says what.",
    }
    // Written by scripts/remote.
    "remote" {
        RemoteChecked = "remote-checked": "A condition of remote access through Tailscale on the host was looked at.",
    }
    // Written by scripts/classify.
    "classify" {
        RefClassified = "ref-classified": "A model was asked what to call a change of a ref; its label informs, and decides nothing.",
    }
    // Written by the gate's script in nginx (compose/images/proxy/njs/record.js), which a test of sandboxctl holds to
    // this.
    GATE {
        RequestAllowed = "request-allowed": "A rule let a request through, and the upstream answered, if only with an error of its own.",
        RequestDenied = "request-denied": "A request was refused, or its name leads inside; error.code and event.reason say why.",
        RequestFailed = "request-failed": "A request was let through, and got no answer; error.code and event.reason say why.",
        ConnectionAllowed = "connection-allowed": "A client's own TLS was let through by the name in its handshake, and has ended.",
        ConnectionDenied = "connection-denied": "A connection was refused, or its name leads inside; error.code and event.reason say why.",
        ConnectionFailed = "connection-failed": "A connection was let through, and led nowhere; error.code and event.reason say why.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_kebab_case_and_stands_once() {
        let mut seen = std::collections::BTreeSet::new();
        for (action, provider, meaning) in Action::ALL {
            let name = action.name();
            assert!(name.split('-').count() >= 2, "{name} of {provider} is not an object and a verb");
            assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{name}");
            assert!(seen.insert(name), "{name} stands twice");
            assert!(meaning.ends_with('.'), "{name}: a meaning is a sentence");
        }
    }
}
