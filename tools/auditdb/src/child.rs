//! Programs of others that we run: each ends in time, with all that it started.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

/// The pause between two looks whether a child has ended.
const LOOK: Duration = Duration::from_millis(20);

/// Starts a program in a process group of its own, so that [`wait`] can end what it starts too.
///
/// # Errors
/// If it cannot be started.
pub(crate) fn spawn(command: &mut Command) -> Result<Child> {
    command.process_group(0).spawn().context("it cannot be started")
}

/// Waits until it has ended, at most so long.
///
/// # Errors
/// If it had not ended by then; it is killed, and so is its process group.
pub(crate) fn wait(child: &mut Child, timeout: Duration) -> Result<ExitStatus> {
    let deadline = Instant::now() + timeout;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if Instant::now() >= deadline {
            end(child)?;
            bail!("it had not ended after {} s and was killed", timeout.as_secs());
        }
        thread::sleep(LOOK);
    }
}

fn end(child: &mut Child) -> Result<()> {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    match group.map(|group| kill_process_group(group, Signal::KILL)) {
        Some(Ok(())) => {}
        _ => child.kill()?,
    }
    child.wait()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::process::Stdio;

    #[test]
    fn what_does_not_end_is_killed_with_all_that_it_started() {
        let mut child =
            spawn(Command::new("/bin/sh").args(["-c", "sleep 60 & sleep 60"]).stdout(Stdio::piped())).unwrap();
        let mut output = child.stdout.take().unwrap();
        let said = wait(&mut child, Duration::from_millis(100)).unwrap_err().to_string();
        assert!(said.contains("was killed"), "{said}");
        // Nobody holds the other end any more: else this would wait a minute.
        let began = Instant::now();
        output.read_to_end(&mut Vec::new()).unwrap();
        assert!(began.elapsed() < Duration::from_secs(30));
    }
}
