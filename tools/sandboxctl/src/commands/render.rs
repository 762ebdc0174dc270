//! `sandboxctl render`: prints configuration made from the policy.

use anyhow::Context;
use engine::{Engine, Families, Version};
use policy::Policy;
use serde::Serialize;
use tool::Exit;

use crate::cli::Render;
use crate::gate;
use crate::render::{compose, networks, paths};

/// Prints what was asked for, and nothing if it can't be made.
pub(crate) fn run(what: &Render, policy: &Policy) -> anyhow::Result<Exit> {
    let text = match what {
        Render::Compose => composition(policy)?,
        Render::Networks { engine } => lines(&networks::render(policy, version(*engine)?, Families::here()))?,
        Render::Nginx => gate::render(policy, Families::here())?,
        Render::Paths => document(&paths::render(policy))?,
    };
    tool::print(text.as_bytes())?;
    Ok(Exit::Success)
}

/// The gate answers to a wildcard, and Docker's DNS has no name for it: said, not left to be found out.
fn composition(policy: &Policy) -> anyhow::Result<String> {
    for host in compose::nameless(policy) {
        eprintln!(
            "sandboxctl: {host}: clients inside find no host by a wildcard; list each name they need under [[egress]]"
        );
    }
    document(&compose::render(policy, &format!("sha256:{}", policy.sha256), Families::here())?)
}

/// The version given, or the running engine's own: what it can enforce depends on it.
fn version(given: Option<Version>) -> anyhow::Result<Version> {
    if let Some(version) = given {
        return Ok(version);
    }
    engine::wait_for(async {
        let found = Engine::connect().await.context("or give the engine's version with --engine")?;
        let told =
            found.identity().await.version.context("the engine did not tell its version; give it with --engine")?;
        told.parse().map_err(anyhow::Error::msg)
    })
}

fn document<T: Serialize>(value: &T) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(value).context("the configuration could not be written as JSON")? + "\n")
}

fn lines<T: Serialize>(values: &[T]) -> anyhow::Result<String> {
    let mut text = String::new();
    for value in values {
        text += &serde_json::to_string(value).context("a line could not be written as JSON")?;
        text.push('\n');
    }
    Ok(text)
}
