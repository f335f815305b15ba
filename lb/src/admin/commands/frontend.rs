//! Commands about frontends, about backends as a whole, and about the limits of the process.

use crate::admin::answer::CommandOutput;
use crate::admin::names::{self, NO_BACKEND, NO_FRONTEND};
use crate::admin::session::Session;
use crate::control::FrontendError;
use crate::topology::{Backend, DynamicCookie, Frontend};

const FRONTEND_EXPECTED: &str = "A frontend name is expected.";
const BACKEND_EXPECTED: &str = "A backend name is expected.";
const INTEGER_EXPECTED: &str = "Expects an integer value.";
const OUT_OF_RANGE: &str = "Value out of range.";
const RATE_LIMITS: &str = "'set rate-limit' only supports :
   - 'connections global' to set the per-process maximum connection rate
   - 'sessions global' to set the per-process maximum session rate
   - 'ssl-sessions global' to set the per-process maximum SSL session rate
   - 'http-compression global' to set the per-process maximum compression speed in kB/s
";

pub(super) fn disable(session: &mut Session, words: &[String]) -> CommandOutput {
    with_frontend(session, words, |session, frontend| {
        match session.control.disable_frontend(frontend, &session.origin) {
            Ok(()) => CommandOutput::Done,
            Err(FrontendError::Same) => CommandOutput::info("All sockets are already disabled."),
            Err(FrontendError::Stopped) => {
                CommandOutput::error("Frontend was previously shut down, cannot disable.")
            }
            Err(FrontendError::Listen(error)) => CommandOutput::error(error.to_string()),
        }
    })
}

pub(super) fn enable(session: &mut Session, words: &[String]) -> CommandOutput {
    with_frontend(session, words, |session, frontend| {
        match session.control.enable_frontend(frontend, &session.origin) {
            Ok(()) => CommandOutput::Done,
            Err(FrontendError::Same) => CommandOutput::info("All sockets are already enabled."),
            Err(FrontendError::Stopped) => {
                CommandOutput::error("Frontend was previously shut down, cannot enable.")
            }
            Err(FrontendError::Listen(error)) => {
                session.control.emit(&crate::control::Event::Notice { text: &error.to_string() });
                CommandOutput::error(
                    "Failed to resume frontend, check logs for precise cause (port conflict?).",
                )
            }
        }
    })
}

pub(super) fn shutdown(session: &mut Session, words: &[String]) -> CommandOutput {
    with_frontend(session, words, |session, frontend| {
        match session.control.shutdown_frontend(frontend, &session.origin) {
            Ok(()) => CommandOutput::Done,
            Err(_) => CommandOutput::error("Frontend was already shut down."),
        }
    })
}

pub(super) fn set_maxconn(session: &mut Session, words: &[String]) -> CommandOutput {
    with_frontend(session, words, |session, frontend| {
        let Some(word) = words.get(1) else { return CommandOutput::error("Integer value expected.") };
        match whole(word) {
            Ok(maxconn) => {
                session.control.set_frontend_maxconn(frontend, maxconn, &session.origin);
                CommandOutput::Done
            }
            Err(text) => CommandOutput::error(text),
        }
    })
}

pub(super) fn set_maxconn_global(session: &mut Session, words: &[String]) -> CommandOutput {
    let Some(word) = words.first() else { return CommandOutput::error(INTEGER_EXPECTED) };
    match whole(word) {
        Ok(maxconn) if session.control.set_maxconn_of_process(maxconn, &session.origin) => {
            CommandOutput::Done
        }
        Ok(_) => CommandOutput::error(OUT_OF_RANGE),
        Err(text) => CommandOutput::error(text),
    }
}

/// `connections global N` and the like. Without TLS and compression, their limits are accepted and have no
/// effect.
pub(super) fn set_rate_limit(session: &mut Session, words: &[String]) -> CommandOutput {
    let process = &session.control.shared().process;
    let (pace, what) = match (words.first().map_or("", String::as_str), words.get(1).map(String::as_str)) {
        ("connections", Some("global")) => (Some(&process.connection_pace), "connections"),
        ("sessions", Some("global")) => (Some(&process.session_pace), "sessions"),
        ("ssl-sessions" | "http-compression", Some("global")) => (None, ""),
        _ => return CommandOutput::error(RATE_LIMITS),
    };
    let Some(word) = words.get(2) else { return CommandOutput::error(INTEGER_EXPECTED) };
    match whole(word) {
        Ok(limit) => {
            if let Some(pace) = pace {
                session.control.set_pace(pace, what, limit, &session.origin);
            }
            CommandOutput::Done
        }
        Err(text) => CommandOutput::error(text),
    }
}

pub(super) fn publish(session: &mut Session, words: &[String]) -> CommandOutput {
    set_published(session, words, true)
}

pub(super) fn unpublish(session: &mut Session, words: &[String]) -> CommandOutput {
    set_published(session, words, false)
}

/// In a backend without a cookie, the key is stored for later.
pub(super) fn set_cookie_key(session: &mut Session, words: &[String]) -> CommandOutput {
    let Some(key) = words.get(1) else {
        return with_backend(session, words, |_| CommandOutput::error("String value expected."));
    };
    change_cookies(session, words, |cookie| cookie.key = Some(key.clone()))
}

pub(super) fn enable_cookies(session: &mut Session, words: &[String]) -> CommandOutput {
    change_cookies(session, words, |cookie| cookie.on = Some(true))
}

pub(super) fn disable_cookies(session: &mut Session, words: &[String]) -> CommandOutput {
    change_cookies(session, words, |cookie| cookie.on = Some(false))
}

fn change_cookies(
    session: &Session,
    words: &[String],
    change: impl FnOnce(&mut DynamicCookie),
) -> CommandOutput {
    with_backend(session, words, |backend| {
        session.control.set_dynamic_cookie(backend, change, &session.origin);
        CommandOutput::Done
    })
}

fn set_published(session: &Session, words: &[String], published: bool) -> CommandOutput {
    let topology = session.control.topology();
    let Some(backend) = topology.find_backend(words.first().map_or("", String::as_str)) else {
        return CommandOutput::error(NO_BACKEND);
    };
    session.control.publish(backend, published, &session.origin);
    CommandOutput::info(if published { "Backend published." } else { "Backend unpublished." })
}

fn with_frontend(
    session: &Session,
    words: &[String],
    run: impl FnOnce(&Session, &Frontend) -> CommandOutput,
) -> CommandOutput {
    let Some(word) = words.first() else { return CommandOutput::error(FRONTEND_EXPECTED) };
    match names::frontend(&session.control.topology(), word) {
        Some(frontend) => run(session, frontend),
        None => CommandOutput::error(NO_FRONTEND),
    }
}

fn with_backend(
    session: &Session,
    words: &[String],
    run: impl FnOnce(&Backend) -> CommandOutput,
) -> CommandOutput {
    let Some(word) = words.first() else { return CommandOutput::error(BACKEND_EXPECTED) };
    match session.control.topology().find_backend(word) {
        Some(backend) => run(backend),
        None => CommandOutput::error(NO_BACKEND),
    }
}

/// A non-negative number within HAProxy's range.
fn whole(word: &str) -> Result<u32, &'static str> {
    let number: i64 = word.parse().map_err(|_| INTEGER_EXPECTED)?;
    u32::try_from(number).ok().filter(|number| i32::try_from(*number).is_ok()).ok_or(OUT_OF_RANGE)
}
