//! The kinds of requests, and how often each comes. The order is a fixed rotation, not chance: a run of N requests always holds
//! every kind its share of times.

use std::fmt;
use std::str::FromStr;

/// A kind of request, with everything that its answer is checked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// `GET /`: the JSON agrees with `x-node` and `x-version`.
    Get,
    /// `POST /echo` with a random body of known length: it comes back byte for byte.
    Post,
    /// `GET /slow`: it has taken as long as it was told to.
    Slow,
    /// `POST /echo` in chunks: it comes back byte for byte.
    Upload,
    /// `GET /bytes`: length and pattern.
    Bytes,
    /// `GET /events`: every event, in order.
    Sse,
    /// `GET /ws`: messages and a ping echoed, then the close handshake.
    Ws,
}

/// How often each kind comes, as weights: `get=60,post=15`. At least one is above zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mix {
    weights: [u32; Kind::ALL.len()],
}

/// Deals kinds in the proportions of a mix, spread evenly.
#[derive(Debug)]
pub(crate) struct Deck {
    weights: [i64; Kind::ALL.len()],
    credit: [i64; Kind::ALL.len()],
}

// === impl Kind ===

impl Kind {
    /// All kinds, in the order of reports.
    pub const ALL: [Self; 7] =
        [Self::Get, Self::Post, Self::Slow, Self::Upload, Self::Bytes, Self::Sse, Self::Ws];

    /// Its name, as in `--mix` and in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Slow => "slow",
            Self::Upload => "upload",
            Self::Bytes => "bytes",
            Self::Sse => "sse",
            Self::Ws => "ws",
        }
    }

    /// Whether a client may send it twice without asking (RFC 9110 §9.2.2).
    #[must_use]
    pub const fn is_idempotent(self) -> bool {
        !matches!(self, Self::Post | Self::Upload)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
            let names = Self::ALL.map(Self::as_str).join(", ");
            format!("no kind of request is called \"{text}\"; there are {names}")
        })
    }
}

// === impl Mix ===

impl Mix {
    /// These kinds, equally often.
    ///
    /// # Panics
    /// When `kinds` is empty.
    #[must_use]
    pub fn only(kinds: &[Kind]) -> Self {
        assert!(!kinds.is_empty(), "a mix needs at least one kind");
        Self { weights: Kind::ALL.map(|kind| u32::from(kinds.contains(&kind))) }
    }

    /// The weight of a kind.
    #[must_use]
    pub const fn weight(&self, kind: Kind) -> u32 {
        self.weights[kind as usize]
    }
}

impl Default for Mix {
    fn default() -> Self {
        Self { weights: [60, 15, 5, 8, 5, 4, 3] }
    }
}

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut weights = [None; Kind::ALL.len()];
        for part in text.split(',') {
            let (kind, weight) = part
                .trim()
                .split_once('=')
                .ok_or_else(|| format!("\"{part}\" is not KIND=WEIGHT, like get=60"))?;
            let kind: Kind = kind.parse()?;
            let weight: u32 = weight
                .parse()
                .map_err(|_| format!("the weight of {kind} must be a whole number, not \"{weight}\""))?;
            if weights[kind as usize].replace(weight).is_some() {
                return Err(format!("{kind} is given twice"));
            }
        }
        let weights = weights.map(Option::unwrap_or_default);
        if weights.iter().all(|weight| *weight == 0) {
            return Err("every weight is zero: nothing would be sent".into());
        }
        Ok(Self { weights })
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let used = Kind::ALL.into_iter().filter(|kind| self.weight(*kind) > 0);
        let parts: Vec<_> = used.map(|kind| format!("{kind}={}", self.weight(kind))).collect();
        f.write_str(&parts.join(","))
    }
}

// === impl Deck ===

impl Deck {
    pub(crate) fn new(mix: &Mix) -> Self {
        Self { weights: mix.weights.map(i64::from), credit: [0; Kind::ALL.len()] }
    }

    /// The next kind: each gets credit by its weight, the richest is dealt and pays for all.
    pub(crate) fn deal(&mut self) -> Kind {
        let mut richest = Kind::Get;
        for kind in Kind::ALL {
            self.credit[kind as usize] += self.weights[kind as usize];
            if self.credit[kind as usize] > self.credit[richest as usize] {
                richest = kind;
            }
        }
        self.credit[richest as usize] -= self.weights.iter().sum::<i64>();
        richest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixes_are_read_and_written() {
        for (text, shown) in [
            ("get=60,post=15,slow=5,upload=8,bytes=5,sse=4,ws=3", None),
            ("ws=1, get=2", Some("get=2,ws=1")),
            ("get=0,sse=7", Some("sse=7")),
        ] {
            let mix: Mix = text.parse().unwrap();
            assert_eq!(mix.to_string(), shown.unwrap_or(text));
        }
        assert_eq!(Mix::default().to_string().parse(), Ok(Mix::default()));
    }

    #[test]
    fn wrong_mixes_say_what_is_wrong() {
        for (text, complaint) in [
            ("", "not KIND=WEIGHT"),
            ("get", "not KIND=WEIGHT"),
            ("gte=1", "there are get, post"),
            ("get=x", "whole number"),
            ("get=-1", "whole number"),
            ("get=1,get=2", "twice"),
            ("get=0,ws=0", "every weight is zero"),
        ] {
            let error = text.parse::<Mix>().unwrap_err();
            assert!(error.contains(complaint), "{text}: {error}");
        }
    }

    #[test]
    fn a_deck_deals_every_kind_its_share() {
        let mix = Mix::default();
        let mut deck = Deck::new(&mix);
        for _ in 0..3 {
            let mut dealt = [0; Kind::ALL.len()];
            for _ in 0..100 {
                dealt[deck.deal() as usize] += 1;
            }
            assert_eq!(dealt, mix.weights);
        }
    }

    #[test]
    fn a_deck_never_deals_what_weighs_nothing() {
        let mut deck = Deck::new(&Mix::only(&[Kind::Ws, Kind::Sse]));
        let dealt: Vec<_> = (0..4).map(|_| deck.deal()).collect();
        assert_eq!(dealt, [Kind::Sse, Kind::Ws, Kind::Sse, Kind::Ws]);
    }
}
