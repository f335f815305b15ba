//! HTTP basic authentication (RFC 7617) for the pages, as HAProxy's `stats auth`.
//!
//! There are no sessions: each request authenticates itself.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};

use super::guard::same;
use crate::config::Access;

/// No user is named, the user does not exist, or the password is wrong.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stranger;

/// The user of a request, where the pages require one.
pub(super) fn user(access: &Access, headers: &HeaderMap) -> Result<Option<String>, Stranger> {
    if access.users.is_empty() {
        return Ok(None);
    }
    let named = headers.get(AUTHORIZATION).and_then(credentials).ok_or(Stranger)?;
    let (user, password) = named.split_at(named.iter().position(|byte| *byte == b':').ok_or(Stranger)?);
    let mut found = Err(Stranger);
    // Every user is compared completely, so that the time reveals neither which users exist nor how much of a
    // password was right.
    for login in &access.users {
        let is_user = same(login.user.as_bytes(), user);
        if is_user & same(login.password.0.as_bytes(), &password[1..]) {
            found = Ok(Some(login.user.clone()));
        }
    }
    found
}

/// The `WWW-Authenticate` value.
pub(super) fn challenge(realm: &str) -> HeaderValue {
    let text = format!("Basic realm=\"{realm}\"");
    // The configuration only admits characters that are valid here.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("Basic realm=\"lb\""))
}

/// The user, a colon, and the password.
fn credentials(value: &HeaderValue) -> Option<Vec<u8>> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = scheme.eq_ignore_ascii_case("basic").then(|| token.trim())?;
    STANDARD.decode(token).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Login, Secret};

    fn access(users: &[(&str, &str)]) -> Access {
        let login = |(user, password): &(&str, &str)| Login {
            user: (*user).to_owned(),
            password: Secret((*password).to_owned()),
        };
        Access { users: users.iter().map(login).collect(), ..Access::default() }
    }

    fn asking(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn who_is_known() {
        let access = access(&[("admin", "secret"), ("ops", "a:b c"), ("über", "geheim")]);
        let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
        let table = [
            (basic("admin:secret"), Some("admin")),
            (format!("bASIC  {}", STANDARD.encode("admin:secret")), Some("admin")),
            (basic("ops:a:b c"), Some("ops")),
            (basic("über:geheim"), Some("über")),
            (basic("admin:secre"), None),
            (basic("admin:secret2"), None),
            (basic("admin:"), None),
            (basic("admin"), None),
            (basic(":secret"), None),
            (basic("ops:secret"), None),
            (basic("Admin:secret"), None),
            (basic(""), None),
            ("Basic".to_owned(), None),
            ("Basic !!!".to_owned(), None),
            (format!("Bearer {}", STANDARD.encode("admin:secret")), None),
        ];
        for (value, expected) in table {
            let seen = user(&access, &asking(&value));
            assert_eq!(seen, expected.map(|name| Some(name.to_owned())).ok_or(Stranger), "{value}");
        }
        assert_eq!(user(&access, &HeaderMap::new()), Err(Stranger));
    }

    #[test]
    fn without_users_everybody_may_look_and_is_nobody() {
        let access = access(&[]);
        assert_eq!(user(&access, &HeaderMap::new()), Ok(None));
        assert_eq!(user(&access, &asking("Basic eDp5")), Ok(None));
    }
}
