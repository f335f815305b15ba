//! The line that `lb run` prints at a terminal: what is served where.

use std::path::{Path, PathBuf};

use super::App;
use crate::config::Config;
use crate::report;

/// The parts of the configuration that the line shows. The app takes the configuration itself.
#[derive(Debug)]
pub(super) struct Summary {
    file: PathBuf,
    /// Frontends, with the backends that they lead to.
    routes: Vec<(String, String)>,
    /// Backends, with their number of servers.
    backends: Vec<(String, usize)>,
}

// === impl Summary ===

impl Summary {
    pub(super) fn of(config: &Config) -> Self {
        let routes =
            config.frontends.iter().map(|frontend| (frontend.name.clone(), frontend.backend.clone()));
        let backends = config.backends.iter().map(|backend| (backend.name.clone(), backend.servers.len()));
        Self { file: config.file.clone(), routes: routes.collect(), backends: backends.collect() }
    }

    /// The line, with the addresses bound by `app`.
    pub(super) fn line(&self, app: &App) -> String {
        let addresses: Vec<_> =
            app.frontends().iter().map(|(name, address)| (name.to_string(), address.to_string())).collect();
        let pages: Vec<_> = app.stats().iter().map(|address| format!("http://{address}/")).collect();
        let sockets: Vec<_> = app.sockets().iter().map(|place| near(place)).collect();
        self.text(&addresses, &pages, &sockets)
    }

    fn text(&self, addresses: &[(String, String)], pages: &[String], sockets: &[String]) -> String {
        let routes = self.routes.iter().map(|(frontend, backend)| {
            let places = addresses.iter().filter(|(name, _)| name == frontend);
            let places: Vec<_> = places.map(|(_, address)| address.as_str()).collect();
            let servers =
                self.backends.iter().find(|(name, _)| name == backend).map_or(0, |(_, servers)| *servers);
            let plural = if servers == 1 { "" } else { "s" };
            format!("{} -> {backend} ({servers} server{plural})", places.join(" "))
        });
        let listed = |word: &str, places: &[String]| match places {
            [] => format!("no {word}"),
            [one] => format!("{word} {one}"),
            several => format!("{word}s {}", several.join(" ")),
        };
        format!(
            "{}: {}; {}; {}; {}",
            report::NAME_AND_VERSION,
            self.file.display(),
            routes.collect::<Vec<_>>().join(", "),
            listed("page", pages),
            listed("socket", sockets)
        )
    }
}

/// A path relative to the current folder, where that is shorter.
fn near(place: &str) -> String {
    let here = std::env::current_dir().ok();
    let inside =
        here.and_then(|here| Path::new(place).strip_prefix(here).ok().map(|path| path.display().to_string()));
    inside.unwrap_or_else(|| place.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_tells_what_runs_where() {
        let text = "[frontend.web]\nbind = [\"127.0.0.1:0\", \"[::1]:0\"]\nbackend = \"shop\"\n[frontend.old]\nbind = \"127.0.0.1:0\"\n\
                    backend = \"shop\"\n[backend.shop.servers]\na = \"127.0.0.1:1\"\n";
        let summary = Summary::of(&Config::parse(text, Path::new("etc/lb.toml")).unwrap());
        let pair = |name: &str, address: &str| (name.to_owned(), address.to_owned());
        let addresses = [pair("web", "127.0.0.1:5"), pair("web", "[::1]:6"), pair("old", "127.0.0.1:7")];
        let line = summary.text(&addresses, &["http://127.0.0.1:8/".to_owned()], &["run/lb.sock".to_owned()]);
        assert_eq!(
            line,
            format!(
                "lb {} (HAProxy 3.4 API): etc/lb.toml; 127.0.0.1:5 [::1]:6 -> shop (1 server), 127.0.0.1:7 -> shop (1 server); page \
                 http://127.0.0.1:8/; socket run/lb.sock",
                env!("CARGO_PKG_VERSION")
            )
        );
        assert!(summary.text(&addresses, &[], &[]).ends_with("; no page; no socket"));
    }
}
