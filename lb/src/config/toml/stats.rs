//! `[stats]`, with the users of the pages.
//!
//! A password stands in the file or in one of its own, which is read here: then the configuration can be shown to others. It refuses
//! users without a password.

use std::io::{self, Read as _};
use std::path::Path;

use toml::Spanned;
use toml::de::DeValue;

use super::resolve;
use super::section::Section;
use super::value::{self, Parsed, Wrong};
use crate::config::links::Links;
use crate::config::{Access, Login, Secret, StatsConfig};

/// Largest file with a password, bytes.
const LARGEST: u64 = 4096;

/// Reads the section; paths in it are seen from `folder`.
pub(super) fn read(mut section: Section<'_>, folder: &Path, links: &mut Links) -> StatsConfig {
    let usual = StatsConfig::default();
    let bind = section.list("bind", value::page_address, usual.bind);
    let stats = StatsConfig {
        bind: bind.iter().map(|address| address.value).collect(),
        admin: section.or("admin", value::boolean, usual.admin),
        hosts: section.any("hosts", value::host),
        uri: section.any("uri", uri),
        access: Access {
            users: logins(&mut section, folder),
            metrics: section.flag("auth_metrics"),
            realm: section.or("realm", realm, usual.access.realm),
        },
    };
    section.finish();
    links.binds.extend(bind);
    stats
}

fn logins(section: &mut Section<'_>, folder: &Path) -> Vec<Login> {
    let values = section.maybe_list("auth");
    values.iter().filter_map(|value| login(section, value, folder)).collect()
}

/// `"user:password"`, or a section where the password may be in a file.
fn login<'a>(section: &Section<'a>, value: &'a Spanned<DeValue<'a>>, folder: &Path) -> Option<Login> {
    let DeValue::Table(_) = value.get_ref() else {
        return section.placed("auth", value, pair).map(|placed| placed.value);
    };
    let mut section = section.child("auth", value.span(), value);
    let user = section.need("user", user, "user = \"admin\"");
    let from_file = |value: &DeValue<'_>| secret_in(folder, value);
    let password = match section.maybe_placed("password_file", from_file) {
        Some(password) => {
            section.misplaced("password", "the password is in `password_file`", "remove one of the two");
            Some(password)
        }
        None if section.has("password_file") => None,
        None => section.need("password", value::text, "password_file = \"lb.password\""),
    };
    section.finish();
    Some(Login { user: user?.value, password: Secret(password?.value) })
}

fn pair(value: &DeValue<'_>) -> Parsed<Login> {
    let pair = value.as_str().and_then(|text| text.split_once(':'));
    let pair = pair.filter(|(user, password)| is_user(user) && !password.is_empty());
    let login = |(user, password): (&str, &str)| Login {
        user: user.to_owned(),
        password: Secret(password.to_owned()),
    };
    let wants = "a user and a password such as `\"admin:secret\"`, or `{ user = \"admin\", password_file = \"lb.password\" }`";
    pair.map(login).ok_or_else(|| Wrong { wants: wants.to_owned(), meant: None })
}

fn user(value: &DeValue<'_>) -> Parsed<String> {
    let user = value.as_str().filter(|text| is_user(text)).map(str::to_owned);
    user.ok_or_else(|| Wrong { wants: "a name in quotes without a colon".to_owned(), meant: None })
}

/// What browsers can send as a name (RFC 7617 section 2).
fn is_user(text: &str) -> bool {
    !text.is_empty() && !text.contains(':') && !text.contains(char::is_control)
}

/// The first line of a file.
fn secret_in(folder: &Path, value: &DeValue<'_>) -> Parsed<String> {
    let wrong = |wants: String| Wrong { wants, meant: None };
    let path = value::text(value)?;
    let path = resolve(folder, Path::new(&path));
    let text = contents(&path).map_err(|error| {
        let path = path.display();
        wrong(format!("a file with a password in its first line (`{path}` cannot be read: {error})"))
    })?;
    let line = text.lines().next().unwrap_or_default();
    if line.is_empty() {
        return Err(wrong(format!(
            "a file with a password in its first line (`{}` has none)",
            path.display()
        )));
    }
    Ok(line.to_owned())
}

fn contents(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    super::open(path)?.take(LARGEST).read_to_string(&mut text)?;
    Ok(text)
}

/// The beginning of an address.
fn uri(value: &DeValue<'_>) -> Parsed<String> {
    let path = value::origin_path(value)?;
    if path.starts_with("//") || path.contains([';', '\\']) {
        let wants =
            "the beginning of an address such as `\"/haproxy?stats\"`, without what comes behind a `;`";
        let meant = path.split(';').next().filter(|path| !path.contains('\\')).unwrap_or_default();
        let meant = format!("\"/{}\"", meant.trim_start_matches('/'));
        return Err(Wrong { wants: wants.to_owned(), meant: Some(meant) });
    }
    Ok(path)
}

/// What a browser shows where it asks for the password.
fn realm(value: &DeValue<'_>) -> Parsed<String> {
    let is_plain = |letter: u8| (b' '..=b'~').contains(&letter) && !matches!(letter, b'"' | b'\\');
    let text = value.as_str().filter(|text| !text.is_empty() && text.bytes().all(is_plain));
    let wants = "a string of ASCII letters without `\"` and `\\`";
    text.map(str::to_owned).ok_or_else(|| Wrong { wants: wants.to_owned(), meant: None })
}
