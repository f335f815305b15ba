//! Whether a request names a user of the pages and the password, in HTTP's plainest way (RFC 7617), as HAProxy's `stats auth` does.
//!
//! It refuses to know what is asked for, and to remember anybody: each request proves itself.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};

use super::guard::same;
use crate::config::Access;

/// Who may see nothing: no user is named, or none that there is, or the password is another one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stranger;

/// Who asks, where the pages are not for everybody.
pub(super) fn user(access: &Access, headers: &HeaderMap) -> Result<Option<String>, Stranger> {
    if access.users.is_empty() {
        return Ok(None);
    }
    let named = headers.get(AUTHORIZATION).and_then(credentials).ok_or(Stranger)?;
    let (user, password) = named.split_at(named.iter().position(|byte| *byte == b':').ok_or(Stranger)?);
    let mut found = Err(Stranger);
    // All are looked at, and whole: how long it takes tells neither who there is nor how much of a password was right.
    for login in &access.users {
        let is_user = same(login.user.as_bytes(), user);
        if is_user & same(login.password.0.as_bytes(), &password[1..]) {
            found = Ok(Some(login.user.clone()));
        }
    }
    found
}

/// How a browser is told to ask for them.
pub(super) fn challenge(realm: &str) -> HeaderValue {
    let text = format!("Basic realm=\"{realm}\"");
    // The configuration lets only letters through that may stand there.
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
