//! Messages that the kernel takes all or none of (`NFNL_MSG_BATCH_BEGIN` to `NFNL_MSG_BATCH_END`), and what it
//! answers to them.

use anyhow::{Context, Result, bail};
use rustix::io::Errno;

use crate::host::netlink::{self, Netlink, append};
use crate::host::numbers::{
    NFNL_BATCH_GENID, NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END, NFNL_SUBSYS_NFTABLES, NLM_F_APPEND, NLM_F_CREATE,
    NLM_F_EXCL,
};

/// `ERESTART`, which no other call shows to programs: the rules are of another generation.
const OVERTAKEN: i32 = 85;
/// Flags of a message: make it where it is not there.
pub(super) const CREATE: u16 = NLM_F_CREATE;
/// Make it, and fail where it is already there.
pub(super) const NEW: u16 = NLM_F_CREATE | NLM_F_EXCL;
/// Make it, behind all others.
pub(super) const LAST: u16 = NLM_F_CREATE | NLM_F_APPEND;

/// What became of a batch that the kernel did not refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It is what the kernel now holds.
    Done,
    /// Nothing was changed: somebody changed the rules since the generation that it was made for.
    Overtaken,
}

/// Messages that the kernel takes all or none of.
#[derive(Debug)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    /// What each message is about, for a person; the message's number is its place.
    subjects: Vec<String>,
    /// Where the last message begins.
    last: usize,
}

impl Batch {
    /// With a generation, the batch is for that one only.
    pub(super) fn begin(generation: Option<u32>) -> Self {
        let mut batch = Self { bytes: Vec::new(), subjects: Vec::new(), last: 0 };
        let mut body = frame();
        if let Some(generation) = generation {
            append(&mut body, NFNL_BATCH_GENID, false, &generation.to_be_bytes());
        }
        batch.push(NFNL_MSG_BATCH_BEGIN, 0, &body, "the transaction".to_owned());
        batch
    }

    /// Adds a message; `subject` is what it is about, for a person.
    pub(super) fn push(&mut self, kind: u16, flags: u16, body: &[u8], subject: String) {
        self.last = self.bytes.len();
        let number = u32::try_from(self.subjects.len()).unwrap_or(u32::MAX);
        netlink::frame(&mut self.bytes, kind, flags, number, body);
        self.subjects.push(subject);
    }

    /// What the messages of a kind say.
    #[cfg(test)]
    pub(super) fn bodies(&self, kind: u16) -> Vec<Vec<u8>> {
        let messages = netlink::messages(&self.bytes);
        messages.filter(|message| message.kind == kind).map(|message| message.body.to_vec()).collect()
    }

    /// Sends it. When the call returns, the kernel has answered.
    ///
    /// # Errors
    /// What it refuses, and why; nothing was changed then.
    pub(crate) fn send(mut self, netlink: &mut Netlink) -> Result<Sent> {
        netlink::ask_for_answer(&mut self.bytes, self.last);
        let asked = self.subjects.len().saturating_sub(1);
        self.push(NFNL_MSG_BATCH_END, 0, &frame(), "the end of the transaction".to_owned());
        let answers = netlink.transact(&self.bytes)?;
        judge(&answers, &self.subjects, asked)
    }
}

/// `struct nfgenmsg`: for no family, and of the subsystem that the batch is for.
fn frame() -> Vec<u8> {
    let [subsystem, _] = NFNL_SUBSYS_NFTABLES.to_be_bytes();
    vec![0, 0, 0, subsystem]
}

/// What the answers mean: message numbers and error numbers, zero where all is well. Only the message `asked` is
/// answered when all is well.
fn judge(answers: &[(u32, i32)], subjects: &[String], asked: usize) -> Result<Sent> {
    if answers.iter().any(|(_, error)| *error == OVERTAKEN) {
        return Ok(Sent::Overtaken);
    }
    if let Some((number, error)) = answers.iter().find(|(_, error)| *error != 0) {
        let subject = usize::try_from(*number).ok().and_then(|number| subjects.get(number));
        let subject = subject.map_or("a message that was not sent", String::as_str);
        return Err(anyhow::Error::new(Errno::from_raw_os_error(*error)))
            .with_context(|| format!("the kernel refuses {subject}"));
    }
    if !answers.iter().any(|(number, _)| usize::try_from(*number) == Ok(asked)) {
        bail!("the kernel did not say what became of the transaction");
    }
    Ok(Sent::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_without_any_error_is_success_and_an_error_names_what_was_refused() {
        let subjects: Vec<String> = ["the transaction", "table t", "rule r"].map(str::to_owned).to_vec();
        let judged = |answers: &[(u32, i32)]| judge(answers, &subjects, 2).map_err(|error| format!("{error:#}"));
        assert_eq!(judged(&[(2, 0)]), Ok(Sent::Done));
        assert_eq!(judged(&[(0, 85)]), Ok(Sent::Overtaken));
        assert!(judged(&[]).unwrap_err().contains("did not say"));
        assert!(judged(&[(1, 0)]).unwrap_err().contains("did not say"));
        assert_eq!(judged(&[(1, 17), (2, 0)]).unwrap_err(), "the kernel refuses table t: File exists (os error 17)");
        assert!(judged(&[(9, 1), (2, 0)]).unwrap_err().contains("not sent"));
    }
}
