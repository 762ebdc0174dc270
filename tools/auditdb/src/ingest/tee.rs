//! Passes on what is on the disk. The record comes first: a reader that went away is said once, and so is a full disk
//! behind standard output. Neither keeps a line from the spool.

use std::io::{self, Write};

use anyhow::{Error, Result};
use record::Record;
use tool::{OutputArgs, render};

use crate::line;
use crate::read::show;
use crate::spool::Batch;

/// Standard output, as long as it takes anything.
#[derive(Debug)]
pub(super) struct Tee {
    all: bool,
    text: bool,
    coloured: bool,
    lost: Option<Error>,
}

impl Tee {
    /// With `all`, every line is passed on; otherwise only what we have to say ourselves.
    pub(super) fn new(all: bool, output: OutputArgs) -> Self {
        Self { all, text: output.is_text(), coloured: output.is_coloured(), lost: None }
    }

    /// Passes a batch on: as it came, or as text for a terminal. In place of a refused line goes the
    /// record of it, so that what reads us gets nothing but records.
    pub(super) fn pass(&mut self, batch: &Batch, ours: bool) {
        if !self.all && !ours {
            return;
        }
        if !self.text {
            return self.put(&batch.body);
        }
        let lines = batch.body.split(|b| *b == b'\n').filter(|line| !line.is_empty());
        let mut out = Vec::new();
        let source = batch.source.as_ref().map(|source| source.as_str());
        for raw in lines {
            out.extend_from_slice(show::text(&line::text(raw), source, self.coloured).as_bytes());
            out.push(b'\n');
        }
        self.put(&out);
    }

    /// Says something of our own.
    pub(super) fn write_own(&mut self, record: &Record) {
        let text = if self.text { Ok(render(record, self.coloured)) } else { record.to_json() };
        match text {
            Ok(text) => self.put(format!("{text}\n").as_bytes()),
            Err(error) => self.lose(error),
        }
    }

    /// Could everything be passed on?
    pub(super) fn end(self) -> Result<()> {
        self.lost.map_or(Ok(()), Err)
    }

    fn put(&mut self, bytes: &[u8]) {
        if self.lost.is_some() {
            return;
        }
        let mut out = io::stdout().lock();
        if let Err(error) = out.write_all(bytes).and_then(|()| out.flush()) {
            self.lose(tool::unprinted(error));
        }
    }

    fn lose(&mut self, error: Error) {
        eprintln!("auditdb: {error:#}; lines still go into the record");
        self.lost = Some(error);
    }
}
