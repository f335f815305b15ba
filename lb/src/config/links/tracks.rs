//! Which server tracks which, checked when all of them have been read: names, circles, and whether there is a state to track.

use crate::config::units::near;
use crate::config::{Faults, Placed, TrackConfig};

/// All servers of a configuration.
#[derive(Default)]
pub(in crate::config) struct Tracks(Vec<Tracked>);

/// A server as far as others may track it.
pub(in crate::config) struct Tracked {
    pub(in crate::config) name: TrackConfig,
    /// Whether it has checks or an agent.
    pub(in crate::config) is_watched: bool,
    /// The server that it tracks.
    pub(in crate::config) track: Option<Placed<TrackConfig>>,
}

// === impl Tracks ===

impl Tracks {
    pub(in crate::config) fn add(&mut self, server: Tracked) {
        self.0.push(server);
    }

    /// Reports servers that track one which does not exist, themselves, or one without a state.
    pub(in crate::config) fn check(&self, faults: &mut Faults) {
        for server in &self.0 {
            let Some(Placed { value, place }) = &server.track else { continue };
            let (message, suggestion) = match self.find(value) {
                None => self.missing(value),
                Some(_) if self.ends_nowhere(server) => (
                    format!("`{}` would track itself: {}", server.name, self.circle(server)),
                    "let one of them have checks of its own".to_owned(),
                ),
                Some(found) if !found.is_watched && found.track.is_none() => (
                    format!("`{value}` has no state to track: it has neither `health` nor `agent`"),
                    "give it one of them, or track another server".to_owned(),
                ),
                Some(_) => continue,
            };
            faults.add(place, message, Some(suggestion));
        }
    }

    fn find(&self, name: &TrackConfig) -> Option<&Tracked> {
        self.0.iter().find(|server| server.name == *name)
    }

    /// The servers that `first` tracks, one over the other, each once.
    fn chain<'a>(&'a self, first: &'a Tracked) -> Vec<&'a Tracked> {
        let mut chain = vec![first];
        while let Some(next) =
            chain.last().and_then(|last| last.track.as_ref()).and_then(|track| self.find(&track.value))
        {
            if chain.iter().any(|seen| seen.name == next.name) {
                break;
            }
            chain.push(next);
        }
        chain
    }

    /// Whether the tracks from `first` lead back to it.
    fn ends_nowhere(&self, first: &Tracked) -> bool {
        let chain = self.chain(first);
        chain.last().and_then(|last| last.track.as_ref()).is_some_and(|track| track.value == first.name)
    }

    fn circle(&self, first: &Tracked) -> String {
        let mut names: Vec<_> = self.chain(first).iter().map(|server| server.name.to_string()).collect();
        names.push(first.name.to_string());
        names.join(" -> ")
    }

    fn missing(&self, name: &TrackConfig) -> (String, String) {
        let servers: Vec<_> = self
            .0
            .iter()
            .filter(|server| server.name.backend == name.backend)
            .map(|server| server.name.server.as_str())
            .collect();
        let all: Vec<_> = self.0.iter().map(|server| server.name.to_string()).collect();
        let namesake = self.0.iter().find(|server| server.name.server == name.server);
        let meant = namesake.map(|server| server.name.to_string());
        let meant =
            meant.or_else(|| near(&name.to_string(), all.iter().map(String::as_str)).map(str::to_owned));
        let suggestion = match meant {
            Some(meant) => format!("did you mean `\"{meant}\"`?"),
            None if servers.is_empty() => "write `\"backend/server\"`".to_owned(),
            None => format!("`{}` has {}", name.backend, servers.join(", ")),
        };
        (format!("there is no server `{name}`"), suggestion)
    }
}
