//! Is the engine there, and is it the one to rely on? Workers find out that it went away; only a trial
//! with the planted marker makes it count as there again.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use policy::Clamd;

use crate::clamd::{Broken, EngineVersion, Session, Trust, examine_engine};

/// The engine as the last trial left it.
#[derive(Debug)]
pub(crate) struct Engine {
    address: Clamd,
    allow_degraded: bool,
    up: AtomicBool,
    engine_version: Mutex<Option<EngineVersion>>,
    names: Mutex<(Arc<str>, Arc<str>)>,
}

/// How a trial changed the engine's state.
#[derive(Debug)]
pub(crate) enum Change {
    /// It can be relied on, or may be used although it cannot.
    Up(Trust),
    /// It answers, and cannot be relied on.
    Degraded(Trust),
    /// The engine does not answer.
    Away(Broken),
}

impl Engine {
    /// An engine that nobody has asked yet.
    pub(crate) fn new(address: Clamd, allow_degraded: bool) -> Self {
        let names = Mutex::new((Arc::from("unknown"), Arc::from("clamav")));
        Self { address, allow_degraded, up: AtomicBool::new(false), engine_version: Mutex::default(), names }
    }

    /// One that is taken to be there.
    #[cfg(test)]
    pub(crate) fn believed(address: Clamd) -> Self {
        let engine = Self::new(address, true);
        engine.up.store(true, Ordering::SeqCst);
        engine
    }

    /// The socket or address that clamd listens on.
    pub(crate) fn address(&self) -> &Clamd {
        &self.address
    }

    /// Where it listens, for people.
    pub(crate) fn shown(&self) -> String {
        match &self.address {
            Clamd::Unix(path) => path.display().to_string(),
            Clamd::Tcp(address) => format!("tcp://{address}"),
        }
    }

    /// May it be used although it cannot be relied on?
    pub(crate) fn allows_degraded(&self) -> bool {
        self.allow_degraded
    }

    /// May files be sent to it?
    pub(crate) fn is_up(&self) -> bool {
        self.up.load(Ordering::SeqCst)
    }

    /// Opens a session with the engine.
    pub(crate) fn connect(&self) -> Result<Session, Broken> {
        Session::connect(&self.address)
    }

    /// Notes that the engine went away. Says whether that is news.
    pub(crate) fn lost(&self) -> bool {
        self.up.swap(false, Ordering::SeqCst)
    }

    /// Tries it with what we know the answer of.
    pub(crate) fn examine(&self) -> Change {
        let trust = match examine_engine(&self.address) {
            Ok(trust) => trust,
            Err(error) => {
                self.lost();
                return Change::Away(error);
            }
        };
        let usable = trust.doubts.is_empty() || self.allow_degraded;
        self.up.store(usable, Ordering::SeqCst);
        if usable { Change::Up(trust) } else { Change::Degraded(trust) }
    }

    /// Notes engine and signatures. Gives those before, where they were others.
    pub(crate) fn name(&self, engine_version: &EngineVersion) -> Option<EngineVersion> {
        let mut there = self.engine_version.lock().unwrap_or_else(PoisonError::into_inner);
        if there.as_ref() == Some(engine_version) {
            return None;
        }
        let names = (Arc::from(engine_version.version.as_str()), Arc::from(engine_version.ruleset()));
        *self.names.lock().unwrap_or_else(PoisonError::into_inner) = names;
        there.replace(engine_version.clone())
    }

    /// VERSION, and the name of the signatures for `rule.ruleset`.
    pub(crate) fn names(&self) -> (Arc<str>, Arc<str>) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
