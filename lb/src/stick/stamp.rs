//! Dates in cookies: seconds in units of four, as five letters of base 64 (HAProxy manual, configuration, `cookie … maxidle`).
//!
//! It refuses to know a clock.

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Letters of a date.
const LENGTH: usize = 5;

/// Writes a date; what does not fit in 30 bits is cut off.
pub(super) fn write(seconds: u64, out: &mut Vec<u8>) {
    let units = seconds >> 2;
    out.extend((0..LENGTH).rev().map(|at| {
        let letter = units >> (6 * at) & 63;
        LETTERS[usize::try_from(letter).unwrap_or(0)]
    }));
}

/// The date that `text` begins with; nothing when there is none.
pub(super) fn read(text: &[u8]) -> Option<u64> {
    let units = text.get(..LENGTH)?.iter().try_fold(0, |units: u64, letter| {
        let value = LETTERS.iter().position(|known| known == letter)?;
        Some(units << 6 | value as u64)
    })?;
    (units > 0).then_some(units << 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_to_four_seconds() {
        for seconds in [4, 1_700_000_003, (1 << 32) - 1] {
            let mut text = Vec::new();
            write(seconds, &mut text);
            assert_eq!((text.len(), read(&text)), (5, Some(seconds & !3)), "{seconds}");
        }
        for text in [&b""[..], b"AAAA", b"AAAAA", b"AA=AB", b"|BBBB"] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }
}
