//! What the policy promises the cell, tried from where it is: that somebody answers its questions for names. Rules that
//! stand and services that are healthy do not show it: a firewall that was started again leaves both, and no way out.
//!
//! One question for the root's own name servers (RFC 1035), which any resolver answers and nobody is named in. In
//! `proxied` shape the way out is the gate. That is a service of ours, and has a line of its own.

use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use engine::Engine;
use policy::{Policy, Service, Shape};
use record::fields::Container;
use record::{Action, Category, Kind, Outcome, Provider, Record, Severity, Type};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// How long all resolvers together have.
const TIMEOUT: Duration = Duration::from_secs(4);
/// After how long a question is asked again: a datagram may be lost.
const RETRY_INTERVAL: Duration = Duration::from_millis(800);
/// id, recursion desired, one question: the root, NS, IN.
const QUESTION: [u8; 17] = [0xce, 0x11, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1];

/// The record of it; nothing in a shape that promises no resolver.
pub(super) async fn names(policy: &Policy) -> Option<Record> {
    if policy.cell.network != Shape::Open {
        return None;
    }
    let cell = policy.container(Service::Cell);
    let asked = async {
        let docker = Engine::connect().await?;
        let found = docker.container(cell).await.map_err(|error| engine::about_container(cell, error))?;
        let pid = found.state.and_then(|state| state.pid).filter(|pid| *pid > 0).context("it does not run")?;
        let resolvers = policy.cell.dns.clone();
        let namespace = File::open(format!("/proc/{pid}/ns/net")).context("its network can't be entered")?;
        thread::spawn(move || ask_from(&namespace, &resolvers)).join().map_err(|_| anyhow!("the question fell"))?
    };
    let seen: Result<bool, anyhow::Error> = asked.await;
    Some(resolvers_reached(cell, &policy.cell.dns, seen.map_err(|error| format!("{error:#}"))))
}

/// Does one of them answer whoever is in this network namespace? Where not one question could be put, that is no
/// answer.
fn ask_from(namespace: &File, resolvers: &[IpAddr]) -> anyhow::Result<bool> {
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))
        .context("its network can't be entered; that takes root")?;
    let end = Instant::now() + TIMEOUT;
    let places: Vec<SocketAddr> = resolvers.iter().map(|resolver| SocketAddr::new(*resolver, 53)).collect();
    loop {
        if one_answers(&places, RETRY_INTERVAL)? {
            return Ok(true);
        }
        if Instant::now() >= end {
            return Ok(false);
        }
    }
}

fn one_answers(resolvers: &[SocketAddr], timeout: Duration) -> io::Result<bool> {
    let mut refused = None;
    let mut put = 0;
    for resolver in resolvers {
        match socket_for(*resolver) {
            Ok(socket) => {
                put += 1;
                if answers(&socket, *resolver, timeout).unwrap_or(false) {
                    return Ok(true);
                }
            }
            Err(error) => refused = Some(error),
        }
    }
    match refused {
        Some(error) if put == 0 => Err(error),
        _ => Ok(false),
    }
}

/// A kernel that gives no socket, for a filter of system calls say, lets nobody ask.
fn socket_for(resolver: SocketAddr) -> io::Result<UdpSocket> {
    let from: IpAddr = if resolver.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    UdpSocket::bind(SocketAddr::new(from, 0))
}

fn answers(socket: &UdpSocket, resolver: SocketAddr, timeout: Duration) -> io::Result<bool> {
    // Only what the resolver itself sends is heard.
    socket.connect(resolver)?;
    socket.set_read_timeout(Some(timeout))?;
    socket.send(&QUESTION)?;
    let mut answer = [0; 512];
    let length = socket.recv(&mut answer)?;
    Ok(length >= 12 && answer.starts_with(&[0xce, 0x11]))
}

fn resolvers_reached(cell: &str, resolvers: &[IpAddr], seen: Result<bool, String>) -> Record {
    let listed: Vec<String> = resolvers.iter().map(IpAddr::to_string).collect();
    let listed = listed.join(", ");
    let base = |message: String| {
        let mut record = Record::new(Provider::Sandboxctl, Action::PromiseChecked, message)
            .kind(Kind::State)
            .about(Category::Network, Type::Info);
        record.container = Some(Container::named(cell));
        record
    };
    match seen {
        Ok(true) => base(format!("{cell} gets an answer from its resolvers ({listed}).")).outcome(Outcome::Success),
        Ok(false) => {
            let mut record = base(format!("{cell} gets no answer from its resolvers ({listed})."))
                .outcome(Outcome::Failure)
                .severity(Severity::High)
                .reason("the policy promises it the internet, and it is offline");
            record.own().mend = Some("netguard verify tells what is in the way; is this host online?".to_owned());
            record
        }
        Err(why) => base(format!("Whether {cell} reaches its resolvers could not be told."))
            .outcome(Outcome::Unknown)
            .severity(Severity::Low)
            .reason(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_resolver_s_own_answer_to_this_question_counts() {
        let says = |answer: &'static [u8]| {
            let server = UdpSocket::bind("127.0.0.1:0").unwrap();
            let place = server.local_addr().unwrap();
            let serving = thread::spawn(move || {
                let mut question = [0; 64];
                let (_, client) = server.recv_from(&mut question).unwrap();
                server.send_to(answer, client).unwrap();
            });
            let seen = one_answers(&[place], Duration::from_secs(5)).unwrap();
            serving.join().unwrap();
            seen
        };
        assert!(says(&[0xce, 0x11, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0]));
        assert!(!says(&[0xce, 0x12, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0]), "another question's");
        assert!(!says(&[0xce, 0x11]), "no whole header");
    }

    #[test]
    fn where_no_question_can_be_put_nothing_is_said_of_the_resolvers() {
        let nobody_listens = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert!(!one_answers(&[nobody_listens], Duration::from_millis(50)).unwrap());
        // As many descriptors as there may be: a socket is refused by the kernel.
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        let spent = rustix::process::Rlimit { current: Some(0), ..limit };
        rustix::process::setrlimit(rustix::process::Resource::Nofile, spent).unwrap();
        let seen = one_answers(&[nobody_listens], Duration::from_millis(50));
        rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
        seen.unwrap_err();
    }

    #[test]
    fn silence_is_a_failure_and_what_could_not_be_asked_is_unknown() {
        let resolvers = ["9.9.9.9".parse().unwrap()];
        let outcome = |seen| resolvers_reached("cell", &resolvers, seen).event.outcome;
        assert_eq!(outcome(Ok(true)), Some(Outcome::Success));
        assert_eq!(outcome(Ok(false)), Some(Outcome::Failure));
        assert_eq!(outcome(Err("EACCES".to_owned())), Some(Outcome::Unknown));
    }

    #[test]
    fn the_question_is_one_that_every_resolver_understands() {
        assert_eq!((QUESTION.len(), u16::from_be_bytes([QUESTION[4], QUESTION[5]])), (12 + 5, 1));
    }
}
