//! What a frozen cell was at: its processes, the files that they hold open, its connections, and what it said last.
//! Gathered after the freeze, which waits for none of it, and in bounded time and number: the prisoner decides how much
//! there is.

use std::net::SocketAddr;
use std::time::Duration;

use engine::{Engine, Process, Processes, wait_at_most};
use record::fields::{Container, Endpoint, File, Network, Process as Program};
use record::{Action, Category, Kind, Provider, Record, Type};

use crate::audit::{Rules, connected};

/// How long the engine has for what the cell said last.
const TIMEOUT: Duration = Duration::from_secs(3);
/// The most processes, connections, and files of one process that the records have.
const MOST: usize = 64;
/// The last lines of both streams together, and the most of one, in characters.
const LINES: usize = 20;
const MAX_WORDS: usize = 512;

/// All of it, and at its end what it left out. A record says what cannot be had; the rest comes all the same.
pub(super) fn gather(engine: &Engine, cell: &str) -> Vec<Record> {
    let told = wait_at_most(TIMEOUT, async {
        let found = engine.container(cell).await?;
        Ok((found.id.unwrap_or_default(), found.state.and_then(|state| state.pid).unwrap_or_default()))
    });
    let lines = wait_at_most(TIMEOUT, async { Ok(engine.last_lines(cell, LINES).await?) });
    let mut records = match told.and_then(|(id, first)| Processes::default().of(&id, first)) {
        Ok(processes) => of_processes(cell, &processes),
        Err(error) => vec![kept(cell, format!("{cell} has no process that could be looked at: {error:#}."))],
    };
    match lines {
        Ok(lines) => records.extend(lines.iter().map(|line| said(cell, line))),
        Err(error) => records.push(kept(cell, format!("What {cell} said last is not known: {error:#}."))),
    }
    records
}

fn of_processes(cell: &str, processes: &[Process]) -> Vec<Record> {
    let mut records: Vec<Record> = processes.iter().take(MOST).flat_map(|process| of_one(cell, process)).collect();
    let left = processes.len().saturating_sub(MOST);
    if left > 0 {
        records.push(kept(cell, format!("{cell} has {left} processes more, which are not told.")));
    }
    records.extend(processes.first().into_iter().flat_map(|first| connections(cell, first)));
    records
}

/// The connections of the network that the cell lives in, which is one for all its processes, and the vault's. What
/// leaves the machine comes first: a thousand sockets to itself must not hide that one.
fn connections(cell: &str, first: &Process) -> Vec<Record> {
    let (mut pairs, mut records) = (Vec::new(), Vec::new());
    for (transport, file) in [("tcp", "net/tcp"), ("tcp", "net/tcp6"), ("udp", "net/udp"), ("udp", "net/udp6")] {
        match first.read(file) {
            Ok(text) => pairs.extend(connected(&text).map(|pair| (transport, pair))),
            // A kernel without IPv6.
            Err(error) if error.downcast_ref() == Some(&rustix::io::Errno::NOENT) => {}
            Err(error) => records.push(kept(cell, format!("Some connections of {cell} are not known: {error:#}."))),
        }
    }
    pairs.sort_by_key(|(_, (_, to))| to.ip().is_loopback());
    let left = pairs.len().saturating_sub(MOST);
    records.extend(pairs.into_iter().take(MOST).map(|(transport, pair)| connection(cell, transport, pair)));
    if left > 0 {
        records.push(kept(cell, format!("The network of {cell} has {left} connections more, which are not told.")));
    }
    records
}

/// A process, and the files that it holds open. Names are the prisoner's own to choose; arguments are not told, for
/// keys stand in them.
fn of_one(cell: &str, process: &Process) -> Vec<Record> {
    let name = process.read("comm").unwrap_or_default().trim().to_owned();
    let program = Program {
        pid: u32::try_from(process.pid()).ok(),
        name: Some(name.clone()),
        executable: process.executable(),
        ..Program::default()
    };
    let mut first = kept(cell, format!("{cell} runs {name}."));
    first.process = Some(program.clone());
    let (paths, all) = process.open_files();
    let more = !all || paths.len() > MOST;
    let opened = paths.into_iter().take(MOST).map(|path| {
        let mut record = kept(cell, format!("{name} of {cell} holds a file open."));
        record.process = Some(program.clone());
        record.file = Some(File::at(path.as_ref()));
        record
    });
    let more = more.then(|| kept(cell, format!("{name} of {cell} holds more files open, which are not told.")));
    std::iter::once(first).chain(opened).chain(more).collect()
}

fn connection(cell: &str, transport: &str, (from, to): (SocketAddr, SocketAddr)) -> Record {
    let end = |at: SocketAddr| Endpoint { port: Some(at.port()), ..Endpoint::ip(at.ip()) };
    let mut record = kept(cell, format!("The network of {cell} has a connection to {to} over {transport}."));
    record.source = Some(end(from));
    record.destination = Some(end(to));
    record.network = Some(Network { transport: Some(transport.to_owned()), ..Network::default() });
    record
}

/// A line, cut; one with a secret in it is left out, for no secret may stand in the record.
fn said(cell: &str, line: &str) -> Record {
    if let Some(rule) = Rules::built_in().known(line) {
        return kept(cell, format!("{cell} said something with a secret in it ({rule}), which is not told."));
    }
    let words: String = line.trim_end().chars().take(MAX_WORDS).collect();
    kept(cell, format!("{cell} said: {words}"))
}

fn kept(cell: &str, message: String) -> Record {
    let mut record = Record::new(Provider::Sandboxctl, Action::EvidenceKept, message)
        .kind(Kind::State)
        .about(Category::Process, Type::Info);
    record.container = Some(Container::named(cell));
    record
}
