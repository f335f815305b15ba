//! What a configuration says that is allowed, and probably not meant.

use std::net::IpAddr;

use super::{BackendConfig, Config, ServerConfig};

impl Config {
    /// Warnings, a sentence each: nothing here keeps the configuration from being used.
    pub fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        for backend in &self.backends {
            let name = &backend.name;
            if !self.frontends.iter().any(|frontend| frontend.backend == *name)
                && !self.is_referred_to(backend)
            {
                doubts.push(format!("backend `{name}`: no frontend leads to it"));
            }
            if backend.servers.is_empty() {
                doubts.push(format!(
                    "backend `{name}`: it has no server, so its clients get 503 until one is added"
                ));
            } else if backend.servers.iter().all(|server| server.weight == 0) {
                doubts.push(format!("backend `{name}`: every server has weight 0, so its clients get 503"));
            }
            for server in &backend.servers {
                if let Some(frontend) = self.itself(server) {
                    let place = format!("{name}/{}", server.name);
                    doubts.push(format!("server `{place}`: it is the address of frontend `{frontend}`, so requests would go in a circle"));
                }
            }
        }
        doubts
    }

    /// Whether something else than a frontend's `backend` needs it: its table, or its servers.
    fn is_referred_to(&self, backend: &BackendConfig) -> bool {
        let has_table = backend.table.is_some();
        let elsewhere =
            |server: &ServerConfig| server.track.as_ref().is_some_and(|track| track.backend == backend.name);
        has_table
            || self
                .backends
                .iter()
                .any(|other| other.name != backend.name && other.servers.iter().any(elsewhere))
    }

    /// The frontend that listens where a server is said to be.
    fn itself(&self, server: &ServerConfig) -> Option<&str> {
        let ip = match server.host.as_str() {
            "localhost" => IpAddr::from([127, 0, 0, 1]),
            host => host.parse().ok()?,
        };
        let frontend = self.frontends.iter().find(|frontend| {
            let mut addresses = frontend.bind.iter().map(|bind| bind.address);
            addresses.any(|at| {
                at.port() == server.port && (at.ip() == ip || at.ip().is_unspecified() && ip.is_loopback())
            })
        })?;
        Some(&frontend.name)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Breaks when something that is allowed and not meant is passed over, or something that is meant is doubted.
    #[test]
    fn what_is_probably_not_meant() {
        let good = "[frontend.fe]\nbind = \"0.0.0.0:5000\"\nbackend = \"api\"\n";
        let servers = |text: &str| format!("{good}[backend.api.servers]\n{text}\n");
        let cases = [
            (servers("a = \"127.0.0.1:4000\""), ""),
            (servers("a = \"10.0.0.1:5000\""), ""),
            (servers(""), "backend `api`: it has no server"),
            (servers("a = { address = \"a:1\", weight = 0 }"), "backend `api`: every server has weight 0"),
            (servers("a = \"127.0.0.1:5000\""), "server `api/a`: it is the address of frontend `fe`"),
            (servers("a = \"localhost:5000\""), "server `api/a`: it is the address of frontend `fe`"),
            (
                servers("a = \"a:1\"\n[backend.other.servers]\nb = \"b:1\""),
                "backend `other`: no frontend leads to it",
            ),
        ];
        for (text, expected) in cases {
            let doubts = Config::parse(&text, Path::new("lb.toml")).unwrap().doubts();
            let found = doubts.first().map_or("", String::as_str);
            assert!(
                found.starts_with(expected) && doubts.is_empty() == expected.is_empty(),
                "{text}: {doubts:?}"
            );
        }
    }
}
