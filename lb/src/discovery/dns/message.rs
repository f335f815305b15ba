//! DNS messages: one question, and what an answer says to it (RFC 1035 section 4).
//!
//! It refuses to send anything, and to believe records about other names than the one that was asked for and its aliases.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, Question, RCODE, TYPE, header_buffer};

/// Bytes of a message before its question (RFC 1035 section 4.1.1).
const HEADER: usize = 12;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RecordType {
    A,
    Aaaa,
}

/// Why an answer has no addresses, in HAProxy's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DnsFault {
    /// It is no answer to the question.
    Invalid,
    /// There is no such name.
    Nx,
    /// The server does not want to.
    Refused,
    /// Another code.
    Other,
    /// It did not fit.
    Truncated,
    /// Its aliases lead nowhere.
    CnameError,
}

/// The addresses of a name, and whether it is an alias.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Addresses {
    pub(super) all: Vec<IpAddr>,
    pub(super) is_alias: bool,
}

/// A question; nothing when the name cannot be one.
pub(super) fn question(id: u16, host: &str, kind: RecordType) -> Option<Vec<u8>> {
    let name = Name::new(host).ok()?;
    // The parser skips a label of nothing.
    if host.trim_end_matches('.').split('.').any(str::is_empty) {
        return None;
    }
    let kind = match kind {
        RecordType::A => TYPE::A,
        RecordType::Aaaa => TYPE::AAAA,
    };
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    packet.questions.push(Question::new(name, kind.into(), CLASS::IN.into(), false));
    packet.build_bytes_vec().ok()
}

/// Whether a message answers the question: it has its id, and repeats exactly this one question (RFC 5452 section 9.1). Resolvers may change
/// the case of the letters of a name.
pub(super) fn is_answer(question: &[u8], message: &[u8]) -> bool {
    let end = question.len();
    end > HEADER
        && message.len() >= end
        && message[..2] == question[..2]
        && header_buffer::has_flags(message, PacketFlag::RESPONSE).unwrap_or(false)
        && message[4..6] == question[4..6]
        // The first name of a message is written out, and neither lengths of labels nor the types that are asked for are letters.
        && message[HEADER..end].eq_ignore_ascii_case(&question[HEADER..])
}

/// What an answer says to the question.
pub(super) fn answer(question: &[u8], answer: &[u8]) -> Result<Addresses, DnsFault> {
    if !is_answer(question, answer) {
        return Err(DnsFault::Invalid);
    }
    if header_buffer::has_flags(answer, PacketFlag::TRUNCATION).unwrap_or(false) {
        // Its end may be in the middle of a record.
        return Err(DnsFault::Truncated);
    }
    let answered = Packet::parse(answer).map_err(|_| DnsFault::Invalid)?;
    let [question] = answered.questions.as_slice() else { return Err(DnsFault::Invalid) };
    match answered.rcode() {
        RCODE::NoError => {}
        RCODE::NameError => return Err(DnsFault::Nx),
        RCODE::Refused => return Err(DnsFault::Refused),
        _ => return Err(DnsFault::Other),
    }
    let mut name = &question.qname;
    let mut found = Addresses { all: Vec::new(), is_alias: false };
    for record in answered.answers.iter().filter(|record| record.class == CLASS::IN) {
        if !is_same(&record.name, name) {
            continue;
        }
        match &record.rdata {
            RData::CNAME(alias) => {
                found.is_alias = true;
                name = &alias.0;
            }
            RData::A(ip) => found.all.push(Ipv4Addr::from(ip.address).into()),
            RData::AAAA(ip) => found.all.push(Ipv6Addr::from(ip.address).into()),
            _ => {}
        }
    }
    if found.all.is_empty() && found.is_alias { Err(DnsFault::CnameError) } else { Ok(found) }
}

