//! A backend's cookie in requests: which server it means, and what of it that server gets to see (HAProxy manual, configuration, `cookie`).
//!
//! It refuses to judge other cookies: they pass as they came.

use std::sync::Arc;

use super::stamp;
use crate::config::{Cookie, CookieMode};
use crate::ids::ServerId;
use crate::server::Server;

/// Between a server's cookie and the application's in prefix mode.
pub(super) const PREFIX: u8 = b'~';
/// Between a server's cookie and dates.
pub(super) const DATE: u8 = b'|';
/// A date so far in the future, seconds, comes from a wrong clock.
const FUTURE: u64 = 86_400;

/// The cookie of a backend and of each of its servers at one moment.
#[derive(Debug)]
pub struct PersistenceCookie {
    pub(super) spec: Cookie,
    servers: Box<[Labelled]>,
}

/// A server and what stands for it.
type Labelled = (Option<Arc<str>>, Arc<Server>);

/// What a request's cookie says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CookieMatch {
    /// What was found.
    pub found: CookieState,
    /// The server that it means, which can take the request.
    pub server: Option<ServerId>,
    /// When the client was last seen, Unix seconds; 0 when that is not said.
    pub(super) last: u64,
    /// When it was first seen.
    pub(super) first: u64,
}

/// What was found of a cookie (HAProxy manual, configuration, section 8.5: the third letter). HAProxy's `U`, for a rule that has chosen the
/// server before the cookie was looked at, has no place here: there are no such rules, and a stick table is asked after the cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CookieState {
    /// None.
    None,
    /// One that is no server's.
    Invalid,
    /// One of a server that cannot take the request.
    Down,
    /// One of a server that can.
    Valid,
    /// The client has not been seen for too long.
    Expired,
    /// The client has been seen first too long ago.
    Old,
}

/// One `name=value` of a `Cookie` field.
struct Crumb<'a> {
    whole: &'a [u8],
    /// The value, if it is the backend's cookie.
    value: Option<&'a [u8]>,
}

// === impl PersistenceCookie ===

impl PersistenceCookie {
    /// The jar of a backend with these servers, each with its cookie.
    pub fn new(spec: &Cookie, servers: impl Iterator<Item = Labelled>) -> Self {
        Self { spec: spec.clone(), servers: servers.collect() }
    }

    /// The cookie's name.
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// A server's cookie.
    pub fn cookie_of(&self, server: ServerId) -> Option<&Arc<str>> {
        self.servers.iter().find(|(_, known)| known.id == server)?.0.as_ref()
    }

    /// The server that a cookie means, if that takes the request.
    pub fn server_of(&self, cookie: &str) -> Option<ServerId> {
        let means = |known: &&Labelled| known.0.as_deref() == Some(cookie) && known.1.takes_its_own();
        self.servers.iter().find(means).map(|(_, server)| server.id)
    }

    /// What the `Cookie` fields of a request say at `now`, Unix seconds. Of several cookies the first that means a server counts.
    pub fn read<'a>(&self, fields: impl Iterator<Item = &'a [u8]>, now: u64) -> CookieMatch {
        let mut asked = CookieMatch { found: CookieState::None, server: None, last: 0, first: 0 };
        for value in fields.flat_map(|field| self.crumbs(field)).filter_map(|crumb| crumb.value) {
            let name = self.parse(value, now, &mut asked);
            let Some(name) = name else { continue };
            let mut known = self
                .servers
                .iter()
                .filter(|(cookie, _)| cookie.as_ref().is_some_and(|cookie| cookie.as_bytes() == name));
            match known.clone().find(|(_, server)| server.takes_its_own()) {
                Some((_, server)) => {
                    return CookieMatch { found: CookieState::Valid, server: Some(server.id), ..asked };
                }
                None if known.next().is_some() => asked.found = CookieState::Down,
                None if asked.found == CookieState::None => asked.found = CookieState::Invalid,
                None => {}
            }
        }
        asked
    }

    /// Whether servers get cookies that differ from what the client sent.
    pub fn rewrites(&self) -> bool {
        match self.spec.mode {
            CookieMode::Insert => self.spec.indirect,
            CookieMode::Prefix => true,
            CookieMode::Rewrite => false,
        }
    }

    /// Writes what of a `Cookie` field the server gets; nothing when there is nothing left.
    pub fn write_rest(&self, field: &[u8], out: &mut Vec<u8>) {
        let mut some = false;
        for Crumb { whole, value } in self.crumbs(field) {
            let cut = match (value, self.spec.mode) {
                (Some(_), CookieMode::Insert) => continue,
                (Some(value), CookieMode::Prefix) => {
                    let before = whole.len() - value.len();
                    let own = memchr::memchr(PREFIX, value).map_or(0, |at| at + 1);
                    Some((before, before + own))
                }
                _ => None,
            };
            if some {
                out.extend_from_slice(b"; ");
            }
            some = true;
            match cut {
                Some((from, to)) => {
                    out.extend_from_slice(&whole[..from]);
                    out.extend_from_slice(&whole[to..]);
                }
                None => out.extend_from_slice(whole),
            }
        }
    }

    /// The server's part of the value. Dates are noted, and when they are over there is none.
    fn parse<'a>(&self, value: &'a [u8], now: u64, asked: &mut CookieMatch) -> Option<&'a [u8]> {
        if self.spec.mode == CookieMode::Prefix {
            // One that the application set before it was behind a balancer names nobody.
            return Some(memchr::memchr(PREFIX, value).map_or(&[][..], |at| &value[..at]));
        }
        let mut parts = value.split(|byte| *byte == DATE);
        let name = parts.next()?;
        let mut date = || parts.next().and_then(stamp::read).unwrap_or(0);
        let (last, first) = (date(), date());
        let over = |date: u64, limit: u64| {
            date > 0 && (now.saturating_sub(date) > limit || date.saturating_sub(now) > FUTURE)
        };
        let is_over =
            |date, limit: Option<std::time::Duration>| limit.is_some_and(|limit| over(date, limit.as_secs()));
        if is_over(first, self.spec.max_life) {
            asked.found = CookieState::Old;
            return None;
        }
        if is_over(last, self.spec.max_idle) {
            asked.found = CookieState::Expired;
            return None;
        }
        (asked.last, asked.first) = (last, first);
        Some(name)
    }

    fn crumbs<'a>(&self, field: &'a [u8]) -> impl Iterator<Item = Crumb<'a>> {
        let name = self.spec.name.as_bytes();
        field.split(|byte| *byte == b';').map(<[u8]>::trim_ascii).filter(|crumb| !crumb.is_empty()).map(
            move |whole| {
                let value =
                    whole.strip_prefix(name).and_then(|rest| rest.trim_ascii_start().strip_prefix(b"="));
                Crumb { whole, value: value.map(<[u8]>::trim_ascii_start) }
            },
        )
    }
}

// === impl CookieMatch ===

impl CookieMatch {
    /// It means this server.
    pub fn means(&mut self, server: ServerId) {
        *self = Self { found: CookieState::Valid, server: Some(server), ..*self };
    }

    /// The server could not take the request after all.
    pub fn declined(&mut self) {
        *self = Self { found: CookieState::Down, server: None, ..*self };
    }
}

// === impl CookieState ===

impl CookieState {
    /// Its letter in the log.
    pub fn letter(self) -> u8 {
        match self {
            Self::None => b'N',
            Self::Invalid => b'I',
            Self::Down => b'D',
            Self::Valid => b'V',
            Self::Expired => b'E',
            Self::Old => b'O',
        }
    }
}
