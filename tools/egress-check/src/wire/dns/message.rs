//! DNS messages, RFC 1035: a question of ours, and an answer that nobody has to be trusted for.

use std::net::IpAddr;
use std::str::FromStr;

use hickory_proto::op::{Message, Query as Asked, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use rustix::rand::{GetRandomFlags, getrandom};

use crate::ask::Question;
use crate::sight::{Answer, Sight};
use crate::wire::hex;

/// A question on the wire, and what tells its answer from others.
#[derive(Debug)]
pub(super) struct Query {
    /// The message.
    pub(super) bytes: Vec<u8>,
    asked: Asked,
    id: u16,
}

/// Builds the message for a question; a unique one gets 96 random bits for a label.
///
/// # Errors
/// A sight that says why it cannot be asked: no such name or type.
pub(super) fn query(question: &Question) -> Result<Query, Sight> {
    let not_made = |what: String| Sight::NotMade(what);
    let mut text = question.name.trim_end_matches('.').to_owned();
    if question.unique {
        let mut label = [0u8; 12];
        getrandom(&mut label, GetRandomFlags::empty()).map_err(|error| not_made(error.to_string()))?;
        text = format!("ec-{}.{text}", hex(&label));
    }
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
        let ours = message.metadata.id == self.id
            && message.metadata.message_type == hickory_proto::op::MessageType::Response
            && message.queries.first().is_none_or(|asked| asked == &self.asked);
        ours.then(|| read(&message, &self.asked))
    }
}

fn read(message: &Message, asked: &Asked) -> Answer {
    let addresses = message.answers.iter().filter_map(|record| match &record.data {
        RData::A(ip) => Some(IpAddr::V4(ip.0)),
        RData::AAAA(ip) => Some(IpAddr::V6(ip.0)),
        _ => None,
    });
    let zone_speaks = message.authorities.iter().any(|record| record.record_type() == RecordType::SOA);
    Answer {
        name: asked.name().to_utf8().trim_end_matches('.').to_owned(),
        code: code(message.metadata.response_code),
        addresses: addresses.collect(),
        from_outside: zone_speaks || !message.answers.is_empty(),
    }
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
    let mut bytes = vec![0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in [&b"version"[..], b"bind"] {
        bytes.extend(u8::try_from(label.len()));
        bytes.extend(label);
    }
    bytes.extend([0, 0, 16, 0, 3]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::rr::{Record, rdata::A};
    use proptest::prelude::*;

    fn asked(unique: bool) -> Query {
        query(&Question { name: "Example.com".into(), kind: "A".into(), unique }).unwrap()
    }

    fn reply(query: &Query, change: impl FnOnce(&mut Message)) -> Vec<u8> {
        let mut message = Message::from_vec(&query.bytes).unwrap().into_response();
        change(&mut message);
        message.to_vec().unwrap()
    }

    #[test]
    fn an_answer_is_read_with_its_addresses() {
        let query = asked(false);
        let bytes = reply(&query, |message| {
            let data = RData::A(A("192.0.2.7".parse().unwrap()));
            message.add_answer(Record::from_rdata(Name::from_ascii("example.com.").unwrap(), 60, data));
        });
        let answer = query.answer(&bytes).unwrap();
        assert_eq!(answer.addresses, ["192.0.2.7".parse::<IpAddr>().unwrap()]);
        assert_eq!((answer.code.as_str(), answer.from_outside), ("NOERROR", true));
    }

    #[test]
    fn an_answer_to_another_question_is_none() {
        let query = asked(false);
        assert!(query.answer(&reply(&query, |m| m.metadata.id = m.metadata.id.wrapping_add(1))).is_none());
        assert!(query.answer(&query.bytes).is_none(), "our own question, echoed");
        let other = asked(true);
        assert!(query.answer(&reply(&other, |m| m.metadata.id = query.id)).is_none());
    }

    #[test]
    fn an_empty_answer_of_nobody_is_no_proof() {
        let query = asked(true);
        let answer = query.answer(&reply(&query, |m| m.metadata.response_code = ResponseCode::NXDomain)).unwrap();
        assert_eq!((answer.code.as_str(), answer.from_outside), ("NXDOMAIN", false));
        assert!(answer.name.starts_with("ec-") && answer.name.to_lowercase().ends_with(".example.com"));
    }

    #[test]
    fn unique_names_differ() {
        assert_ne!(asked(true).asked.name, asked(true).asked.name);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = asked(false).answer(&bytes);
            let _ = is_cut(&bytes);
        }
    }
}