/// Whether two names are the same, in whatever case (RFC 4343).
fn is_same(one: &Name<'_>, other: &Name<'_>) -> bool {
    one.get_labels().len() == other.get_labels().len()
        && one.as_bytes().zip(other.as_bytes()).all(|(one, other)| one.eq_ignore_ascii_case(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer to `question` with these records after it.
    fn answered(question: &[u8], flags: u16, records: &[&[u8]]) -> Vec<u8> {
        let mut out = question.to_vec();
        out[2..4].copy_from_slice(&flags.to_be_bytes());
        out[6..8].copy_from_slice(&(u16::try_from(records.len()).unwrap()).to_be_bytes());
        records.iter().for_each(|record| out.extend_from_slice(record));
        out
    }

    /// A record whose owner is the name at `place` of the message.
    fn record(place: u8, kind: u8, data: &[u8]) -> Vec<u8> {
        let length = u8::try_from(data.len()).unwrap();
        [&[0xc0, place, 0, kind, 0, 1, 0, 0, 0, 9, 0, length], data].concat()
    }

    #[test]
    fn addresses_of_the_name_and_of_its_aliases() {
        let asked = question(7, "Api.lab", RecordType::A).unwrap();
        let ours = record(12, 1, &[192, 0, 2, 1]);
        let all = |found: Result<Addresses, DnsFault>| found.unwrap().all;
        assert_eq!(
            all(answer(&asked, &answered(&asked, 0x8180, &[&ours]))),
            ["192.0.2.1".parse::<IpAddr>().unwrap()]
        );
        // `x.lab`, whose second label is that of the question.
        let alias = record(12, 5, &[1, b'x', 0xc0, 16]);
        let there = u8::try_from(asked.len() + 12).unwrap();
        let other = record(there, 1, &[192, 0, 2, 2]);
        let found = answer(&asked, &answered(&asked, 0x8180, &[&alias, &other])).unwrap();
        assert_eq!((found.all.len(), found.is_alias), (1, true));
        assert!(all(answer(&asked, &answered(&asked, 0x8180, &[]))).is_empty());
    }

    #[test]
    fn what_is_wrong_has_a_name() {
        let asked = question(7, "api", RecordType::A).unwrap();
        let alias = record(12, 5, &[1, b'x', 0]);
        let table: [(Vec<u8>, DnsFault); 9] = [
            (answered(&asked, 0x8183, &[]), DnsFault::Nx),
            (answered(&asked, 0x8185, &[]), DnsFault::Refused),
            (answered(&asked, 0x8182, &[]), DnsFault::Other),
            (answered(&asked, 0x8380, &[]), DnsFault::Truncated),
            (answered(&asked, 0x8180, &[&alias]), DnsFault::CnameError),
            (answered(&asked, 0x0180, &[]), DnsFault::Invalid),
            (answered(&question(8, "api", RecordType::A).unwrap(), 0x8180, &[]), DnsFault::Invalid),
            (answered(&question(7, "apj", RecordType::A).unwrap(), 0x8180, &[]), DnsFault::Invalid),
            (answered(&asked, 0x8180, &[&alias[..9]]), DnsFault::Invalid),
        ];
        for (bytes, fault) in table {
            assert_eq!(answer(&asked, &bytes), Err(fault), "{bytes:?}");
        }
        for length in 0..asked.len() {
            assert!(answer(&asked, &answered(&asked, 0x8180, &[])[..length]).is_err());
        }
    }

    #[test]
    fn letters_of_a_name_may_change_their_case() {
        let asked = question(7, "Api.Lab", RecordType::A).unwrap();
        let lower = question(7, "api.lab", RecordType::A).unwrap();
        let found = answer(&asked, &answered(&lower, 0x8180, &[&record(12, 1, &[192, 0, 2, 1])]));
        assert_eq!(found.unwrap().all.len(), 1);
        // A record whose owner is written out, in another case than the question.
        let owner = [b"\x03aPI\x03LAB\x00", &record(0, 1, &[192, 0, 2, 1])[2..]].concat();
        assert_eq!(answer(&asked, &answered(&lower, 0x8180, &[&owner])).unwrap().all.len(), 1);
    }

    #[test]
    fn only_what_repeats_id_and_question_is_an_answer() {
        let asked = question(7, "api", RecordType::A).unwrap();
        let of = |id, host, kind| answered(&question(id, host, kind).unwrap(), 0x8180, &[]);
        assert!(is_answer(&asked, &of(7, "api", RecordType::A)));
        assert!(is_answer(&asked, &answered(&asked, 0x8183, &[])), "whatever it says");
        let table = [
            of(8, "api", RecordType::A),
            of(7, "apj", RecordType::A),
            of(7, "api.lab", RecordType::A),
            of(7, "api", RecordType::Aaaa),
            answered(&asked, 0x0100, &[]),
            of(7, "api", RecordType::A)[..12].to_vec(),
            b"noise".to_vec(),
            Vec::new(),
        ];
        for noise in table {
            assert!(!is_answer(&asked, &noise), "{noise:?}");
        }
        let mut two = of(7, "api", RecordType::A);
        two[5] = 2;
        assert!(!is_answer(&asked, &two), "it says that there is another question");
    }

    /// Breaks when a name that points to itself is followed for ever.
    #[test]
    fn circles_end() {
        let asked = question(7, "api", RecordType::A).unwrap();
        let there = u8::try_from(asked.len()).unwrap();
        assert_eq!(
            answer(&asked, &answered(&asked, 0x8180, &[&record(there, 1, &[1, 2, 3, 4])])),
            Err(DnsFault::Invalid)
        );
    }

    #[test]
    fn names_that_cannot_be_asked_for() {
        assert!(question(1, &"a".repeat(64), RecordType::A).is_none());
        assert!(question(1, "a..b", RecordType::A).is_none());
        assert!(question(1, &"a.".repeat(128), RecordType::A).is_none());
        assert!(question(1, "a.b.", RecordType::Aaaa).is_some());
    }
}
