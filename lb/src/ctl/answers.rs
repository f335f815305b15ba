//! Splits what came over the socket into replies.
//!
//! The client requests severities as numbers, so that a rejection is recognized by `[0]` to `[3]` and not by its
//! text.

/// Sent before a command; its own answer is one line feed.
pub(super) const ASK_SEVERITY: &str = "set severity-output number;";

/// The reply to one command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CommandReply {
    /// Whether the balancer rejected the command.
    pub(super) refused: bool,
    /// The reply with its empty line, without the severity; one line feed for a success without text.
    pub(super) text: String,
}

/// Splits what came after [`ASK_SEVERITY`] and a command.
pub(super) fn split(received: &str) -> Vec<CommandReply> {
    // A balancer that closed before this has replied to nothing.
    let Some(mut rest) = received.strip_prefix('\n') else {
        return if received.is_empty() { Vec::new() } else { vec![cut_off(received)] };
    };
    let mut answers = Vec::new();
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('\n') {
            answers.push(CommandReply { refused: false, text: "\n".to_owned() });
            rest = after;
        } else if let Some(end) = rest.find("\n\n") {
            let (text, after) = rest.split_at(end + 2);
            answers.push(answer(text));
            rest = after;
        } else {
            // Without an empty line at its end it is an error of the whole line, or the connection
            // broke.
            answers.push(cut_off(rest));
            rest = "";
        }
    }
    answers
}

fn answer(text: &str) -> CommandReply {
    let severity = text.strip_prefix('[').and_then(|rest| rest.split_once("]: "));
    match severity {
        Some((number, rest)) if number.len() == 1 && number.as_bytes()[0].is_ascii_digit() => {
            CommandReply { refused: number <= "3", text: rest.to_owned() }
        }
        _ => CommandReply { refused: false, text: text.to_owned() },
    }
}

fn cut_off(text: &str) -> CommandReply {
    CommandReply { refused: true, ..answer(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_cut_at_empty_lines() {
        let table: &[(&str, &[(bool, &str)])] = &[
            ("", &[]),
            ("\n", &[]),
            ("\n\n", &[(false, "\n")]),
            ("\n[3]: No such server.\n\n", &[(true, "No such server.\n\n")]),
            ("\n[6]: 3.4.0-lb\n\n", &[(false, "3.4.0-lb\n\n")]),
            ("\n\n# name\na\n\n\n", &[(false, "\n"), (false, "# name\na\n\n"), (false, "\n")]),
            ("\n[x] y\n\n", &[(false, "[x] y\n\n")]),
            ("\n# half", &[(true, "# half")]),
            ("The command line is too big\n", &[(true, "The command line is too big\n")]),
        ];
        for (received, expected) in table {
            let answers = split(received);
            let plain: Vec<_> = answers.iter().map(|answer| (answer.refused, answer.text.as_str())).collect();
            assert_eq!(plain, *expected, "{received:?}");
        }
    }
}
