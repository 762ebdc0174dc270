//! A command in a running container, fed through its standard input.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use bollard::exec::StartExecResults;
use bollard::models::ExecConfig;
use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

use crate::{Engine, Work};

/// The longest that a command may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The most of its complaint that is kept, in bytes.
const MAX_COMPLAINT: usize = 2048;

/// How a command in a container ended, and what it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// The command's exit status, 0 to 255.
    pub exit_code: i64,
    /// What it said on either stream, cut short.
    pub complaint: String,
}

impl Engine {
    /// Runs a command as the container's own user, writes `input` to it, closes its input, and waits.
    ///
    /// # Errors
    /// If it could not be started, did not take the input, or did not end in time.
    pub fn feed<'a>(
        &'a self,
        container: &'a str,
        command: &'a [&str],
        input: &'a [u8],
    ) -> Work<'a, anyhow::Result<Done>> {
        let late = || anyhow!("'{}' did not end within {} s", command.join(" "), TIMEOUT.as_secs());
        Box::pin(async move { timeout(TIMEOUT, exchange(self, container, command, input)).await.map_err(|_| late())? })
    }
}

async fn exchange(engine: &Engine, container: &str, command: &[&str], input: &[u8]) -> anyhow::Result<Done> {
    let docker = &engine.docker;
    let config = ExecConfig {
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        cmd: Some(command.iter().map(|&word| word.to_owned()).collect()),
        ..ExecConfig::default()
    };
    let exec = docker.create_exec(container, config).await.context("the engine did not take the command")?;
    let started = docker.start_exec(&exec.id, None).await.context("the command did not start")?;
    let StartExecResults::Attached { mut output, input: mut feed } = started else {
        bail!("the engine ran the command without attaching to it");
    };
    // A command that ends early leaves nobody to write to: how it ended says more than the broken pipe.
    let written = write_all(&mut feed, input).await;
    let mut complaint = Vec::new();
    while let Some(chunk) = output.next().await {
        let bytes = chunk.context("the command's output could not be read")?.into_bytes();
        complaint.extend(bytes.iter().take(MAX_COMPLAINT.saturating_sub(complaint.len())));
    }
    let state = docker.inspect_exec(&exec.id).await.context("the engine does not say how the command ended")?;
    let exit_code = state.exit_code.context("the engine does not say how the command ended")?;
    if exit_code == 0 {
        written.context("the command ended before it had read all of its input")?;
    }
    Ok(Done { exit_code, complaint: String::from_utf8_lossy(&complaint).trim().to_owned() })
}

async fn write_all(feed: &mut (impl tokio::io::AsyncWrite + Unpin), input: &[u8]) -> std::io::Result<()> {
    feed.write_all(input).await?;
    feed.flush().await?;
    feed.shutdown().await
}
