//! Wrong `health`, `agent` and `track` of a server.

use super::check;

/// A server with this in its table, on line 7.
fn server(keys: &str) -> String {
    format!(
        "[backend.b]\nservers.w = {{ address = 'a:1', health = {{}} }}\nservers.s = {{ address = 'a:1', {keys} }}"
    )
}

#[test]
fn agents() {
    let key = |name: &str| format!("backend.b.servers.s.{name}");
    for (keys, at, suggestion) in [
        ("agent = {}", "agent.port", "`port = 9999`"),
        ("agent = { prot = 1, port = 1 }", "agent.prot", "`port`"),
        ("agent = { port = '18020' }", "agent.port", "`18020`"),
        ("agent = { port = 1, address = 'localhost' }", "agent.address", "`\"127.0.0.1\"`"),
        ("agent = { port = 1, address = '[::1]:5' }", "agent.address", "`\"::1\"`"),
        ("agent = { port = 1, address = 'api0' }", "agent.address", ""),
        ("agent = { port = 1, send = 1 }", "agent.send", ""),
        ("agent = { port = 1, interval = '500' }", "agent.interval", "`\"500ms\"`"),
        ("agent = true", "agent", ""),
        ("health = true", "health", ""),
    ] {
        check(&[(&server(keys), 7, &key(at), suggestion)]);
    }
    check(&[("[backend.b]\nagent = {}", 6, "backend.b.agent.port", "`port = 9999`")]);
}

#[test]
fn tracks() {
    let track = "backend.b.servers.s.track";
    for (keys, suggestion) in [
        ("track = 'x/y/z'", ""),
        ("track = '/b/w'", "`\"b/w\"`"),
        ("track = 'v'", "`\"b/w\"`"),
        ("track = 'nope/nope'", "`\"backend/server\"`"),
        ("track = 'somebody'", "`b` has w, s"),
        ("track = 'nope/w'", "`\"b/w\"`"),
        ("track = 's'", "let one of them have checks of its own"),
        ("track = 'be/s'", "give it one of them"),
    ] {
        check(&[(&server(keys), 7, track, suggestion)]);
    }
    let broken = "[backend.b]\nservers.a = { address = 'a:1', agent = {} }\nservers.b = { address = 'a:1', track = 'a' }";
    check(&[(broken, 6, "backend.b.servers.a.agent.port", "`port = 9999`")]);
    let both = server("track = 'w', agent = { port = 1 }");
    check(&[(&both, 7, "backend.b.servers.s.agent", "remove it, or remove `track`")]);
}

#[test]
fn circles_are_told_for_each_who_is_in_them() {
    let text = "[backend.b.servers]\na = { address = 'a:1', track = 'b' }\nb = { address = 'a:1', track = 'c' }\nc = { address = 'a:1', track = 'a' }\nd = { address = 'a:1', track = 'a' }";
    let faults = super::faults(&format!("{}{text}", super::SOUND));
    let lines: Vec<_> = faults.faults.iter().map(|fault| fault.line).collect();
    assert_eq!(lines, [6, 7, 8], "who only leads into a circle is right once it is broken: {faults}");
    assert!(faults.faults[0].message.contains("b/a -> b/b -> b/c -> b/a"), "{faults}");
}
