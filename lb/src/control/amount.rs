//! Weights and limits as operators and agents write them, with HAProxy's texts for what is wrong with them.
//!
//! It refuses to change anything.

use crate::server::Server;
use crate::topology::Topology;

const MOST_WEIGHT: u32 = 256;
const STATIC: &str = "Backend is using a static LB algorithm and only accepts weights '0%' and '100%'.";

/// A weight for a server: absolute, or in per cent of the initial one, rounded down. Where the balancing goes by weights that stay as they
/// are, only all of it or nothing.
///
/// # Errors
/// What is wrong with it.
pub fn weight_from(topology: &Topology, server: &Server, word: &str) -> Result<u32, &'static str> {
    let initial = server.initial_weight();
    let weight = weight(word, initial)?;
    let is_dynamic = || {
        let backend = topology.backend(&server.backend);
        backend.is_none_or(|backend| backend.config.balance.is_dynamic())
    };
    if weight == 0 || weight == initial || is_dynamic() { Ok(weight) } else { Err(STATIC) }
}

fn weight(word: &str, initial: u32) -> Result<u32, &'static str> {
    if word.is_empty() {
        return Err("Require <weight> or <weight%>.");
    }
    let (number, rest) = leading_number(word).ok_or("Empty weight string empty or preceded by garbage")?;
    if rest == "%" {
        let percent = u64::try_from(number).map_err(|_| "Relative weight must be positive.")?;
        let weight = (u64::from(initial) * percent.min(25_600) / 100).min(MOST_WEIGHT.into());
        return Ok(u32::try_from(weight).unwrap_or(MOST_WEIGHT));
    }
    let absolute = u32::try_from(number).ok().filter(|weight| *weight <= MOST_WEIGHT);
    let absolute = absolute.ok_or("Absolute weight can only be between 0 and 256 inclusive.")?;
    if rest.is_empty() { Ok(absolute) } else { Err("Trailing garbage in weight string") }
}

/// A limit; HAProxy takes a negative one for four thousand million, which nobody means.
///
/// # Errors
/// What is wrong with it.
pub fn limit_from(word: &str) -> Result<u32, &'static str> {
    if word.is_empty() {
        return Err("Require <maxconn>.");
    }
    let (number, rest) = leading_number(word).ok_or("maxconn string empty or preceded by garbage")?;
    if !rest.is_empty() {
        return Err("Trailing garbage in maxconn string");
    }
    u32::try_from(number).map_err(|_| "Value out of range.")
}

/// The whole number that a word begins with, as near as it fits, and the rest.
fn leading_number(word: &str) -> Option<(i64, &str)> {
    let digits_at = usize::from(word.starts_with(['-', '+']));
    let end = word[digits_at..].find(|c: char| !c.is_ascii_digit()).map_or(word.len(), |at| digits_at + at);
    let nearest = if word.starts_with('-') { i64::MIN } else { i64::MAX };
    (end > digits_at).then(|| (word[..end].parse().unwrap_or(nearest), &word[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights() {
        let table = [
            ("5", Ok(5)),
            ("0", Ok(0)),
            ("256", Ok(256)),
            ("100%", Ok(2)),
            ("50%", Ok(1)),
            ("49%", Ok(0)),
            ("300%", Ok(6)),
            ("99999999999999999999%", Ok(256)),
            ("", Err("Require <weight> or <weight%>.")),
            ("abc", Err("Empty weight string empty or preceded by garbage")),
            ("-", Err("Empty weight string empty or preceded by garbage")),
            ("257", Err("Absolute weight can only be between 0 and 256 inclusive.")),
            ("99999999999999999999", Err("Absolute weight can only be between 0 and 256 inclusive.")),
            ("-1", Err("Absolute weight can only be between 0 and 256 inclusive.")),
            ("-5%", Err("Relative weight must be positive.")),
            ("1x", Err("Trailing garbage in weight string")),
            ("1%x", Err("Trailing garbage in weight string")),
        ];
        for (word, expected) in table {
            assert_eq!(weight(word, 2), expected, "{word}");
        }
        assert_eq!(weight("50%", 1), Ok(0));
    }

    #[test]
    fn limits() {
        let table = [
            ("10", Ok(10)),
            ("0", Ok(0)),
            ("", Err("Require <maxconn>.")),
            ("x", Err("maxconn string empty or preceded by garbage")),
            ("1x", Err("Trailing garbage in maxconn string")),
            ("-1", Err("Value out of range.")),
            ("4294967296", Err("Value out of range.")),
        ];
        for (word, expected) in table {
            assert_eq!(limit_from(word), expected, "{word}");
        }
    }
}
