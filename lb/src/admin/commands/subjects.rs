//! Subjects that lb does not have (maps, ACLs): it answers as HAProxy does where none is configured, so that a tool that
//! looks through all of them goes on.
//!
//! Nothing here pretends to store anything.

use crate::admin::answer::Answer;
use crate::admin::session::Session;

const FILES: &str = "# id (file) description";

pub(super) fn show_map(_: &mut Session, words: &[String]) -> Answer {
    files(words, "Unknown map identifier. Please use #<id> or <file>.")
}

pub(super) fn show_acl(_: &mut Session, words: &[String]) -> Answer {
    files(words, "Unknown ACL identifier. Please use #<id> or <file>.")
}

fn files(words: &[String], unknown: &str) -> Answer {
    if words.is_empty() { Answer::Dump(FILES.to_owned()) } else { Answer::error(unknown) }
}
