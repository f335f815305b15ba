//! DNS messages: one question, and what an answer says to it (RFC 1035 section 4).
//!
//! It refuses to send anything, and to believe records about other names than the one that was asked for and its aliases.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Most bytes of an answer without extensions.
pub(super) const LONGEST: usize = 512;

const CNAME: u16 = 5;
const CLASS_IN: u16 = 1;
/// Names point to names, but not for ever.
const MOST_POINTERS: usize = 32;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    A = 1,
    Aaaa = 28,
}

/// Why an answer has no addresses, in HAProxy's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
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
pub(super) fn question(id: u16, host: &str, kind: Kind) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(32 + host.len());
    // A standard query; recursion is desired.
    for word in [id, 0x0100, 1, 0, 0, 0] {
        out.extend(word.to_be_bytes());
    }
    for label in host.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..64).contains(length))?;
        out.push(length);
        out.extend_from_slice(label.as_bytes());
    }
    out.push(0);
    out.extend((kind as u16).to_be_bytes());
    out.extend(CLASS_IN.to_be_bytes());
    (host.len() <= 253).then_some(out)
}

/// What an answer says to the question.
pub(super) fn answer(question: &[u8], answer: &[u8]) -> Result<Addresses, Fault> {
    let mut reader = Reader { bytes: answer, at: 0 };
    let mut word = || reader.word().ok_or(Fault::Invalid);
    let (id, flags, questions, answers) = (word()?, word()?, word()?, word()?);
    reader.at += 4;
    let is_ours =
        answer.get(12..question.len()).is_some_and(|asked| asked.eq_ignore_ascii_case(&question[12..]));
    if question.first_chunk() != Some(&id.to_be_bytes()) || flags & 0x8000 == 0 || questions != 1 || !is_ours
    {
        return Err(Fault::Invalid);
    }
    match flags & 0x000f {
        0 => {}
        3 => return Err(Fault::Nx),
        5 => return Err(Fault::Refused),
        _ => return Err(Fault::Other),
    }
    if flags & 0x0200 != 0 {
        return Err(Fault::Truncated);
    }
    let mut name = reader.name().ok_or(Fault::Invalid)?;
    reader.at = question.len();
    let mut found = Addresses { all: Vec::new(), is_alias: false };
    for _ in 0..answers {
        let (owner, kind, data) = reader.record().ok_or(Fault::Invalid)?;
        if owner != name {
            continue;
        }
        match (kind, data.bytes.len() - data.at) {
            (CNAME, _) => {
                found.is_alias = true;
                name = Reader { ..data }.name().ok_or(Fault::CnameError)?;
            }
            (1, 4) => {
                let bytes = data.bytes[data.at..].first_chunk::<4>();
                found.all.extend(bytes.map(|bytes| IpAddr::from(Ipv4Addr::from(*bytes))));
            }
            (28, 16) => {
                let bytes = data.bytes[data.at..].first_chunk::<16>();
                found.all.extend(bytes.map(|bytes| IpAddr::from(Ipv6Addr::from(*bytes))));
            }
            _ => {}
        }
    }
    if found.all.is_empty() && found.is_alias { Err(Fault::CnameError) } else { Ok(found) }
}

/// A message from some place on.
#[derive(Clone, Copy)]
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

// === impl Reader ===

impl<'a> Reader<'a> {
    fn word(&mut self) -> Option<u16> {
        let bytes = self.bytes.get(self.at..)?.first_chunk()?;
        self.at += 2;
        Some(u16::from_be_bytes(*bytes))
    }

    /// A name in small letters, its labels with their lengths.
    fn name(&mut self) -> Option<Vec<u8>> {
        let (mut name, mut at, mut end) = (Vec::new(), self.at, None);
        for _ in 0..MOST_POINTERS {
            match *self.bytes.get(at)? {
                0 => {
                    self.at = end.unwrap_or(at + 1);
                    return Some(name);
                }
                length @ 1..64 => {
                    let label = self.bytes.get(at..=at + usize::from(length))?;
                    name.extend(label.iter().map(u8::to_ascii_lowercase));
                    at += label.len();
                }
                high @ 192.. => {
                    let low = *self.bytes.get(at + 1)?;
                    end = end.or(Some(at + 2));
                    at = usize::from(high & 0x3f) << 8 | usize::from(low);
                }
                _ => return None,
            }
            if name.len() > 255 {
                return None;
            }
        }
        None
    }

    /// A record: whose, its kind, and its data, in which names may point to the whole message.
    fn record(&mut self) -> Option<(Vec<u8>, u16, Self)> {
        let owner = self.name()?;
        let (kind, class) = (self.word()?, self.word()?);
        self.at += 4;
        let length = usize::from(self.word()?);
        let start = self.at;
        self.at += length;
        let data = Self { bytes: self.bytes.get(..self.at)?, at: start };
        Some((owner, if class == CLASS_IN { kind } else { 0 }, data))
    }
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
        let asked = question(7, "Api.lab", Kind::A).unwrap();
        let ours = record(12, 1, &[192, 0, 2, 1]);
        let all = |found: Result<Addresses, Fault>| found.unwrap().all;
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
        let asked = question(7, "api", Kind::A).unwrap();
        let alias = record(12, 5, &[1, b'x', 0]);
        let table: [(Vec<u8>, Fault); 9] = [
            (answered(&asked, 0x8183, &[]), Fault::Nx),
            (answered(&asked, 0x8185, &[]), Fault::Refused),
            (answered(&asked, 0x8182, &[]), Fault::Other),
            (answered(&asked, 0x8380, &[]), Fault::Truncated),
            (answered(&asked, 0x8180, &[&alias]), Fault::CnameError),
            (answered(&asked, 0x0180, &[]), Fault::Invalid),
            (answered(&question(8, "api", Kind::A).unwrap(), 0x8180, &[]), Fault::Invalid),
            (answered(&question(7, "apj", Kind::A).unwrap(), 0x8180, &[]), Fault::Invalid),
            (answered(&asked, 0x8180, &[&alias[..9]]), Fault::Invalid),
        ];
        for (bytes, fault) in table {
            assert_eq!(answer(&asked, &bytes), Err(fault), "{bytes:?}");
        }
        for length in 0..asked.len() {
            assert!(answer(&asked, &answered(&asked, 0x8180, &[])[..length]).is_err());
        }
    }

    /// Breaks when a name that points to itself is followed for ever.
    #[test]
    fn circles_end() {
        let asked = question(7, "api", Kind::A).unwrap();
        let there = u8::try_from(asked.len()).unwrap();
        assert_eq!(
            answer(&asked, &answered(&asked, 0x8180, &[&record(there, 1, &[1, 2, 3, 4])])),
            Err(Fault::Invalid)
        );
    }

    #[test]
    fn names_that_cannot_be_asked_for() {
        assert!(question(1, &"a".repeat(64), Kind::A).is_none());
        assert!(question(1, "a..b", Kind::A).is_none());
        assert!(question(1, &"a.".repeat(127), Kind::A).is_none());
        assert!(question(1, "a.b.", Kind::Aaaa).is_some());
    }
}
