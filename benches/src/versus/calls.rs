//! What strace and callgrind write, read.

use std::collections::BTreeMap;

/// How often each system call was made, from the table of `strace -c`; nothing while it is not complete.
pub(super) fn strace(text: &str) -> Option<BTreeMap<String, u64>> {
    let mut calls = BTreeMap::new();
    let mut rules = 0;
    for line in text.lines() {
        if line.starts_with("------") {
            rules += 1;
            continue;
        }
        // % time, seconds, µs a call, calls, perhaps errors, name; the total has no µs a call in some versions.
        let words: Vec<_> = line.split_whitespace().collect();
        match (rules, words.as_slice()) {
            (1, [_, _, _, count, .., name]) => {
                *calls.entry((*name).to_owned()).or_default() += count.parse::<u64>().ok()?;
            }
            (2, [.., "total"]) => return Some(calls),
            _ => {}
        }
    }
    None
}

/// The instructions that callgrind counted, from its file; nothing while that is not complete.
pub(super) fn callgrind(text: &str) -> Option<u64> {
    let total = |name| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    total("totals:").or_else(|| total("summary:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_read_with_and_without_errors() {
        let text = "strace: Process 7 attached\n% time     seconds  usecs/call     calls    errors syscall\n\
            ------ ----------- ----------- --------- --------- ----------------\n\
            \x20 50.00    0.000200           2       100           write\n\
            \x20 50.00    0.000200           2        40         3 read\n\
            ------ ----------- ----------- --------- --------- ----------------\n\
            100.00    0.000400           2       140         3 total\n";
        let calls = strace(text).unwrap();
        assert_eq!(calls.into_iter().collect::<Vec<_>>(), [("read".into(), 40), ("write".into(), 100)]);
        assert_eq!(strace(text.rsplit_once("100.00").unwrap().0), None);
    }

    #[test]
    fn instructions_are_read_from_either_line() {
        assert_eq!(callgrind("events: Ir\nfn=(1)\ntotals: 1234\n"), Some(1234));
        assert_eq!(callgrind("events: Ir\nsummary: 99\n"), Some(99));
        assert_eq!(callgrind("events: Ir\n"), None);
    }
}
