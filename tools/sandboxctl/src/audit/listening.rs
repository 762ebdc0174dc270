//! Who listens inside: programs and ports by which a container is reached past the vault. A program chooses its own
//! name, so its port and its network device count too. One that hides all three is stopped by the moat, and not seen
//! here.

mod sockets;
mod well_known;

use std::collections::BTreeSet;

use anyhow::Context;
use engine::{Networks, Process};
use record::Severity::{High, Medium};

use super::control::{Control, Verdict};
use super::facts::{SILENT, Subject};
use sockets::Socket;
pub(crate) use sockets::connected;
use well_known::{CONTROL_PORTS, SSH, SSH_PORT, TUNNEL_DEVICES, TUNNEL_PORTS, TUNNELS};

/// The controls that this file decides.
pub(crate) const ALL: &[Control<Subject>] = &[
    Control::new(
        "cis-docker-5.7",
        "runs no SSH server",
        High,
        "end it, and take it out of the image; docker exec NAME gives a shell on this host; scripts/up",
        ssh,
    ),
    Control::new(
        "cis-docker-5.9",
        "opens no port for being controlled from elsewhere",
        Medium,
        "end what listens there, and take EXPOSE and expose out; scripts/up",
        remote_control,
    ),
    Control::new(
        "cellblock-tunnels",
        "runs no Tailscale, VPN or tunnel of its own",
        High,
        "end it, and take it out of the image: remote access is the host's (scripts/remote); scripts/up",
        tunnels,
    ),
];

/// What of a running container's network namespace matters here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Listening {
    /// Where somebody waits for others.
    sockets: BTreeSet<Socket>,
    /// The names of its network devices.
    devices: BTreeSet<String>,
    /// The names of all processes: each its own choice.
    programs: BTreeSet<String>,
}

/// Of the container with this first process, and these in all.
///
/// # Errors
/// What could not be read, or is longer than is read of one file.
pub(crate) fn look(first: &Process, all: &[Process], networks: &Networks) -> anyhow::Result<Listening> {
    let sockets = match networks.listeners(first) {
        Ok(waiting) => waiting.iter().map(Socket::from).collect(),
        // A kernel that was built without that, or has lost its modules, still has the tables.
        Err(_) => tables(first)?,
    };
    let devices = sockets::devices(&first.read("net/dev").context("its network devices")?);
    Ok(Listening { sockets, devices, programs: all.iter().flat_map(Process::names).collect() })
}

/// Who waits, by the tables of proc(5): a thousand times as slow, and the same.
fn tables(first: &Process) -> anyhow::Result<BTreeSet<Socket>> {
    let read = |file: &str| first.read(file);
    let mut sockets = BTreeSet::new();
    for protocol in ["tcp", "udp"] {
        sockets.extend(sockets::parse(protocol, &read(&format!("net/{protocol}"))?));
        let sixth = if_there(read(&format!("net/{protocol}6")))?;
        sockets.extend(sixth.iter().flat_map(|text| sockets::parse(protocol, text)));
    }
    Ok(sockets)
}

/// A kernel without IPv6 has no such file. Any other error is one: a table that is too long to read is no empty one,
/// and whoever is inside can make it so.
fn if_there(read: anyhow::Result<String>) -> anyhow::Result<Option<String>> {
    match read {
        Err(error) if error.downcast_ref() == Some(&rustix::io::Errno::NOENT) => Ok(None),
        other => other.map(Some),
    }
}

/// More than this nobody reads: one port can be open at every address of 127.0.0.0/8.
const TOLD: usize = 10;

