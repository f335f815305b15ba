//! Tables of cookies: what a request's means, what of it a server sees, and what becomes of a response's.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::config::{self, Cookie, CookieMode, HealthStart};
use crate::server::{AdminState, Queue, Server};

const NOW: u64 = 1_700_000_000;

fn spec(mode: CookieMode) -> Cookie {
    Cookie {
        name: "SRV".into(),
        mode,
        indirect: false,
        nocache: false,
        postonly: false,
        preserve: false,
        httponly: false,
        secure: false,
        domains: Vec::new(),
        attributes: Vec::new(),
        max_idle: None,
        max_life: None,
        dynamic: false,
        dynamic_key: None,
    }
}

fn insert() -> Cookie {
    spec(CookieMode::Insert)
}

fn dated() -> Cookie {
    Cookie { max_idle: Some(Duration::from_secs(60)), max_life: Some(Duration::from_secs(3600)), ..insert() }
}

/// `s1` is ready, `s2` is in maintenance, `s3` has no cookie.
fn jar(spec: &Cookie) -> (PersistenceCookie, Vec<Arc<Server>>) {
    let server = |name: &str| {
        let spec = config::ServerConfig::new(name, "127.0.0.1", 80);
        Server::new(&"be".into(), 1, &spec, HealthStart::Up, &Arc::<Queue>::default(), 1)
    };
    let servers = ["s1", "s2", "s3"].map(server).to_vec();
    servers[1].set_admin(AdminState::Maint);
    let cookies = [Some("one".into()), Some("two".into()), None];
    (PersistenceCookie::new(spec, cookies.into_iter().zip(servers.iter().cloned())), servers)
}

fn asked(jar: &PersistenceCookie, fields: &[&str]) -> CookieMatch {
    jar.read(fields.iter().map(|field| field.as_bytes()), NOW)
}

/// `one` with the dates of so many seconds ago.
fn stamped(last: u64, first: u64) -> String {
    let mut text = b"SRV=one|".to_vec();
    stamp::write(NOW - last, &mut text);
    text.push(b'|');
    stamp::write(NOW - first, &mut text);
    String::from_utf8(text).unwrap()
}

#[test]
fn the_server_that_is_meant() {
    let (insert, prefix, dated) = (insert(), spec(CookieMode::Prefix), dated());
    let table: [(&Cookie, &[&str], char); 24] = [
        (&insert, &[], 'N'),
        (&insert, &["a=b; SRVX=one; xSRV=one"], 'N'),
        (&insert, &["SRV=one"], 'V'),
        (&insert, &["a=b;SRV = one ; c=d"], 'V'),
        (&insert, &["a=b", "SRV=one"], 'V'),
        (&insert, &["SRV=two"], 'D'),
        (&insert, &["SRV=two; SRV=one"], 'V'),
        (&insert, &["SRV="], 'I'),
        (&insert, &["SRV=nobody"], 'I'),
        (&insert, &["srv=one"], 'N'),
        (&prefix, &["SRV=one~abc"], 'V'),
        (&prefix, &["SRV=abc"], 'I'),
        (&prefix, &["SRV=~abc"], 'I'),
        (&insert, &["SRV"], 'N'),
        (&insert, &["SRV=one; SRV=nobody"], 'V'),
        (&insert, &["SRV=nobody; SRV=one"], 'V'),
        (&dated, &[&format!("SRV=nobody; {}", stamped(90, 300))], 'E'),
        (&dated, &[&format!("{}; SRV=nobody", stamped(90, 300))], 'E'),
        (&dated, &[&format!("{}; SRV=one", stamped(90, 300))], 'V'),
        (&dated, &[&stamped(30, 300)], 'V'),
        (&dated, &[&stamped(90, 300)], 'E'),
        (&dated, &[&stamped(30, 4000)], 'O'),
        (&dated, &["SRV=one"], 'V'),
        (&insert, &["SRV=one|ZZZZZ"], 'V'),
    ];
    for (spec, fields, letter) in table {
        let (jar, servers) = jar(spec);
        let asked = asked(&jar, fields);
        assert_eq!(char::from(asked.found.letter()), letter, "{fields:?}");
        assert_eq!(asked.server, (letter == 'V').then(|| servers[0].id), "{fields:?}");
    }
}

