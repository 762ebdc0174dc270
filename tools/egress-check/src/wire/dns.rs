//! DNS over UDP, TCP, TLS and HTTPS: one question, one answer that belongs to it.

mod message;

use std::net::{IpAddr, SocketAddr};

use record::cellblock::ProbeKind;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};

use super::{Origin, Step, http, tcp, tls, udp};
use crate::probe::observation::{Answer, Observation};
use crate::probe::question::{Ask, Question};

pub use message::answer_in;
pub(super) use message::{framed, services_question, version_question};

/// Asks one server, over the transport that the kind says.
pub(super) async fn ask(origin: &Origin, target: SocketAddr, ask: &Ask, deadline: Instant) -> Step<Observation> {
    let question = ask.question.as_ref().ok_or_else(|| Observation::NotMade("no question to ask".to_owned()))?;
    let query = message::query(question)?;
    let bytes = carry(origin, target, ask, &query, deadline).await?;
    Ok(match query.answer(&bytes) {
        Some(answer) => Observation::Dns(answer),
        None => Observation::Answered { bytes: bytes.len() as u64, what: "no DNS answer to this question".to_owned() },
    })
}

/// Asks the place's own resolvers, one after the other, until one has an answer that is no failure.
pub(super) async fn ask_own(origin: &Origin, ask_of: &Ask, deadline: Instant) -> Step<Observation> {
    let mut seen = Err(Observation::NotResolved("its resolv.conf names no resolver".to_owned()));
    let unread = |why: &String| Observation::NotMade(format!("its resolv.conf cannot be read: {why}"));
    let resolvers = origin.resolvers.as_ref().map_err(unread)?;
    let mut left = u32::try_from(resolvers.len()).unwrap_or(u32::MAX);
    for resolver in resolvers {
        let turn = Instant::now() + deadline.saturating_duration_since(Instant::now()) / left.max(1);
        left -= 1;
        seen = ask(origin, SocketAddr::new(*resolver, ask_of.port), ask_of, turn).await;
        if matches!(&seen, Ok(Observation::Dns(answer)) if answer.code == "NOERROR" || answer.code == "NXDOMAIN") {
            break;
        }
    }
    seen
}

/// The first address of a name, IPv4 before IPv6, as the place's own resolvers have it.
pub(super) async fn resolve(origin: &Origin, name: &str, deadline: Instant) -> Step<IpAddr> {
    let mut codes = Vec::new();
    let start = Instant::now();
    let half = start + deadline.saturating_duration_since(start) / 2;
    for (kind, until) in [("A", half), ("AAAA", deadline)] {
        let mut question = Ask::new(ProbeKind::Dns, crate::probe::question::ProbeTarget::OwnResolvers, 53);
        question.question = Some(Question { name: name.to_owned(), kind: kind.to_owned(), unique: false });
        match ask_own(origin, &question, until).await {
            Ok(Observation::Dns(Answer { addresses, code, .. })) => match addresses.first() {
                Some(ip) => return Ok(*ip),
                None => codes.push(format!("{kind} {code}")),
            },
            Err(Observation::NotMade(why)) => return Err(Observation::NotMade(why)),
            Ok(other) | Err(other) => codes.push(format!("{kind} {other}")),
        }
    }
    Err(Observation::NotResolved(codes.join(", ")))
}

async fn carry(
    origin: &Origin,
    target: SocketAddr,
    ask: &Ask,
    query: &message::Query,
    deadline: Instant,
) -> Step<Vec<u8>> {
    match ask.kind {
        ProbeKind::DnsTcp => stream(tcp::connect(target, deadline).await?, &query.bytes, deadline).await,
        ProbeKind::Dot => stream(tls::open(origin, target, ask, deadline).await?, &query.bytes, deadline).await,
        ProbeKind::Doh => {
            let head = format!(
                "POST /dns-query HTTP/1.1\r\nHost: {}\r\nContent-Type: application/dns-message\r\nAccept: application/dns-message\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                ask.host(),
                query.bytes.len()
            );
            let request = [head.as_bytes(), &query.bytes].concat();
            Ok(http::exchange(tls::open(origin, target, ask, deadline).await?, &request, deadline).await?.body)
        }
        _ => {
            let answer =
                udp::exchange(target, &udp::often(&query.bytes, deadline), deadline, |bytes| query.owns(bytes)).await?;
            if message::is_cut(&answer) {
                return stream(tcp::connect(target, deadline).await?, &query.bytes, deadline).await;
            }
            Ok(answer)
        }
    }
}

/// One message and one answer over a stream (RFC 1035 section 4.2.2: two bytes of length first).
async fn stream(mut stream: impl AsyncRead + AsyncWrite + Unpin, query: &[u8], deadline: Instant) -> Step<Vec<u8>> {
    stream.write_all(&framed(query)).await.map_err(|error| Observation::after_connect(&error))?;
    let exchange = async {
        let mut length = [0u8; 2];
        stream.read_exact(&mut length).await?;
        let mut bytes = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut bytes).await?;
        Ok(bytes)
    };
    match timeout_at(deadline, exchange).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) => Err(Observation::after_connect(&error)),
        Err(_) => Err(Observation::Connected),
    }
}