/// Programs of these names, and sockets that are meant, each in words; or why nothing is said.
fn found(
    subject: &Subject,
    programs: &[&str],
    is_meant: impl Fn(&Socket) -> bool,
) -> Result<Option<Vec<String>>, Verdict> {
    match &subject.facts.listening {
        None => Ok(None),
        Some(Err(why)) => Err(Verdict::untold(why)),
        Some(Ok(_)) if is_hosts(subject) && has_hosts_processes(subject) => {
            Err(Verdict::untold("it shares the host's network and processes: what is its own cannot be told"))
        }
        Some(Ok(listening)) => {
            // In the host's pid namespace all processes of the host would be its own.
            let own = !has_hosts_processes(subject);
            let named = listening.programs.iter().filter(|name| own && programs.contains(&name.as_str()));
            let open = listening.sockets.iter().filter(|socket| is_meant(socket) && !is_hosts(subject));
            let mut found: Vec<String> = named.cloned().chain(open.map(Socket::to_string)).collect();
            let more = found.len().saturating_sub(TOLD);
            found.truncate(TOLD);
            found.extend((more > 0).then(|| format!("{more} more")));
            Ok(Some(found))
        }
    }
}

/// What the host listens on is not the container's doing: that it shares the host's network is a finding of its own.
fn is_hosts(subject: &Subject) -> bool {
    subject.facts.host.network_mode.as_deref() == Some("host")
}

fn has_hosts_processes(subject: &Subject) -> bool {
    subject.facts.host.pid_mode.as_deref() == Some("host")
}

fn ssh(subject: &Subject) -> Verdict {
    match found(subject, &SSH, |socket| socket.is("tcp", &[SSH_PORT])) {
        Ok(Some(found)) => Verdict::none_of("no SSH server", &found),
        Ok(None) => Verdict::NotApplicable,
        Err(untold) => untold,
    }
}

fn tunnels(subject: &Subject) -> Verdict {
    let of_tunnel = |device: &&String| {
        TUNNEL_DEVICES.iter().any(|begin| {
            device
                .strip_prefix(begin)
                .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|it| it.is_ascii_digit()))
        })
    };
    match (found(subject, &TUNNELS, |socket| socket.is("udp", &TUNNEL_PORTS)), &subject.facts.listening) {
        (Ok(Some(mut found)), Some(Ok(listening))) => {
            if !is_hosts(subject) {
                found.extend(listening.devices.iter().filter(of_tunnel).map(|device| format!("the device {device}")));
            }
            Verdict::none_of("no tunnel", &found)
        }
        (Err(untold), _) => untold,
        _ => Verdict::NotApplicable,
    }
}

/// What listens, and what the image says that it would.
fn remote_control(subject: &Subject) -> Verdict {
    if !subject.facts.are_complete() {
        return Verdict::untold(SILENT);
    }
    let is_meant = |port: &str| port.parse().is_ok_and(|port| port == SSH_PORT || CONTROL_PORTS.contains(&port));
    let exposed = subject.facts.exposed.iter().filter(|port| is_meant(port.split('/').next().unwrap_or_default()));
    let mut all: Vec<String> = exposed.map(|port| format!("EXPOSE {port}")).collect();
    match found(subject, &[], |socket| socket.is("tcp", &CONTROL_PORTS)) {
        Ok(listening) => all.extend(listening.into_iter().flatten()),
        Err(untold) if all.is_empty() => return untold,
        Err(_) => {}
    }
    Verdict::none_of("none", &all)
}

#[cfg(test)]
impl Listening {
    /// From texts: `/proc/PID/net/tcp`, `udp` and `dev`, and the names of processes.
    pub(crate) fn of(tcp: &str, udp: &str, dev: &str, programs: &[&str]) -> Self {
        let sockets = sockets::parse("tcp", tcp).chain(sockets::parse("udp", udp)).collect();
        let programs = programs.iter().map(|name| (*name).to_owned()).collect();
        Self { sockets, devices: sockets::devices(dev), programs }
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;
    use rustix::io::Errno;

    use super::if_there;

    #[test]
    fn a_table_that_is_missing_is_empty_and_one_that_cannot_be_read_is_not() {
        let error = |errno: Errno| Err(errno).context("net/tcp6");
        assert!(matches!(if_there(error(Errno::NOENT)), Ok(None)));
        assert!(if_there(error(Errno::ACCESS)).is_err());
        assert!(if_there(Err(anyhow::anyhow!("longer than 8 MiB"))).is_err());
    }
}
