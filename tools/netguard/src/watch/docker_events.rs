//! Follows Docker's events, in a thread of its own, and rings when there is one to hear. The rules need no
//! engine, so one that is not there, hangs or ends is only told: `watch` goes on without it.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use anyhow::{Context, Result};
use engine::Engine;
use engine::models::{EventMessage, EventMessageTypeEnum as Kind};

use crate::watch::kernel_events::Waker;

/// How many words may wait to be heard; then the thread waits, and the engine's own buffer fills.
const WAITING: usize = 64;
/// The pause before an engine that is gone is looked for again.
const PAUSE: Duration = Duration::from_millis(500);

/// How long a request for events may be under way.
const SETTLED: Duration = Duration::from_secs(1);

/// News of the engine, for the watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Word {
    /// It answers: what it says from here on is heard.
    Heard,
    /// It does not answer, or no longer, and why. Said once for each time.
    Silent(String),
    /// It changed a network or a container, in these words.
    Changed(String),
}

/// The words of the engine, as they come.
#[derive(Debug)]
pub(crate) struct DockerEvents(Receiver<Word>);

impl DockerEvents {
    /// Begins to follow.
    ///
    /// # Errors
    /// If there can be no thread.
    pub(crate) fn start(waker: Waker) -> Result<Self> {
        let (words, heard) = sync_channel(WAITING);
        let follow = move || {
            // The guard goes first where the machine is busy; who only brings news does not.
            let _ = rustix::process::setpriority_process(None, 0);
            let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
            runtime.block_on(follow(&words, &waker));
        };
        std::thread::Builder::new()
            .name("docker_events".to_owned())
            .spawn(follow)
            .context("no thread for Docker's events")?;
        Ok(Self(heard))
    }

    /// All news that the watch has not taken yet.
    pub(crate) fn words(&self) -> Vec<Word> {
        self.0.try_iter().collect()
    }
}

/// Until nobody listens any more.
async fn follow(words: &SyncSender<Word>, waker: &Waker) {
    let mut silent = false;
    let say = |word| {
        let heard = words.send(word).is_ok();
        waker.wake();
        heard
    };
    loop {
        let ended = listen(&mut silent, say).await;
        if let Err(why) = ended
            && !silent
        {
            silent = true;
            if !say(Word::Silent(format!("{why:#}"))) {
                return;
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Listens as long as the engine speaks.
async fn listen(silent: &mut bool, say: impl Fn(Word) -> bool) -> Result<()> {
    let mut events = Engine::connect_to_running().await?.events();
    *silent = false;
    if !say(Word::Heard) {
        return Ok(());
    }
    // The request goes out with the first wait. What the engine did before it had that is no event to us. So a second
    // look follows when it surely has.
    let mut first = tokio::time::timeout(SETTLED, events.next()).await.ok();
    if first.is_none() && !say(Word::Changed("its events are followed".to_owned())) {
        return Ok(());
    }
    loop {
        let next = match first.take() {
            Some(event) => event,
            None => events.next().await,
        };
        let Some(event) = next else { anyhow::bail!("Docker ended") };
        if let Some(changed) = changed(&event.context("Docker's events could not be read")?)
            && !say(Word::Changed(changed))
        {
            return Ok(());
        }
    }
}

/// What an event changed of networks and of what is on them; in one line, for a person.
fn changed(event: &EventMessage) -> Option<String> {
    let action = event.action.as_deref().unwrap_or_default();
    let (kind, wanted): (_, &[&str]) = match event.typ {
        Some(Kind::NETWORK) => ("network", &["create", "connect", "disconnect", "destroy", "remove"]),
        Some(Kind::CONTAINER) => ("container", &["start", "die", "restart"]),
        Some(Kind::DAEMON) => ("daemon", &["reload"]),
        _ => return None,
    };
    let name = event.actor.as_ref().and_then(|actor| actor.attributes.as_ref()?.get("name"));
    wanted.contains(&action).then(|| format!("{kind} {} {action}", name.map_or("", String::as_str)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::models::EventActor;

    #[test]
    fn what_concerns_networks_and_their_members_is_news_and_nothing_else_is() {
        let event = |typ, action: &str| EventMessage {
            typ: Some(typ),
            action: Some(action.to_owned()),
            actor: Some(EventActor {
                attributes: Some([("name".to_owned(), "cell".to_owned())].into()),
                ..EventActor::default()
            }),
            ..EventMessage::default()
        };
        assert_eq!(changed(&event(Kind::NETWORK, "create")).as_deref(), Some("network cell create"));
        assert_eq!(changed(&event(Kind::CONTAINER, "start")).as_deref(), Some("container cell start"));
        for (typ, action) in [(Kind::CONTAINER, "exec_create: ls"), (Kind::IMAGE, "pull"), (Kind::VOLUME, "create")] {
            assert_eq!(changed(&event(typ, action)), None, "{action}");
        }
    }
}
