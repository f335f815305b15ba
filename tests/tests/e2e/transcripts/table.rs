//! The repository's own table of HAProxy's dumps: names, commands and what `tests::normal` leaves of the answers, so that nothing outside
//! is needed to compare them.
//!
//! It is written from the transcripts, never by hand: where they are at hand, a test says when it is not what they say.

use super::exceptions;

/// A block for each dump: `=== NAME: COMMAND`, then the answer.
const TABLE: &str = include_str!("../../../transcripts/show.txt");
const MARK: &str = "=== ";
/// Longer answers are compared only where the transcripts are: they say the same in another form.
const LONGEST: usize = 20 * 1024;

/// A command and the comparable form of HAProxy's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dump {
    pub(super) name: String,
    pub(super) sent: String,
    pub(super) expected: String,
}

/// Those of the table.
pub(super) fn kept() -> Vec<Dump> {
    let blocks = TABLE.split(MARK).skip(1);
    blocks
        .map(|block| {
            let (head, expected) = block.split_once('\n').expect("a line of head");
            let (name, sent) = head.split_once(": ").expect("a name and a command");
            Dump { name: name.to_owned(), sent: sent.to_owned(), expected: expected.to_owned() }
        })
        .collect()
}

/// Fails when the table is not what the transcripts say, and writes one that is.
pub(super) fn check(told: &[Dump]) {
    let mut right = String::new();
    for Dump { name, sent, expected } in told {
        if !exceptions().contains_key(name.as_str()) && expected.len() <= LONGEST {
            assert!(!expected.contains(MARK), "{name} cannot be kept");
            right.push_str(&format!("{MARK}{name}: {sent}\n{expected}"));
        }
    }
    if right != TABLE {
        let file = std::env::temp_dir().join("show.txt");
        std::fs::write(&file, right).expect("a writable folder");
        panic!(
            "tests/transcripts/show.txt is not what the transcripts say: put {} in its place",
            file.display()
        );
    }
}