#[test]
fn what_a_server_sees() {
    let hidden = Cookie { indirect: true, ..insert() };
    let prefix = spec(CookieMode::Prefix);
    let table = [
        (&hidden, "SRV=one", ""),
        (&hidden, "a=b; SRV=one; c=d", "a=b; c=d"),
        (&hidden, "a=b;c=d", "a=b; c=d"),
        (&prefix, "a=b; SRV=one~x~y; c", "a=b; SRV=x~y; c"),
        (&prefix, "SRV=plain", "SRV=plain"),
    ];
    for (spec, field, rest) in table {
        let (jar, _) = jar(spec);
        assert!(jar.rewrites());
        let mut out = Vec::new();
        jar.write_rest(field.as_bytes(), &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), rest, "{field}");
    }
    assert!(!jar(&insert()).0.rewrites() && !jar(&spec(CookieMode::Rewrite)).0.rewrites());
}

/// The `Set-Cookie` that is added to a response of a server, by its place.
fn added(spec: &Cookie, cookie: &str, server: usize, is_post: bool) -> (String, char) {
    let (jar, servers) = jar(spec);
    let asked = asked(&jar, &[cookie]);
    let reply = SetCookie::new(&jar, servers[server].id, asked, is_post, NOW);
    let mut out = Vec::new();
    let given = reply.write_new(CookieAction::None, &mut out);
    (String::from_utf8(out).unwrap(), char::from(given.letter()))
}

#[test]
fn what_a_client_gets() {
    let full = Cookie {
        httponly: true,
        secure: true,
        domains: vec![".a.example".into()],
        attributes: vec!["SameSite=Lax".into()],
        ..insert()
    };
    let post = Cookie { postonly: true, ..insert() };
    let table = [
        (&insert(), "", 0, "SRV=one; path=/", 'I'),
        (&insert(), "SRV=one", 0, "", 'N'),
        (&insert(), "SRV=two", 0, "SRV=one; path=/", 'I'),
        (&insert(), "", 2, "SRV=; Expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/", 'I'),
        (&full, "", 0, "SRV=one; path=/; domain=.a.example; HttpOnly; Secure; SameSite=Lax", 'I'),
        (&post, "", 0, "", 'N'),
        (&spec(CookieMode::Rewrite), "", 0, "", 'N'),
        (&spec(CookieMode::Prefix), "", 0, "", 'N'),
    ];
    for (spec, cookie, server, line, letter) in table {
        assert_eq!(added(spec, cookie, server, false), (line.to_owned(), letter), "{spec:?} {cookie}");
    }
    assert_eq!(added(&post, "", 0, true).1, 'I');
    let (line, letter) = added(&dated(), &stamped(30, 300), 0, false);
    let mut first = Vec::new();
    stamp::write(NOW - 300, &mut first);
    assert!(line.ends_with(&format!("|{}; path=/", String::from_utf8(first).unwrap())), "{line}");
    assert_eq!((line.len(), letter), ("SRV=one|aaaaa|aaaaa; path=/".len(), 'U'));
}

#[test]
fn what_becomes_of_a_servers_own() {
    let kept = Cookie { preserve: true, ..insert() };
    let table = [
        (insert(), "SRV=x; path=/a", "", 'D'),
        (kept, "SRV=x; path=/a", "SRV=x; path=/a", 'P'),
        (spec(CookieMode::Rewrite), "SRV=x; path=/a", "SRV=one; path=/a", 'R'),
        (spec(CookieMode::Rewrite), "SRV=x", "SRV=one", 'R'),
        (spec(CookieMode::Prefix), "SRV=x; path=/a", "SRV=one~x; path=/a", 'R'),
    ];
    for (spec, field, line, letter) in table {
        let (jar, servers) = jar(&spec);
        let reply = SetCookie::new(&jar, servers[0].id, asked(&jar, &[]), false, NOW);
        assert!(reply.concerns(field.as_bytes()) && !reply.concerns(b"SRV2=x"));
        let mut out = Vec::new();
        let given = reply.write_own(field.as_bytes(), &mut out);
        assert_eq!((String::from_utf8(out).unwrap().as_str(), given.letter()), (line, letter as u8));
    }
}

#[test]
fn what_one_client_got_is_not_for_others() {
    let (jar, servers) = jar(&Cookie { nocache: true, ..insert() });
    let reply = SetCookie::new(&jar, servers[0].id, asked(&jar, &[]), false, NOW);
    let table = [
        (CookieAction::Inserted, 200, ("Vary", "Accept"), true),
        (CookieAction::None, 200, ("Vary", "Accept"), false),
        (CookieAction::Inserted, 302, ("Vary", "Accept"), false),
        (CookieAction::Inserted, 200, ("Cache-Control", "max-age=5"), true),
        (CookieAction::Inserted, 200, ("cache-control", "a, No-Store"), false),
        (CookieAction::Inserted, 200, ("Pragma", "no-cache"), false),
    ];
    for (given, status, (name, value), expected) in table {
        let fields = [(name, value.as_bytes())].into_iter();
        assert_eq!(reply.makes_private(given, status, fields), expected, "{given:?} {status}");
    }
}
