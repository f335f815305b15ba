//! Commands about the connection itself, and the few that fit nowhere else.

use std::time::Duration;

use crate::admin::answer::{CommandOutput, Prefix};
use crate::admin::session::{Session, SessionMode};
use crate::admin::{help as lists, time};
use crate::config::Level;
use crate::control::Event;

const PROMPT_HELP: &str = "Usage: prompt [help | n | i | p | timed]*
How this connection goes on after a line:
  help    show this
  n       it ends
  i       it waits for another line
  p       it waits for another line and shows a prompt
  timed   the prompt shows the uptime, or no longer
Alone, it switches the prompt on, or back to n.
";

pub(super) fn echo(_: &mut Session, words: &[String]) -> CommandOutput {
    CommandOutput::info(words.join(" "))
}

pub(super) fn help(session: &mut Session, words: &[String]) -> CommandOutput {
    CommandOutput::info(lists::matching(words, session.level))
}

pub(super) fn quit(_: &mut Session, _: &[String]) -> CommandOutput {
    CommandOutput::Quit
}

pub(super) fn prompt(session: &mut Session, words: &[String]) -> CommandOutput {
    let (mut mode, mut timed) = (None, session.timed);
    for word in words {
        match word.as_str() {
            "n" => mode = Some(SessionMode::Single),
            "i" => mode = Some(SessionMode::Interactive),
            "p" => mode = Some(SessionMode::Prompt),
            "timed" => timed = !timed,
            "help" => return CommandOutput::info(PROMPT_HELP),
            _ => return CommandOutput::error(PROMPT_HELP),
        }
    }
    let alone = words.is_empty() && session.mode == SessionMode::Prompt;
    session.mode = mode.unwrap_or(if alone { SessionMode::Single } else { SessionMode::Prompt });
    session.timed = timed;
    CommandOutput::Done
}

pub(super) fn timeout(session: &mut Session, words: &[String]) -> CommandOutput {
    if words.first().map(String::as_str) != Some("cli") {
        return CommandOutput::error("'set timeout' only supports 'cli'.");
    }
    let Some(word) = words.get(1) else { return CommandOutput::error("Expects an integer value.") };
    match time::parse(word, "s").filter(|idle| *idle > Duration::ZERO) {
        Some(idle) => {
            session.idle = idle;
            CommandOutput::Done
        }
        None => CommandOutput::error("Invalid timeout value."),
    }
}

pub(super) fn severity_output(session: &mut Session, words: &[String]) -> CommandOutput {
    session.prefix = match words.first().map(String::as_str) {
        Some("none") => Prefix::None,
        Some("number") => Prefix::Number,
        Some("string") => Prefix::Word,
        _ => return CommandOutput::error("one of 'none', 'number', 'string' is a required argument"),
    };
    CommandOutput::Done
}

pub(super) fn operator(session: &mut Session, _: &[String]) -> CommandOutput {
    session.level = session.level.min(Level::Operator);
    CommandOutput::Done
}

pub(super) fn user(session: &mut Session, _: &[String]) -> CommandOutput {
    session.level = Level::User;
    CommandOutput::Done
}

pub(super) fn expert_mode(session: &mut Session, words: &[String]) -> CommandOutput {
    switch("expert-mode", &mut session.expert, words)
}

pub(super) fn experimental_mode(session: &mut Session, words: &[String]) -> CommandOutput {
    switch("experimental-mode", &mut session.experimental, words)
}

pub(super) fn clear_counters(session: &mut Session, words: &[String]) -> CommandOutput {
    let all = words.first().is_some_and(|word| word == "all");
    if all && session.level < Level::Admin {
        return CommandOutput::error("Permission denied");
    }
    session.control.clear_counters(all);
    let what = if all { "counters" } else { "largest values" };
    session.control.emit(&Event::Notice { text: &format!("{what} cleared by {}", session.origin) });
    CommandOutput::Done
}

fn switch(name: &str, on: &mut bool, words: &[String]) -> CommandOutput {
    match words.first() {
        None => CommandOutput::info(format!("{name} is {}", if *on { "ON" } else { "OFF" })),
        Some(word) => {
            *on = word == "on";
            CommandOutput::Done
        }
    }
}
