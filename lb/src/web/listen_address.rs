//! What an address means: HAProxy's addresses of the statistics, with their options, and the few of lb's own.
//!
//! HAProxy has its page wherever `stats uri` says, and takes whatever follows that for options; the scripts that look at it know both. So
//! besides the usual addresses any is understood that ends as HAProxy's do: in `?stats`, or in an option behind a `;`. It refuses to
//! answer.

use http::Uri;

/// Path of the status page.
pub(super) const PAGE: &str = "/stats";

/// Paths that are served at exactly one place.
const OWN: [&str; 7] =
    ["/stats.css", "/stats.js", "/stats.json", "/events", "/metrics", "/healthz", "/readyz"];

/// Options that only the statistics have.
const OPTIONS: [&str; 6] = ["csv", "json", "typed", "norefresh", "up", "no-maint"];

/// A parsed address.
#[derive(Debug)]
pub(super) struct ListenAddress<'a> {
    /// The path; [`PAGE`] for every address of the status page.
    pub(super) path: &'a str,
    /// The address of the status page as requested.
    pub(super) page: String,
    options: Vec<&'a str>,
}

// === impl ListenAddress ===

impl<'a> ListenAddress<'a> {
    /// Parses an address. `more`: path prefixes at which the configuration puts the page.
    pub(super) fn of(uri: &'a Uri, more: &[String]) -> Self {
        let text = uri.path_and_query().map_or("/", |text| text.as_str());
        // Some scripts put a second slash before the path.
        let text = if text.starts_with("//") {
            &text[text.len() - text.trim_start_matches('/').len() - 1..]
        } else {
            text
        };
        let (path, query) = text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
        if let Some(own) = OWN.iter().find(|own| path.trim_end_matches('/') == **own) {
            return Self { path: own, page: PAGE.to_owned(), options: Vec::new() };
        }
        if let Some(begin) =
            more.iter().filter(|begin| text.starts_with(begin.as_str())).max_by_key(|begin| begin.len())
        {
            return Self::page(begin, &text[begin.len()..]);
        }
        // HAProxy's own default is `/haproxy?stats`.
        if let Some(options) = query.and_then(|query| query.strip_prefix("stats")) {
            return Self::page(&text[..text.len() - options.len()], options);
        }
        let (before, options) = text.split_once(';').unwrap_or((text, ""));
        let before = before.split('?').next().unwrap_or_default().trim_end_matches('/');
        let place = Self::page(before, options);
        if ["", PAGE].contains(&before) {
            return Self { page: PAGE.to_owned(), ..place };
        }
        if OPTIONS.iter().any(|option| place.has(option)) { place } else { Self { path, ..place } }
    }

    /// The status page at `begin`, followed by `options`.
    fn page(begin: &str, options: &'a str) -> Self {
        // It is copied into a response header.
        let is_plain = begin
            .bytes()
            .all(|letter| letter.is_ascii_graphic() && !matches!(letter, b'\\' | b'"' | b'<' | b'>'));
        let page = if is_plain { begin.to_owned() } else { PAGE.to_owned() };
        let options = options.split([';', '/', '&', '?']).filter(|option| !option.is_empty()).collect();
        Self { path: PAGE, page, options }
    }

    /// Whether an option is present.
    pub(super) fn has(&self, option: &str) -> bool {
        self.options.contains(&option)
    }

    /// The value of an option.
    pub(super) fn option(&self, name: &str) -> Option<&'a str> {
        self.options.iter().find_map(|option| option.strip_prefix(name)?.strip_prefix('='))
    }

    /// Whether it is the status page, in any form.
    pub(super) fn is_page(&self) -> bool {
        self.path == PAGE
    }

    /// Whether it is for probes, which need no password.
    pub(super) fn is_for_everybody(&self) -> bool {
        matches!(self.path, "/healthz" | "/readyz")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_understood_as_haproxy_does() {
        let table: &[(&str, &str, &str, &[&str])] = &[
            ("/", "/stats", "/stats", &[]),
            ("/;csv", "/stats", "/stats", &["csv"]),
            ("//;csv;norefresh", "/stats", "/stats", &["csv", "norefresh"]),
            ("/stats", "/stats", "/stats", &[]),
            ("/stats;csv", "/stats", "/stats", &["csv"]),
            ("/stats;csv;norefresh", "/stats", "/stats", &["csv", "norefresh"]),
            ("/stats/;csv", "/stats", "/stats", &["csv"]),
            ("/stats?;csv", "/stats", "/stats", &["csv"]),
            ("/stats?x=1", "/stats", "/stats", &[]),
            ("/stats;up?x=1", "/stats", "/stats", &["up", "x=1"]),
            ("/haproxy?stats", "/stats", "/haproxy?stats", &[]),
            ("/haproxy?stats;csv;no-maint", "/stats", "/haproxy?stats", &["csv", "no-maint"]),
            ("//haproxy?stats;csv", "/stats", "/haproxy?stats", &["csv"]),
            ("/admin?stats/;csv", "/stats", "/admin?stats", &["csv"]),
            ("/?stats;csv", "/stats", "/?stats", &["csv"]),
            ("/haproxy-status;csv;norefresh", "/stats", "/haproxy-status", &["csv", "norefresh"]),
            ("/a/b;json", "/stats", "/a/b", &["json"]),
            ("/\\evil.example;csv", "/stats", "/stats", &["csv"]),
            ("//evil.example/;csv", "/stats", "/evil.example", &["csv"]),
            ("/here/we/are", "/stats", "/here", &["we", "are"]),
            ("/here?there;csv", "/stats", "/here?there", &["csv"]),
            ("/nothing;here", "/nothing;here", "/nothing", &["here"]),
            ("/metrics?scope=server;csv", "/metrics", "/stats", &[]),
            ("/metrics?stats", "/metrics", "/stats", &[]),
            ("/stats.json", "/stats.json", "/stats", &[]),
            ("/readyz/", "/readyz", "/stats", &[]),
        ];
        let more = ["/here".to_owned(), "/here?there".to_owned()];
        for (text, path, page, options) in table {
            let uri = text.parse().unwrap();
            let place = ListenAddress::of(&uri, &more);
            assert_eq!((place.path, &*place.page, &*place.options), (*path, *page, *options), "{text}");
        }
    }

    #[test]
    fn a_page_at_the_root_leaves_the_other_places() {
        let more = ["/".to_owned()];
        for (text, path) in
            [("/whatever", "/stats"), ("/metrics", "/metrics"), ("/stats.json", "/stats.json")]
        {
            assert_eq!(ListenAddress::of(&text.parse().unwrap(), &more).path, path, "{text}");
        }
    }
}
