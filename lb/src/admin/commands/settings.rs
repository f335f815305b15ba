//! Commands about the connection itself, and the few that fit nowhere else.

use std::time::Duration;

use crate::admin::answer::{Answer, Prefix};
use crate::admin::session::{Mode, Session};
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

pub(super) fn echo(_: &mut Session, words: &[String]) -> Answer {
    Answer::info(words.join(" "))
}

pub(super) fn help(session: &mut Session, words: &[String]) -> Answer {
    Answer::info(lists::matching(words, session.level))
}

pub(super) fn quit(_: &mut Session, _: &[String]) -> Answer {
    Answer::Quit
}

pub(super) fn prompt(session: &mut Session, words: &[String]) -> Answer {
    let (mut mode, mut timed) = (None, session.timed);
    for word in words {
        match word.as_str() {
            "n" => mode = Some(Mode::Single),
            "i" => mode = Some(Mode::Interactive),
            "p" => mode = Some(Mode::Prompt),
            "timed" => timed = !timed,
            "help" => return Answer::info(PROMPT_HELP),
            _ => return Answer::error(PROMPT_HELP),
        }
    }
    let alone = words.is_empty() && session.mode == Mode::Prompt;
    session.mode = mode.unwrap_or(if alone { Mode::Single } else { Mode::Prompt });
    session.timed = timed;
    Answer::Done
}

pub(super) fn timeout(session: &mut Session, words: &[String]) -> Answer {
    if words.first().map(String::as_str) != Some("cli") {
        return Answer::error("'set timeout' only supports 'cli'.");
    }
    let Some(word) = words.get(1) else { return Answer::error("Expects an integer value.") };
    match time::parse(word, "s").filter(|idle| *idle > Duration::ZERO) {
        Some(idle) => {
            session.idle = idle;
            Answer::Done
        }
        None => Answer::error("Invalid timeout value."),
    }
}

pub(super) fn severity_output(session: &mut Session, words: &[String]) -> Answer {
    session.prefix = match words.first().map(String::as_str) {
        Some("none") => Prefix::None,
        Some("number") => Prefix::Number,
        Some("string") => Prefix::Word,
        _ => return Answer::error("one of 'none', 'number', 'string' is a required argument"),
    };
    Answer::Done
}

pub(super) fn operator(session: &mut Session, _: &[String]) -> Answer {
    session.level = session.level.min(Level::Operator);
    Answer::Done
}

pub(super) fn user(session: &mut Session, _: &[String]) -> Answer {
    session.level = Level::User;
    Answer::Done
}

pub(super) fn expert_mode(session: &mut Session, words: &[String]) -> Answer {
    switch("expert-mode", &mut session.expert, words)
}

pub(super) fn experimental_mode(session: &mut Session, words: &[String]) -> Answer {
    switch("experimental-mode", &mut session.experimental, words)
}

pub(super) fn clear_counters(session: &mut Session, words: &[String]) -> Answer {
    let all = words.first().is_some_and(|word| word == "all");
    if all && session.level < Level::Admin {
        return Answer::error("Permission denied");
    }
    session.control.clear_counters(all);
    let what = if all { "counters" } else { "largest values" };
    session.control.say(&Event::Notice { text: &format!("{what} cleared by {}", session.origin) });
    Answer::Done
}

fn switch(name: &str, on: &mut bool, words: &[String]) -> Answer {
    match words.first() {
        None => Answer::info(format!("{name} is {}", if *on { "ON" } else { "OFF" })),
        Some(word) => {
            *on = word == "on";
            Answer::Done
        }
    }
}
