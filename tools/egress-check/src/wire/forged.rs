//! An answer in somebody else's name, made inside; whether it arrives is seen by the far side, which is the control.
//! The far side opens a connection first, so that a filter which lets answers in has one to wait for. It asks the
//! name's owner for a version, and nobody looks at the owner's answer.
//!
//! The two sides meet by channels of this process. Neither waits for the other longer than `TIMEOUT`.

use std::net::SocketAddr;

use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::time::{Duration, Instant, sleep, timeout, timeout_at};

use super::{Step, dns, forge, token, unspecified};
use crate::probe::observation::Observation;

/// The longest that one side waits for the other's word: it may have hundreds of probes to begin.
const TIMEOUT: Duration = Duration::from_secs(20);
/// One datagram may be lost; three in a row say something.
const TIMES: usize = 3;
/// The pause between two datagrams.
const PACE: Duration = Duration::from_millis(100);

/// What the far side gives away: where it waits, and what for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Destination {
    at: SocketAddr,
    token: [u8; 16],
}

/// The side inside the sandbox, which sends the forged packet.
#[derive(Debug)]
pub(crate) struct Inner {
    destination: watch::Receiver<Option<Destination>>,
    sent: watch::Sender<bool>,
    arrived: watch::Receiver<Option<bool>>,
}

/// The side outside, which tells where to send to and sees what arrives.
#[derive(Debug)]
pub(crate) struct Outer {
    destination: watch::Sender<Option<Destination>>,
    sent: watch::Receiver<bool>,
    arrived: watch::Sender<Option<bool>>,
}

/// Both sides of one probe.
pub(crate) fn meeting() -> (Inner, Outer) {
    let (destination_in, destination_out) = watch::channel(None);
    let (sent_in, sent_out) = watch::channel(false);
    let (arrived_in, arrived_out) = watch::channel(None);
    let inner = Inner { destination: destination_out, sent: sent_in, arrived: arrived_out };
    (inner, Outer { destination: destination_in, sent: sent_out, arrived: arrived_in })
}

impl Inner {
    /// Sends in the name of `source`, and learns from the far side what became of it.
    pub(super) async fn ask(mut self, source: SocketAddr) -> Step<Observation> {
        let no_far_side =
            || Observation::NotMade("whether it arrives is seen from outside, and nobody looks there".to_owned());
        let waited = timeout(TIMEOUT, self.destination.wait_for(Option::is_some)).await;
        let destination =
            waited.ok().and_then(Result::ok).and_then(|destination| *destination).ok_or_else(no_far_side)?;
        for _ in 0..TIMES {
            forge::send(source, destination.at, &destination.token).map_err(|error| Observation::of(&error))?;
            sleep(PACE).await;
        }
        self.sent.send_replace(true);
        let waited = timeout(TIMEOUT, self.arrived.wait_for(Option::is_some)).await;
        match waited.ok().and_then(Result::ok).and_then(|arrived| *arrived) {
            Some(true) => {
                let what = format!("the far side took it for an answer of {}", source.ip());
                Ok(Observation::Answered { bytes: destination.token.len() as u64, what })
            }
            Some(false) => Err(Observation::Silent),
            None => Err(no_far_side()),
        }
    }
}

impl Outer {
    /// Waits for what inside sends, after it has seen that it would notice.
    pub(super) async fn ask(mut self, source: SocketAddr, limit: Duration) -> Step<Observation> {
        let socket = opened(source).await?;
        let at = socket.local_addr().map_err(|error| Observation::NotMade(error.to_string()))?;
        let own: [u8; 16] = token::fresh()?;
        forge::send(source, at, &own)
            .map_err(|error| Observation::NotMade(format!("no forged datagram of its own: {error}")))?;
        if !comes(&socket, &own, Instant::now() + limit).await {
            return Err(Observation::Silent);
        }
        let token = token::fresh()?;
        self.destination.send_replace(Some(Destination { at, token }));
        // Inside may have ended without sending: what it could not send did not arrive.
        let sent = timeout(TIMEOUT, self.sent.wait_for(|sent| *sent)).await;
        if matches!(sent, Ok(Ok(_))) {
            let arrived = comes(&socket, &token, Instant::now() + limit).await;
            self.arrived.send_replace(Some(arrived));
        }
        Ok(Observation::Answered { bytes: own.len() as u64, what: "a forged datagram of its own arrived".to_owned() })
    }
}

/// A socket at the address that leads to `source`, which has asked it something.
async fn opened(source: SocketAddr) -> Step<UdpSocket> {
    let open = async {
        let way = UdpSocket::bind((unspecified(source.ip()), 0)).await?;
        way.connect(source).await?;
        let socket = UdpSocket::bind((way.local_addr()?.ip(), 0)).await?;
        socket.send_to(&dns::version_question(), source).await?;
        Ok::<_, std::io::Error>(socket)
    };
    open.await.map_err(|error| Observation::NotMade(format!("no way to {}: {error}", source.ip())))
}

/// Does a datagram with this token come? Others are passed over.
async fn comes(socket: &UdpSocket, token: &[u8], until: Instant) -> bool {
    let mut buffer = [0u8; 64];
    loop {
        match timeout_at(until, socket.recv(&mut buffer)).await {
            Ok(Ok(read)) if buffer.get(..read) == Some(token) => return true,
            // An ICMP error of the name's owner is no reason to stop listening.
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}
