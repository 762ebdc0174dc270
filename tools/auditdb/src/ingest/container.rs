//! Follows a container's log through the engine, on a thread of its own. Waits where container or engine is not there.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use engine::Engine;
use jiff::Timestamp;
use tool::Stop;

use super::bookmark::{Mark, Position};
use super::input::{Piece, WAITING};
use super::log::Log;

/// The pause after a reading that ended, and the longest one, where nothing comes.
const PAUSE: Duration = Duration::from_millis(500);
const LONGEST: Duration = Duration::from_secs(5);

/// Begins to follow. It goes on until it is told to stop.
pub(super) fn follow(name: &str, mark: &Mark, stop: Stop) -> Receiver<Piece> {
    let (sender, pieces) = sync_channel(WAITING);
    let reader = Reader { name: name.to_owned(), at: mark.at, id: mark.container.clone(), sender, stop };
    thread::spawn(move || reader.read());
    pieces
}

struct Reader {
    name: String,
    at: Option<Position>,
    /// The container's id, when it was read last.
    id: Option<String>,
    sender: SyncSender<Piece>,
    stop: Stop,
}

impl Reader {
    fn read(mut self) {
        let (mut pause, mut said) = (PAUSE, String::new());
        while !self.stop.asked() {
            let before = self.at;
            let why = engine::wait_for(self.once()).err().map(|error| format!("{error:#}")).unwrap_or_default();
            if !why.is_empty() && why != said {
                eprintln!("auditdb: {}: {why}; waiting for it", self.name);
            }
            pause = if self.at == before { LONGEST.min(pause * 2) } else { PAUSE };
            said = why;
            thread::sleep(pause);
        }
    }

    /// One reading, to the end of the container or of the engine. A watcher must never start an engine.
    async fn once(&mut self) -> Result<()> {
        let engine = Engine::connect_to_running().await?;
        let found = engine.container(&self.name).await.map_err(|error| engine::about_container(&self.name, error))?;
        let is_same = found.id == self.id;
        self.id = found.id;
        let of = self.id.clone().filter(|_| !is_same).map(Piece::Of);
        self.pass(of.into_iter().collect())?;
        let since = Log::since(self.at, Timestamp::now());
        let mut logs = engine.logs(&self.name, since);
        // Read from the beginning, nothing is left out: the record knows what it has.
        let mut log = Log::resumed(self.at.filter(|_| since > 0), is_same);
        while let Some(piece) = logs.next().await {
            let pieces = log.take(&piece.map_err(|error| engine::about_container(&self.name, error))?);
            self.pass(pieces)?;
        }
        // What is left of a line that was cut comes again with the next reading, from its beginning.
        Ok(())
    }

    /// Hands lines over. Where they wait for room, so does the container's log, which the engine keeps.
    fn pass(&mut self, pieces: Vec<Piece>) -> Result<()> {
        if self.stop.asked() {
            bail!("told to stop");
        }
        for piece in pieces {
            if let Piece::Until(position) = piece {
                self.at = Some(position);
            }
            self.sender.send(piece).context("nobody takes lines any more")?;
        }
        Ok(())
    }
}
