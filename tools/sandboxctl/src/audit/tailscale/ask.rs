//! Asks the program `tailscale`, for a short time and for a bounded answer.

use std::io::ErrorKind;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::Command;
use tokio::time::timeout;

use super::{Doors, Tailnet, parse};

/// How long one answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);
/// The most of an answer that is read, in bytes: a tailnet of some thousand nodes.
const LARGEST: u64 = 8 << 20;

/// What Tailscale on this host exposes.
///
/// # Errors
/// Why it is not known.
pub(in super::super) async fn ask(doors: &Doors) -> Result<Tailnet, String> {
    let Some(status) = answer(&["status", "--json"]).await? else { return Ok(Tailnet::NotInstalled) };
    let Some(serve) = answer(&["serve", "status", "--json"]).await? else { return Ok(Tailnet::NotInstalled) };
    parse(&status, &serve, doors)
}

/// Nothing, where there is no such program.
async fn answer(words: &[&str]) -> Result<Option<String>, String> {
    let told = |what: &str| format!("tailscale {}: {what}", words.join(" "));
    let spawned = Command::new("tailscale")
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn();
    let mut child = match spawned {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.map_err(|error| told(&error.to_string()))?,
    };
    let mut text = String::new();
    let work = async {
        if let Some(out) = child.stdout.take() {
            out.take(LARGEST + 1).read_to_string(&mut text).await?;
        }
        child.wait().await
    };
    match timeout(ANSWER_LIMIT, work).await {
        Err(_) => Err(told("no answer within 5 s")),
        Ok(Err(error)) => Err(told(&error.to_string())),
        Ok(Ok(_)) if text.len() as u64 > LARGEST => Err(told("an answer of more than 8 MiB")),
        Ok(Ok(status)) if !status.success() => {
            Err(told("it did not answer; start Tailscale, or take it off this host if nobody uses it"))
        }
        Ok(Ok(_)) => Ok(Some(text)),
    }
}
