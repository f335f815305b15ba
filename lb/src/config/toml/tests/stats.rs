//! `[stats]`: users of the pages, and where the page is.

use std::fs;

use super::{SOUND, check, fault};
use crate::config::{Config, Secret, StatsConfig};

fn stats(text: &str, folder: &std::path::Path) -> StatsConfig {
    Config::parse(&format!("{SOUND}[stats]\n{text}"), &folder.join("lb.toml")).unwrap().stats
}

#[test]
fn users_have_their_passwords_here_or_in_files() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("ops.password"), "o:p s\nanother line\n").unwrap();
    let text = "auth = ['admin:a:b', { user = 'x', password = 'y' }, { user = 'ops', password_file = 'ops.password' }]\nuri = ['/haproxy-status', '/lb?stats']";
    let stats = stats(text, folder.path());
    let users: Vec<_> = stats.access.users.iter().map(|login| (&*login.user, &*login.password.0)).collect();
    assert_eq!(users, [("admin", "a:b"), ("x", "y"), ("ops", "o:p s")]);
    assert_eq!(stats.uri, ["/haproxy-status", "/lb?stats"]);
    assert!(!stats.access.metrics);
    assert_eq!(format!("{:?}", Secret("y".to_owned())), "Secret(…)");
    let one = Config::parse(&format!("{SOUND}[stats]\nauth = 'a:b'"), "lb.toml".as_ref()).unwrap();
    assert_eq!(one.stats.access.users.len(), 1);
}

#[test]
fn wrong_ones() {
    check(&[
        ("[stats]\nauth = 'admin'", 6, "stats.auth", ""),
        ("[stats]\nauth = ':secret'", 6, "stats.auth", ""),
        ("[stats]\nauth = ['a:b', 'c:']", 6, "stats.auth", ""),
        ("[stats]\nauth = { user = 'a:b', password = 'c' }", 6, "stats.auth.user", ""),
        ("[stats]\nauth = { user = 'a' }", 6, "stats.auth.password", "password_file = "),
        ("[stats]\nauth = { password = 'a' }", 6, "stats.auth.user", "user = \"admin\""),
        (
            "[stats]\nauth = { user = 'a', pasword = 'a', password = 'b' }",
            6,
            "stats.auth.pasword",
            "`password`",
        ),
        ("[stats]\nauth = { user = 'a', password_file = 'no/such/file' }", 6, "stats.auth.password_file", ""),
        ("[stats]\nauth_metric = true", 6, "stats.auth_metric", "`auth_metrics`"),
        ("[stats]\nrealm = 'a \"b\"'", 6, "stats.realm", ""),
        ("[stats]\nuri = 'stats'", 6, "stats.uri", "/stats"),
        ("[stats]\nuri = '/a;csv'", 6, "stats.uri", "\"/a\""),
        ("[stats]\nuri = '//a'", 6, "stats.uri", "\"/a\""),
    ]);
    let missing = fault("[stats]\nauth = { user = 'a', password_file = 'no/such/file' }");
    assert!(missing.message.contains("`no/such/file` cannot be read"), "{missing:?}");
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("empty"), "\n").unwrap();
    fs::write(folder.path().join("full"), "x").unwrap();
    let parse = |rest: &str| {
        let text = format!("{SOUND}[stats]\nauth = {{ user = 'a', {rest} }}");
        Config::parse(&text, &folder.path().join("lb.toml")).unwrap_err().to_string()
    };
    assert!(parse("password_file = 'empty'").contains("has none"));
    assert!(parse("password_file = 'full', password = 'x'").contains("remove one of the two"));
}
