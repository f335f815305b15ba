//! How servers are watched: what a backend says, and what a server says on top of it.

use super::*;

fn servers(text: &str) -> Vec<ServerConfig> {
    let mut config = parse(&format!("{SMALLEST}[backend.b]\n{text}"));
    config.backends.pop().map(|backend| backend.servers).unwrap_or_default()
}

#[test]
fn a_servers_own_check_and_agent_go_before_its_backends() {
    let text = r#"
        health = { path = "/health", rise = 5 }
        agent = { port = 9999, interval = "500ms" }
        [backend.b.servers]
        usual = "a:1"
        own = { address = "a:1", health = { port = 81, rise = 1 }, agent = { address = "::1", send = "hi\n" } }
        none = { address = "a:1", health = false, agent = false }
    "#;
    let servers = servers(text);
    let [usual, own, none] = servers.as_slice() else { panic!("three servers") };
    let agent =
        AgentConfig { port: 9999, address: None, send: String::new(), interval: Duration::from_millis(500) };
    assert_eq!(usual.agent.as_ref(), Some(&agent));
    let health = |server: &ServerConfig| server.health.clone().map(|it| (it.path, it.port, it.rise, it.fall));
    assert_eq!(health(usual), Some((Some("/health".into()), None, 5, 3)));
    assert_eq!(health(own), Some((Some("/health".into()), Some(81), 1, 3)));
    let address = Some("::1".parse().unwrap());
    assert_eq!(own.agent.as_ref(), Some(&AgentConfig { address, send: "hi\n".into(), ..agent }));
    assert_eq!((&none.health, &none.agent), (&None, &None));
}

#[test]
fn a_server_can_be_watched_without_its_backend() {
    let text = r#"
        [backend.b.servers]
        checked = { address = "a:1", health = { path = "/" } }
        asked = { address = "a:1", agent = { port = 1 } }
    "#;
    let servers = servers(text);
    assert_eq!(servers[0].health.as_ref().map(|health| health.fall), Some(3));
    assert_eq!(servers[1].agent.as_ref().map(|agent| agent.interval), Some(Duration::from_secs(2)));
}

#[test]
fn a_server_that_tracks_another_is_not_watched_itself() {
    let text = r#"
        health = {}
        agent = { port = 1 }
        [backend.b.servers]
        one = "a:1"
        two = { address = "a:1", track = "one" }
        three = { address = "a:1", track = "b/two" }
    "#;
    let servers = servers(text);
    let track = |server: &ServerConfig| server.track.as_ref().map(TrackConfig::to_string);
    assert_eq!(
        servers.iter().map(track).collect::<Vec<_>>(),
        [None, Some("b/one".into()), Some("b/two".into())]
    );
    assert!(servers[1..].iter().all(|server| server.health.is_none() && server.agent.is_none()));
}
