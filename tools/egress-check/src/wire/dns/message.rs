//! DNS messages, RFC 1035: a question of ours, and an answer that nobody has to be trusted for.

use std::net::IpAddr;
use std::str::FromStr;

use hickory_proto::op::{Message, MessageType, Query as Asked, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};

use crate::probe::observation::{Answer, Observation};
use crate::probe::question::Question;

/// Most addresses of an answer that are told: a message has room for thousands.
const MOST_ADDRESSES: usize = 16;

/// A question on the wire, and what tells its answer from others.
#[derive(Debug)]
pub(super) struct Query {
    /// The query as it goes on the wire.
    pub(super) bytes: Vec<u8>,
    asked: Asked,
    id: u16,
}

/// Builds the message for a question.
///
/// # Errors
/// An observation that says why it cannot be asked: no such name or type.
pub(super) fn query(question: &Question) -> Result<Query, Observation> {
    let not_made = |what: String| Observation::NotMade(what);
    let text = question.name.trim_end_matches('.');
    let name =
        Name::from_ascii(format!("{text}.")).map_err(|error| not_made(format!("{text:?} is no name: {error}")))?;
    let kind = RecordType::from_str(&question.kind)
        .map_err(|_| not_made(format!("{:?} is no type of DNS record", question.kind)))?;
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    let asked = Asked::query(name, kind);
    message.add_query(asked.clone());
    let bytes = message.to_vec().map_err(|error| not_made(error.to_string()))?;
    Ok(Query { bytes, asked, id: message.metadata.id })
}

impl Query {
    /// Does this datagram answer this question, and no other?
    pub(super) fn owns(&self, bytes: &[u8]) -> bool {
        self.answer(bytes).is_some()
    }

    /// The answer in these bytes, if it belongs to this question (RFC 5452 section 4).
    pub(super) fn answer(&self, bytes: &[u8]) -> Option<Answer> {
        let message = Message::from_vec(bytes).ok()?;
        let ours = message.metadata.id == self.id && message.queries.first().is_none_or(|asked| asked == &self.asked);
        ours.then(|| read(&message)).flatten()
    }
}

/// The answer in a DNS message (RFC 1035 section 4), whoever asked for it; none where it is no response.
/// For a fuzzer: what the wire hands in here comes from whoever answers.
#[must_use]
pub fn answer_in(bytes: &[u8]) -> Option<Answer> {
    Message::from_vec(bytes).ok().as_ref().and_then(read)
}

fn read(message: &Message) -> Option<Answer> {
    if message.metadata.message_type != MessageType::Response {
        return None;
    }
    let addresses = message.answers.iter().filter_map(|record| match &record.data {
        RData::A(ip) => Some(IpAddr::V4(ip.0)),
        RData::AAAA(ip) => Some(IpAddr::V6(ip.0)),
        _ => None,
    });
    let zone_speaks = message.authorities.iter().any(|record| record.record_type() == RecordType::SOA);
    Some(Answer {
        code: code(message.metadata.response_code),
        addresses: addresses.take(MOST_ADDRESSES).collect(),
        from_outside: zone_speaks || !message.answers.is_empty(),
    })
}

/// IANA's name of a response code, as ECS has it.
fn code(code: ResponseCode) -> String {
    match code {
        ResponseCode::NoError => "NOERROR",
        ResponseCode::FormErr => "FORMERR",
        ResponseCode::ServFail => "SERVFAIL",
        ResponseCode::NXDomain => "NXDOMAIN",
        ResponseCode::NotImp => "NOTIMP",
        ResponseCode::Refused => "REFUSED",
        other => return format!("RCODE{}", u16::from(other)),
    }
    .to_owned()
}

/// Was the answer cut, so that it must be asked again over TCP? Bit TC, RFC 1035 section 4.1.1.
pub(super) fn is_cut(bytes: &[u8]) -> bool {
    bytes.get(2).is_some_and(|flags| flags & 0x02 != 0)
}

/// A message with its length before it, as TCP carries it (RFC 1035 section 4.2.2).
pub(in crate::wire) fn framed(message: &[u8]) -> Vec<u8> {
    let length = u16::try_from(message.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes()[..], message].concat()
}

/// `version.bind CH TXT` with id 1: a question that names nobody, for whoever listens on port 53.
pub(in crate::wire) fn version_question() -> Vec<u8> {
    plain(&[b"version", b"bind"], [0, 16, 0, 3])
}

/// `_services._dns-sd._udp.local IN PTR`: "which services are there?" (RFC 6763 section 9). From a port that is not
/// 5353 whoever speaks mDNS answers it to us alone (RFC 6762 section 6.7).
pub(in crate::wire) fn services_question() -> Vec<u8> {
    plain(&[b"_services", b"_dns-sd", b"_udp", b"local"], [0, 12, 0, 1])
}

/// A question with id 1; its last four bytes are type and class.
fn plain(labels: &[&[u8]], what: [u8; 4]) -> Vec<u8> {
    let mut bytes = vec![0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in labels {
        bytes.extend(u8::try_from(label.len()));
        bytes.extend(*label);
    }
    bytes.push(0);
    bytes.extend(what);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::rr::{Record, rdata::A};
    use proptest::prelude::*;

    fn asked(name: &str) -> Query {
        query(&Question { name: name.into(), kind: "A".into(), unique: false }).unwrap()
    }

    fn reply(query: &Query, change: impl FnOnce(&mut Message)) -> Vec<u8> {
        let mut message = Message::from_vec(&query.bytes).unwrap().into_response();
        change(&mut message);
        message.to_vec().unwrap()
    }

    #[test]
    fn an_answer_is_read_with_its_addresses() {
        let query = asked("Example.com");
        let with = |count: usize| {
            reply(&query, |message| {
                for _ in 0..count {
                    let data = RData::A(A("192.0.2.7".parse().unwrap()));
                    message.add_answer(Record::from_rdata(Name::from_ascii("example.com.").unwrap(), 60, data));
                }
            })
        };
        let answer = query.answer(&with(1)).unwrap();
        assert_eq!(answer.addresses, ["192.0.2.7".parse::<IpAddr>().unwrap()]);
        assert_eq!((answer.code.as_str(), answer.from_outside), ("NOERROR", true));
        assert_eq!(query.answer(&with(2000)).unwrap().addresses.len(), MOST_ADDRESSES, "a line has a bound");
    }

    #[test]
    fn an_answer_to_another_question_is_none() {
        let query = asked("example.com");
        assert!(query.answer(&reply(&query, |m| m.metadata.id = m.metadata.id.wrapping_add(1))).is_none());
        assert!(query.answer(&query.bytes).is_none(), "our own question, echoed");
        let other = asked("www.example.com");
        assert!(query.answer(&reply(&other, |m| m.metadata.id = query.id)).is_none());
    }

    #[test]
    fn an_empty_answer_of_nobody_is_no_proof() {
        let query = asked("example.com");
        let answer = query.answer(&reply(&query, |m| m.metadata.response_code = ResponseCode::NXDomain)).unwrap();
        assert_eq!((answer.code.as_str(), answer.from_outside), ("NXDOMAIN", false));
    }

    #[test]
    fn what_cannot_be_a_name_or_a_type_is_said_and_not_sent() {
        let refused = |name: &str, kind: &str| {
            let question = Question { name: name.into(), kind: kind.into(), unique: false };
            matches!(query(&question), Err(Observation::NotMade(_)))
        };
        assert!(refused("a..b", "A") && refused(&"x".repeat(64), "A") && refused("example.com", "SMOKE"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = (asked("example.com").answer(&bytes), answer_in(&bytes), is_cut(&bytes));
        }
    }
}
