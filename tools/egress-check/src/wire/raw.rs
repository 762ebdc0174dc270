//! Raw sockets: with one, who sits here forges any packet. Opened and closed again; nothing is sent.

use std::net::IpAddr;

use rustix::io::Errno;

use super::icmp;
use crate::namespace::capabilities::BoundingSet;
use crate::probe::observation::Observation;

/// Whose capabilities a raw socket is opened with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum RawAs {
    /// Those of a process that was named, at most.
    Sitter(BoundingSet),
    /// Our own: we stand there, or we are the control.
    Own,
    /// The command line named nobody, so nothing can be said.
    Nobody,
}

/// Opens one of the address's family.
pub(super) fn ask(whose: RawAs, family: IpAddr) -> Observation {
    let opened = match whose {
        RawAs::Own => Ok(icmp::raw(family)),
        RawAs::Sitter(bounding) => bounding.at_most(|| icmp::raw(family)),
        RawAs::Nobody => {
            return Observation::NotMade("no process was named, so its capabilities are not known".to_owned());
        }
    };
    match opened {
        Ok(Ok(_)) => Observation::Answered { bytes: 0, what: "a raw socket opened".to_owned() },
        Ok(Err(error @ (Errno::PERM | Errno::ACCESS))) => Observation::Unreachable(format!("no raw socket: {error}")),
        Ok(Err(error)) => Observation::NotMade(format!("no raw socket: {error}")),
        Err(error) => Observation::NotMade(format!("the capabilities could not be laid down: {error}")),
    }
}
