//! How servers are watched: `health`, `agent` and `track`, of a backend and of a server of its own.
//!
//! What a backend says holds for all its servers; a server's own keys go before, and `false` switches it off. Whether the server that one
//! tracks exists is not known here: `tracks` checks it when everything has been read.

use std::time::Duration;

use super::section::{Section, Switch};
use super::value;
use crate::config::links::{Links, Tracked};
use crate::config::{AgentConfig, HealthCheckConfig, Protocol, TrackConfig};

/// What a backend says for all its servers.
pub(super) struct Usual<'a> {
    pub(super) backend: &'a str,
    pub(super) protocol: Protocol,
    pub(super) health: Option<HealthCheckConfig>,
    pub(super) agent: Option<AgentConfig>,
    pub(super) slow_start: Duration,
}

/// How one server is watched.
pub(super) struct Watching {
    pub(super) health: Option<HealthCheckConfig>,
    pub(super) agent: Option<AgentConfig>,
    pub(super) track: Option<TrackConfig>,
}

/// The check of a backend, or of a server on top of that.
pub(super) fn health(
    mut section: Section<'_>,
    protocol: Protocol,
    usual: Option<&HealthCheckConfig>,
) -> HealthCheckConfig {
    let usual = usual.cloned().unwrap_or_else(|| HealthCheckConfig::new(protocol));
    let health = HealthCheckConfig {
        protocol: section.or("protocol", value::protocol, usual.protocol),
        path: section.maybe("path", value::origin_path).or(usual.path),
        host: section.maybe("host", value::host).or(usual.host),
        port: section.maybe("port", value::whole(1..=65_535)).or(usual.port),
        interval: section.or("interval", value::duration, usual.interval),
        timeout: section.or("timeout", value::duration, usual.timeout),
        rise: section.or("rise", value::whole(1..=1000), usual.rise),
        fall: section.or("fall", value::whole(1..=1000), usual.fall),
        disable_on_404: section.or("disable_on_404", value::boolean, usual.disable_on_404),
    };
    section.finish();
    health
}

/// The agent of a backend's servers, or of a server on top of that; nothing beside a fault.
pub(super) fn agent(mut section: Section<'_>, usual: Option<&AgentConfig>) -> Option<AgentConfig> {
    let port = match usual {
        Some(usual) => Some(section.or("port", value::whole(1..=65_535), usual.port)),
        None => section.need("port", value::whole(1..=65_535), "port = 9999").map(|port| port.value),
    };
    let agent = port.map(|port| {
        let usual = usual.cloned().unwrap_or_else(|| AgentConfig::new(port));
        AgentConfig {
            port,
            address: section.maybe("address", value::ip).or(usual.address),
            send: section.or("send", value::anything, usual.send),
            interval: section.or("interval", value::duration, usual.interval),
        }
    });
    section.finish();
    agent
}

/// The keys of a server.
pub(super) fn server(section: &mut Section<'_>, usual: &Usual<'_>, links: &mut Links) -> Watching {
    let track = section.maybe_placed("track", value::tracked);
    let (own_health, own_agent) = (section.switch("health"), section.switch("agent"));
    let tracks = track.is_some();
    // One that is wrong has been reported, and is there.
    let has_agent = match own_agent {
        Switch::On(_) => true,
        Switch::Unsaid => usual.agent.is_some(),
        Switch::Off => false,
    };
    let watches =
        [("health", matches!(own_health, Switch::On(_))), ("agent", matches!(own_agent, Switch::On(_)))];
    if tracks {
        for (key, _) in watches.into_iter().filter(|(_, on)| *on) {
            section.misplaced(
                key,
                "a server that tracks another is not watched itself",
                "remove it, or remove `track`",
            );
        }
    }
    let health = match own_health {
        Switch::Off => None,
        Switch::On(own) => Some(health(own, usual.protocol, usual.health.as_ref())),
        Switch::Unsaid => usual.health.clone(),
    };
    let agent = match own_agent {
        Switch::Off => None,
        Switch::On(own) => agent(own, usual.agent.as_ref()),
        Switch::Unsaid => usual.agent.clone(),
    };
    let (health, agent) = if tracks { (None, None) } else { (health, agent) };
    let track = track.map(|track| {
        track.map(|(backend, server)| TrackConfig {
            backend: backend.unwrap_or(usual.backend.to_owned()),
            server,
        })
    });
    links.tracks.add(Tracked {
        name: TrackConfig { backend: usual.backend.to_owned(), server: section.key.to_owned() },
        is_watched: health.is_some() || has_agent,
        track: track.clone(),
    });
    Watching { health, agent, track: track.map(|track| track.value) }
}
