//! An answer in somebody else's name, made inside; whether it arrives is seen by the far side, which is the
//! control. The far side opens a connection first, so that a filter which lets answers in has one to wait
//! for: what it asks of the name's owner is a question for a version, and the owner's answer is not looked at.
//!
//! The two sides meet by channels of this process. Neither waits for the other longer than `PATIENCE`.

use std::net::SocketAddr;

use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::time::{Duration, Instant, sleep, timeout, timeout_at};

use super::{Step, dns, forge, token, unspecified};
use crate::sight::Sight;

/// The longest that one side waits for the other's word: it may have hundreds of probes to begin.
const PATIENCE: Duration = Duration::from_secs(20);
/// One datagram may be lost; three in a row say something.
const TIMES: usize = 3;
/// The time between them.
const PACE: Duration = Duration::from_millis(100);

/// What the far side gives away: where it waits, and what for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Door {
    at: SocketAddr,
    token: [u8; 16],
}

/// The side inside.
#[derive(Debug)]
pub(crate) struct Inner {
    door: watch::Receiver<Option<Door>>,
    sent: watch::Sender<bool>,
    arrived: watch::Receiver<Option<bool>>,
}

/// The far side.
#[derive(Debug)]
pub(crate) struct Outer {
    door: watch::Sender<Option<Door>>,
    sent: watch::Receiver<bool>,
    arrived: watch::Sender<Option<bool>>,
}

/// Both sides of one probe.
pub(crate) fn meeting() -> (Inner, Outer) {
    let (door_in, door_out) = watch::channel(None);
    let (sent_in, sent_out) = watch::channel(false);
    let (arrived_in, arrived_out) = watch::channel(None);
    let inner = Inner { door: door_out, sent: sent_in, arrived: arrived_out };
    (inner, Outer { door: door_in, sent: sent_out, arrived: arrived_in })
}

impl Inner {
    /// Sends in the name of `source`, and learns from the far side what became of it.
    pub(super) async fn ask(mut self, source: SocketAddr) -> Step<Sight> {
        let no_far_side =
            || Sight::NotMade("whether it arrives is seen from outside, and nobody looks there".to_owned());
        let waited = timeout(PATIENCE, self.door.wait_for(Option::is_some)).await;
        let door = waited.ok().and_then(Result::ok).and_then(|door| *door).ok_or_else(no_far_side)?;
        for _ in 0..TIMES {
            forge::send(source, door.at, &door.token).map_err(|error| Sight::of(&error))?;
            sleep(PACE).await;
        }
        self.sent.send_replace(true);
        let waited = timeout(PATIENCE, self.arrived.wait_for(Option::is_some)).await;
        match waited.ok().and_then(Result::ok).and_then(|arrived| *arrived) {
            Some(true) => {
                let what = format!("the far side took it for an answer of {}", source.ip());
                Ok(Sight::Answered { bytes: door.token.len() as u64, what })
            }
            Some(false) => Err(Sight::Silent),
            None => Err(no_far_side()),
        }
    }
}

impl Outer {
    /// Waits for what inside sends, after it has seen that it would notice.
    pub(super) async fn ask(mut self, source: SocketAddr, patience: Duration) -> Step<Sight> {
        let socket = opened(source).await?;
        let at = socket.local_addr().map_err(|error| Sight::NotMade(error.to_string()))?;
        let own: [u8; 16] = token::fresh()?;
        forge::send(source, at, &own)
            .map_err(|error| Sight::NotMade(format!("no forged datagram of its own: {error}")))?;
        if !comes(&socket, &own, Instant::now() + patience).await {
            return Err(Sight::Silent);
        }
        let token = token::fresh()?;
        self.door.send_replace(Some(Door { at, token }));
        // Inside may have ended without sending: what it could not send did not arrive.
        let sent = timeout(PATIENCE, self.sent.wait_for(|sent| *sent)).await;
        if matches!(sent, Ok(Ok(_))) {
            let arrived = comes(&socket, &token, Instant::now() + patience).await;
            self.arrived.send_replace(Some(arrived));
        }
        Ok(Sight::Answered { bytes: own.len() as u64, what: "a forged datagram of its own arrived".to_owned() })
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
    open.await.map_err(|error| Sight::NotMade(format!("no way to {}: {error}", source.ip())))
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
