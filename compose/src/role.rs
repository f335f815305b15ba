//! What a child of `compose` is: the same program under a hidden first word, so that one build has all parts.
//!
//! A child whose parent is gone ends by itself, however the parent went. Nothing here starts a process.

use std::ffi::OsString;
use std::process::ExitCode;

use rustix::process::{Signal, getpid, kill_process};

/// The part that a child process plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Lb,
    Api,
    Client,
}

const ROLES: [Role; 3] = [Role::Lb, Role::Api, Role::Client];

// === impl Role ===

impl Role {
    /// The hidden first word of the command line.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Lb => "__lb",
            Self::Api => "__api",
            Self::Client => "__client",
        }
    }

    /// The role that a command line names, and the command line of that role's own program.
    pub(crate) fn of(
        mut arguments: impl Iterator<Item = OsString>,
    ) -> Option<(Self, impl Iterator<Item = OsString>)> {
        let _program = arguments.next()?;
        let word = arguments.next()?;
        let role = ROLES.into_iter().find(|role| word == role.word())?;
        let program = role.word().trim_start_matches('_');
        Some((role, std::iter::once(OsString::from(program)).chain(arguments)))
    }

    /// Plays the role to its end.
    pub(crate) fn run(self, arguments: impl Iterator<Item = OsString>) -> ExitCode {
        stop_with_the_parent();
        match self {
            Self::Lb => lb::cli::main_with(arguments),
            Self::Api => api::main_with(arguments),
            Self::Client => client::main_with(arguments),
        }
    }
}

/// Standard input is a pipe that the parent holds and never writes to: its end is the end of the parent, even of one
/// that was killed. The graceful stop that follows is the role's own.
fn stop_with_the_parent() {
    std::thread::spawn(|| {
        // An error is an end, too.
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        if let Err(error) = kill_process(getpid(), Signal::TERM) {
            eprintln!("the parent is gone, and so cannot be told: {error}");
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &[&str]) -> Option<(Role, Vec<OsString>)> {
        Role::of(line.iter().map(OsString::from)).map(|(role, arguments)| (role, arguments.collect()))
    }

    #[test]
    fn a_hidden_word_names_the_role_and_leaves_its_own_command_line() {
        assert_eq!(
            of(&["compose", "__lb", "run", "-c", "x"]),
            Some((Role::Lb, ["lb", "run", "-c", "x"].map(OsString::from).to_vec()))
        );
        assert_eq!(of(&["compose", "__api"]), Some((Role::Api, vec!["api".into()])));
        assert_eq!(
            of(&["compose", "__client", "--help"]),
            Some((Role::Client, vec!["client".into(), "--help".into()]))
        );
    }

    #[test]
    fn anything_else_is_the_operators() {
        for line in [&[][..], &["compose"], &["compose", "deploy"], &["compose", "lb"], &["__lb", "up"]] {
            assert_eq!(of(line), None, "{line:?}");
        }
    }
}
