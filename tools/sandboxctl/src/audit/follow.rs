//! Follows the engine: one record for each thing it does, and of fresh audits what is new in them.

mod due;
mod event;
mod findings;
mod watch;

use std::time::Duration;

use engine::{Engine, Identity};
use policy::Policy;
use record::{Action, Category, Provider, Record, Severity, Type};
use tokio::time::sleep;
use tool::Writer;

pub(crate) use event::why_ended;
use watch::Watch;

/// Follows it without end. An engine that ends is told, and followed again when it is back.
///
/// # Errors
/// If there is no engine to begin with, or the records cannot be written.
pub(crate) async fn follow(policy: &Policy, out: &mut Writer) -> anyhow::Result<()> {
    let mut docker = Engine::connect_to_running().await?;
    let mut watch = Watch::new(policy);
    loop {
        let why = as_long_as_it_speaks(&docker, &mut watch, out).await?;
        out.write(&stopped(&why))?;
        docker = reconnect().await;
        out.write(&started(docker.identity().await))?;
        watch.look_at_all();
    }
}

/// The engine that is back. Nothing is asked of its socket while no engine runs: under systemd that would start one.
async fn reconnect() -> Engine {
    loop {
        sleep(AWAY).await;
        if let Ok(docker) = Engine::connect_to_running().await {
            return docker;
        }
    }
}

/// Ends with the engine, and says why. What is due comes before what is new: events without end put no audit off.
async fn as_long_as_it_speaks(docker: &Engine, watch: &mut Watch, out: &mut Writer) -> anyhow::Result<String> {
    let mut events = docker.events();
    loop {
        tokio::select! {
            biased;
            ready = watch.ready() => match ready {
                Some(audit) => watch.settle(audit, out)?,
                None => watch.begin(),
            },
            event = events.next() => match event {
                Some(Ok(event)) => watch.hear(docker, &event, out).await?,
                Some(Err(error)) => return Ok(format!("its events could not be read any further: {error}")),
                None => return Ok("its events ended".to_owned()),
            },
        }
    }
}

/// How often an engine that is gone is looked for.
const AWAY: Duration = Duration::from_millis(500);

fn stopped(why: &str) -> Record {
    let message = "The engine ended: what it did since, and how its containers stand, is not known.";
    Record::new(Provider::Sandboxctl, Action::EngineStopped, message)
        .about(Category::Host, Type::End)
        .severity(Severity::Medium)
        .reason(why)
}

fn started(engine: Identity) -> Record {
    let message = format!("The engine answers again, version {}.", engine.version.as_deref().unwrap_or("unknown"));
    let mut record =
        Record::new(Provider::Sandboxctl, Action::EngineStarted, message).about(Category::Host, Type::Start);
    record.own().engine = Some(engine.into());
    record.severity(Severity::Low)
}
