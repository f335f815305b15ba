//! Subjects that lb does not have (stick tables, maps, ACLs): it answers as HAProxy does where none is configured, so that a tool that
//! looks through all of them goes on.
//!
//! Nothing here pretends to store anything.

use crate::admin::answer::Answer;
use crate::admin::session::Session;

const NO_TABLE: &str = "No such table";
const CLEAR_TABLE: &str = "Required arguments: <table> \"data.<store_data_type>\" <operator> <value> or <table> key <key> or \
     <table> ptr <ptr>";
const SET_TABLE: &str = "Required arguments: <table> key <key> [data.<store_data_type> <value>]* or <table> ptr <ptr> \
     [data.<store_data_type> <value>]*";
const FILES: &str = "# id (file) description";

pub(super) fn show_table(_: &mut Session, words: &[String]) -> Answer {
    if words.is_empty() { Answer::Done } else { Answer::error(NO_TABLE) }
}

pub(super) fn clear_table(_: &mut Session, words: &[String]) -> Answer {
    Answer::error(if words.is_empty() { CLEAR_TABLE } else { NO_TABLE })
}

pub(super) fn set_table(_: &mut Session, words: &[String]) -> Answer {
    Answer::error(if words.is_empty() { SET_TABLE } else { NO_TABLE })
}

pub(super) fn show_map(_: &mut Session, words: &[String]) -> Answer {
    files(words, "Unknown map identifier. Please use #<id> or <file>.")
}

pub(super) fn show_acl(_: &mut Session, words: &[String]) -> Answer {
    files(words, "Unknown ACL identifier. Please use #<id> or <file>.")
}

pub(super) fn show_resolvers(_: &mut Session, words: &[String]) -> Answer {
    if words.is_empty() { Answer::Done } else { Answer::error("Can't find that resolvers section") }
}

fn files(words: &[String], unknown: &str) -> Answer {
    if words.is_empty() { Answer::Dump(FILES.to_owned()) } else { Answer::error(unknown) }
}
