//! A backend's cookie in responses: what is taken out of them, changed and added (HAProxy manual, configuration, `cookie`).
//!
//! It refuses to look at a field other than `Set-Cookie`, but for whether a response may be cached.

use super::cookie::{CookieMatch, DATE, PREFIX, PersistenceCookie};
use super::stamp;
use crate::config::{Cookie, CookieMode};
use crate::ids::ServerId;

/// What a response of one server is to do with the cookie.
#[derive(Debug, Clone, Copy)]
pub struct SetCookie<'a> {
    jar: &'a PersistenceCookie,
    cookie: Option<&'a str>,
    asked: CookieMatch,
    /// The client asked for this very server.
    direct: bool,
    /// The request's method was POST.
    is_post: bool,
    /// Unix seconds.
    now: u64,
}

/// What was done with the cookie in a response (HAProxy manual, configuration, section 8.5: the fourth letter).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CookieAction {
    /// There was none.
    #[default]
    None,
    /// The server's own passed.
    Passed,
    /// The server's own was taken out.
    Deleted,
    /// One was added.
    Inserted,
    /// The server's own was changed.
    Replaced,
    /// One was added for its date.
    Updated,
}

// === impl SetCookie ===

impl<'a> SetCookie<'a> {
    /// For a response of `server` to a request whose cookie said `asked`.
    pub fn new(
        jar: &'a PersistenceCookie,
        server: ServerId,
        asked: CookieMatch,
        is_post: bool,
        now: u64,
    ) -> Self {
        let cookie = jar.cookie_of(server).map(|cookie| &**cookie);
        Self { jar, cookie, asked, direct: asked.server == Some(server), is_post, now }
    }

    /// Whether a `Set-Cookie` field is about the backend's cookie.
    pub fn concerns(&self, value: &[u8]) -> bool {
        self.split(value).is_some()
    }

    /// Writes what the client gets of a `Set-Cookie` field that is about it; nothing when it gets none.
    pub fn write_own(&self, value: &[u8], out: &mut Vec<u8>) -> CookieAction {
        let Cookie { mode, indirect, preserve, .. } = self.jar.spec;
        let Some((before, own, after)) = self.split(value).filter(|_| !preserve) else {
            out.extend_from_slice(value);
            return CookieAction::Passed;
        };
        if mode == CookieMode::Insert || self.direct && indirect {
            return CookieAction::Deleted;
        }
        let Some(cookie) = self.cookie else {
            out.extend_from_slice(value);
            return CookieAction::Passed;
        };
        out.extend_from_slice(before);
        out.extend_from_slice(cookie.as_bytes());
        if mode == CookieMode::Prefix {
            out.push(PREFIX);
            out.extend_from_slice(own);
        }
        out.extend_from_slice(after);
        CookieAction::Replaced
    }

    /// Writes the value of the `Set-Cookie` field that is added, when one is, to a response of which `given` is known so far.
    pub fn write_new(&self, given: CookieAction, out: &mut Vec<u8>) -> CookieAction {
        if !self.is_due(given) {
            return given;
        }
        let Cookie { name, max_idle, max_life, httponly, secure, domains, attributes, .. } = &self.jar.spec;
        out.extend_from_slice(name.as_bytes());
        out.push(b'=');
        match self.cookie {
            None => out.extend_from_slice(b"; Expires=Thu, 01-Jan-1970 00:00:01 GMT"),
            Some(cookie) => {
                out.extend_from_slice(cookie.as_bytes());
                // Rounded up, so that a client is not seen before it came.
                let now = self.now + 3;
                if max_idle.is_some() || max_life.is_some() {
                    out.push(DATE);
                    stamp::write(now, out);
                }
                if max_life.is_some() {
                    out.push(DATE);
                    stamp::write(if self.asked.first > 0 { self.asked.first } else { now }, out);
                }
            }
        }
        out.extend_from_slice(b"; path=/");
        for domain in domains {
            out.extend_from_slice(b"; domain=");
            out.extend_from_slice(domain.as_bytes());
        }
        for (wanted, word) in [(*httponly, "HttpOnly"), (*secure, "Secure")] {
            if wanted {
                out.extend_from_slice(b"; ");
                out.extend_from_slice(word.as_bytes());
            }
        }
        for attribute in attributes {
            out.extend_from_slice(b"; ");
            out.extend_from_slice(attribute.as_bytes());
        }
        if self.direct && self.cookie.is_some() { CookieAction::Updated } else { CookieAction::Inserted }
    }

    /// Whether the response that got a cookie must say that it is for one client only: one that caches could keep otherwise.
    pub fn makes_private<'f>(
        &self,
        given: CookieAction,
        status: u16,
        fields: impl Iterator<Item = (&'f str, &'f [u8])>,
    ) -> bool {
        const CACHEABLE: [u16; 12] = [200, 203, 204, 206, 300, 301, 404, 405, 410, 414, 451, 501];
        let added = matches!(given, CookieAction::Inserted | CookieAction::Updated);
        added
            && self.jar.spec.nocache
            && CACHEABLE.contains(&status)
            && !fields.into_iter().any(forbids_caching)
    }

    fn is_due(&self, given: CookieAction) -> bool {
        let Cookie { mode, postonly, preserve, max_idle, max_life, .. } = &self.jar.spec;
        let CookieMatch { last, first, .. } = self.asked;
        let is_stale = (max_idle.is_some() || last > 0) && last < self.now.max(1);
        let is_undated = max_life.is_some() != (first > 0);
        *mode == CookieMode::Insert
            && !(given == CookieAction::Passed && *preserve)
            && (!self.direct || is_stale || is_undated)
            && (!postonly || self.is_post)
    }

    /// A `Set-Cookie` value about the backend's cookie, before its own value, that value, and what follows.
    fn split<'v>(&self, value: &'v [u8]) -> Option<(&'v [u8], &'v [u8], &'v [u8])> {
        let name = self.jar.name().as_bytes();
        let rest = value.trim_ascii_start().strip_prefix(name)?.trim_ascii_start().strip_prefix(b"=")?;
        let start = value.len() - rest.len();
        let end = memchr::memchr(b';', rest).map_or(value.len(), |at| start + at);
        Some((&value[..start], &value[start..end], &value[end..]))
    }
}

fn forbids_caching((name, value): (&str, &[u8])) -> bool {
    let is = |known: &str| name.eq_ignore_ascii_case(known);
    let words = || value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let says = |word: &str| words().any(|known| known.eq_ignore_ascii_case(word.as_bytes()));
    is("cache-control")
        && ["private", "no-cache", "no-store", "max-age=0", "s-maxage=0"].into_iter().any(says)
        || is("pragma") && says("no-cache")
}

// === impl CookieAction ===

impl CookieAction {
    /// Its letter in the log.
    pub fn letter(self) -> u8 {
        match self {
            Self::None => b'N',
            Self::Passed => b'P',
            Self::Deleted => b'D',
            Self::Inserted => b'I',
            Self::Replaced => b'R',
            Self::Updated => b'U',
        }
    }
}
