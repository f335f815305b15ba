//! `reload`: reads the configuration again and replies when that is done, in the form of HAProxy's master socket.
//!
//! `Success=1` and what changed, or `Success=0` and the faults as `lb check` prints them.

use super::DeferredCommand;
use crate::admin::answer::CommandOutput;
use crate::admin::session::Session;

pub(super) fn reload<'a>(session: &'a Session, _words: &'a [String]) -> DeferredCommand<'a> {
    Box::pin(async move {
        match session.control.reload(&session.origin).await {
            Ok(changes) => CommandOutput::info(format!("Success=1\n--\n{changes}")),
            Err(faults) => CommandOutput::error(format!("Success=0\n--\n{}", without_empty_lines(&faults))),
        }
    })
}

/// Puts a blank into empty lines: an empty line would end the reply.
fn without_empty_lines(text: &str) -> String {
    let lines = text.lines().map(|line| if line.is_empty() { " " } else { line });
    lines.collect::<Vec<_>>().join("\n")
}
