//! The pages about the command line and its exit codes.

use std::fmt::Write as _;

use super::{PROGRAM, cell, command, sentence};

const HEAD: &str = "\
# Command line

What `lb --help` and `lb COMMAND --help` print. [Exit codes](exit-codes.md) has the codes in one table. `lb version` and `lb --version` print the version.

| environment | meaning |
|---|---|
| `LB_SOCKET` | The runtime socket for `lb ctl`, `disable`, `drain`, `enable`, `reload` and `top` without `-s`. |
| `NO_COLOR` | Set and not empty: `lb top` uses no colors ([no-color.org](https://no-color.org)). |
| `TZ` | The time zone of dates in the log. |

## Completions and man pages

```sh
lb completions bash > /etc/bash_completion.d/lb         # also zsh, fish, elvish, powershell
lb man /usr/local/share/man/man1                        # lb.1 and a page for each command
lb man | man -l -                                       # without installing
```
";

const EXIT_HEAD: &str = "\
# Exit codes

The same four everywhere: 0 done, 1 rejected or failed, 2 wrong usage, 3 no reply or an incomplete one. A script may take nothing but 0 for success: with 3 it is not
known whether the order was executed.

| command | code | meaning |
|---|---|---|
";

pub(super) fn page() -> String {
    let mut out = HEAD.to_owned();
    for mut command in commands() {
        let title = title(&command);
        let help = command.render_long_help().to_string();
        // Writing to a string cannot fail.
        let _ = write!(out, "\n## {title}\n\n```text\n{}\n```\n", clean(&help));
    }
    out
}

pub(super) fn exit_codes() -> String {
    let mut out = EXIT_HEAD.to_owned();
    for command in commands().into_iter().skip(1) {
        for (code, meaning) in codes(&command) {
            let _ = writeln!(out, "| `{}` | {code} | {} |", title(&command), cell(&sentence(&meaning)));
        }
    }
    out
}

/// `lb` and its commands, without the hidden ones.
fn commands() -> Vec<clap::Command> {
    let all = command();
    let parts = all.get_subcommands().filter(|part| !part.is_hide_set() && part.get_name() != "help");
    let parts: Vec<_> = parts.cloned().collect();
    [all].into_iter().chain(parts).collect()
}

/// What is typed for it.
fn title(command: &clap::Command) -> String {
    match command.get_name() {
        PROGRAM => PROGRAM.to_owned(),
        name => format!("{PROGRAM} {name}"),
    }
}

/// The exit codes that the help of a command tells, with their meanings.
pub(super) fn codes(command: &clap::Command) -> Vec<(u8, String)> {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let Some((_, told)) = help.split_once("Exit codes: ") else { return Vec::new() };
    let told = told.split("\n`").next().unwrap_or_default().replace('\n', " ");
    let code = |part: &str| {
        let (code, meaning) = part.trim().split_once(' ')?;
        Some((code.parse().ok()?, meaning.trim_end_matches('.').to_owned()))
    };
    told.split(';').filter_map(code).collect()
}

/// Without spaces at the ends of lines.
fn clean(text: &str) -> String {
    text.trim_end().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
pub(super) fn visible() -> Vec<clap::Command> {
    commands()
}
