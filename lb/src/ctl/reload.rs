//! `lb reload`: makes every balancer read its configuration again, and waits for the result.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{BalancerResult, CommandOutcome, ask_all, client, hints};

/// Limit for reading a configuration and opening what it names.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes every balancer reload; prints what changed, or the faults as `lb check` does.
pub fn reload(sockets: &[PathBuf], out: &mut dyn Write, err: &mut dyn Write) -> CommandOutcome {
    ask_all(sockets, &reload_one, out, err)
}

fn reload_one(socket: &Path) -> BalancerResult {
    let answers = match client::ask(socket, "reload", PATIENCE) {
        Ok(answers) => answers,
        Err(error) => return BalancerResult::silent(&error),
    };
    let Some(answer) = answers.first() else {
        let err = format!(
            "lb: {}: lb went away before it answered\n  = start it, and look at its log: the configuration may or may not be in force",
            socket.display()
        );
        return BalancerResult { outcome: CommandOutcome::Silent, out: String::new(), err };
    };
    // Empty lines carry a blank, which keeps them from ending the reply.
    let text: Vec<_> = answer.text.trim_end().lines().map(str::trim_end).collect();
    let text = text.join("\n");
    match (text.strip_prefix("Success=1\n--\n"), text.strip_prefix("Success=0\n--\n")) {
        (Some(changes), _) if !answer.refused => BalancerResult {
            outcome: CommandOutcome::Done,
            out: format!("applied: {changes}\n"),
            err: String::new(),
        },
        (_, Some(faults)) => {
            let err =
                format!("{faults}\nlb: {}: not applied, everything goes on as before", socket.display());
            BalancerResult { outcome: CommandOutcome::Refused, out: String::new(), err }
        }
        _ => {
            let err = format!("lb: {}: {text}{}", socket.display(), hints::hint(socket, &answer.text, None));
            BalancerResult { outcome: CommandOutcome::Refused, out: String::new(), err }
        }
    }
}
