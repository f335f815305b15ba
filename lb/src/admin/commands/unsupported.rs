//! Objects that lb does not have (maps, ACLs). The replies are HAProxy's where none is configured, so that tools
//! that iterate over all of them go on.
//!
//! Nothing is stored.

use crate::admin::answer::CommandOutput;
use crate::admin::session::Session;

const FILES: &str = "# id (file) description";
const NO_MAP: &str = "Unknown map identifier. Please use #<id> or <file>.";
const NO_ACL: &str = "Unknown ACL identifier. Please use #<id> or <file>.";

pub(super) fn show_map(_: &mut Session, words: &[String]) -> CommandOutput {
    files(words, NO_MAP)
}

pub(super) fn show_acl(_: &mut Session, words: &[String]) -> CommandOutput {
    files(words, NO_ACL)
}

fn files(words: &[String], unknown: &str) -> CommandOutput {
    if words.is_empty() { CommandOutput::Dump(FILES.to_owned()) } else { CommandOutput::error(unknown) }
}

/// With a payload, the command has the identifier only.
pub(super) fn add_map(_: &mut Session, words: &[String]) -> CommandOutput {
    let missing = "'add map' expects three parameters (map identifier, key and value) or one parameter (map identifier) and a payload";
    needing(1, words, missing, NO_MAP)
}

pub(super) fn add_acl(_: &mut Session, words: &[String]) -> CommandOutput {
    needing(2, words, "'add acl' expects two parameters: ACL identifier and pattern.", NO_ACL)
}

pub(super) fn set_map(_: &mut Session, words: &[String]) -> CommandOutput {
    needing(3, words, "'set map' expects three parameters: map identifier, key and value.", NO_MAP)
}

pub(super) fn del_map(_: &mut Session, words: &[String]) -> CommandOutput {
    needing(2, words, "This command expects two parameters: map identifier and key.", NO_MAP)
}

pub(super) fn del_acl(_: &mut Session, words: &[String]) -> CommandOutput {
    needing(2, words, "This command expects two parameters: ACL identifier and key.", NO_ACL)
}

pub(super) fn get_map(_: &mut Session, words: &[String]) -> CommandOutput {
    needing(2, words, "Missing map identifier and/or key.", NO_MAP)
}

pub(super) fn get_acl(_: &mut Session, words: &[String]) -> CommandOutput {
    needing(2, words, "Missing ACL identifier and/or key.", NO_ACL)
}

/// Also commands about one version, and about beginning or committing one.
pub(super) fn whole_map(_: &mut Session, words: &[String]) -> CommandOutput {
    needing(1, words, "Missing map identifier.", NO_MAP)
}

/// Like [`whole_map`], for ACLs.
pub(super) fn whole_acl(_: &mut Session, words: &[String]) -> CommandOutput {
    needing(1, words, "Missing ACL identifier.", NO_ACL)
}

fn needing(count: usize, words: &[String], missing: &str, unknown: &str) -> CommandOutput {
    CommandOutput::error(if words.len() < count { missing } else { unknown })
}
