//! Who may change state over HTTP.
//!
//! A browser obeys whatever page it shows, so its requests have to prove that the page is ours: the same origin, under a name that
//! nobody else can point here, with the token that only our page holds. A program is not tricked like that and need not know of tokens;
//! it is told apart by what every browser puts on a POST and no page can leave out (`Origin`, `Sec-Fetch-*`). It refuses to know what
//! is asked for.

use std::net::IpAddr;

use http::header::{HOST, HeaderMap, ORIGIN};
use http::uri::Authority;

use crate::config;

/// The header that may carry the token in place of the form field.
const HEADER: &str = "x-lb-token";
/// Other headers that only browsers send.
const BROWSER: [&str; 3] = ["sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest"];

/// The secret in our page's forms; new in every process.
pub(super) struct Token(String);

/// Decides whether a request may change state.
pub(super) struct RequestGuard {
    stats: config::StatsConfig,
    /// Name of this machine.
    node: String,
    pub(super) token: Token,
}

// === impl RequestGuard ===

impl RequestGuard {
    pub(super) fn new(stats: config::StatsConfig) -> Self {
        let node = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Self { stats, node, token: Token::new() }
    }

    /// Whether the configuration lets the page change anything.
    pub(super) fn is_open(&self) -> bool {
        self.stats.admin
    }

    /// Addresses of the page from the configuration, in addition to the usual ones.
    pub(super) fn places(&self) -> &[String] {
        &self.stats.uri
    }

    /// Admits a request, or returns why not. `token`: the form's.
    pub(super) fn admit(&self, headers: &HeaderMap, token: Option<&str>) -> Result<(), &'static str> {
        if !self.stats.admin {
            return Err("This page is read-only: set `admin = true` in [stats] to allow changes");
        }
        let token = headers.get(HEADER).and_then(|value| value.to_str().ok()).or(token);
        let is_browser =
            headers.contains_key(ORIGIN) || BROWSER.iter().any(|name| headers.contains_key(*name));
        if is_browser {
            self.same_origin(headers)?;
        } else if token.is_none() {
            return Ok(());
        }
        let is_ours = token.is_some_and(|token| self.token.is(token));
        if is_ours {
            Ok(())
        } else {
            Err("The form is not from this page, or lb was restarted; reload the page")
        }
    }

    fn same_origin(&self, headers: &HeaderMap) -> Result<(), &'static str> {
        const ELSEWHERE: &str = "The request comes from another site";
        let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
        if text("sec-fetch-site").is_some_and(|site| site != "same-origin") {
            return Err(ELSEWHERE);
        }
        let host = text(HOST.as_str()).unwrap_or_default();
        let Some(origin) = text(ORIGIN.as_str()) else { return self.known(host) };
        let (_, authority) = origin.split_once("://").ok_or(ELSEWHERE)?;
        // A reverse proxy may have changed `Host`: then the configuration has to list the origin.
        if authority != host && !self.is_listed(authority) {
            return Err(ELSEWHERE);
        }
        self.known(authority)
    }

    /// Accepts only names that are certainly ours. Any other name could be pointed here by an attacker, whose
    /// page would then have the same origin.
    fn known(&self, authority: &str) -> Result<(), &'static str> {
        let parsed = authority.parse::<Authority>().ok();
        let host = parsed.as_ref().map_or("", Authority::host);
        let is_address = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        let is_local = !host.contains('.') || host.ends_with(".localhost") || host == self.node;
        if !host.is_empty() && (is_address || is_local) || self.is_listed(authority) {
            return Ok(());
        }
        Err("The page was reached by a name that lb does not know: add it to `hosts` in [stats]")
    }

    fn is_listed(&self, authority: &str) -> bool {
        let host =
            authority.parse::<Authority>().map(|authority| authority.host().to_owned()).unwrap_or_default();
        self.stats.hosts.iter().any(|name| name == authority || *name == host)
    }
}

// === impl Token ===

impl Token {
    fn new() -> Self {
        let mut bytes = [0; 16];
        // Without randomness there is no token, and every comparison fails.
        match getrandom::fill(&mut bytes) {
            Ok(()) => Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
            Err(_) => Self(String::new()),
        }
    }

    /// The token, for our page.
    pub(super) fn text(&self) -> &str {
        &self.0
    }

    fn is(&self, other: &str) -> bool {
        !self.0.is_empty() && same(self.0.as_bytes(), other.as_bytes())
    }
}

/// Compares in constant time.
pub(super) fn same(one: &[u8], other: &[u8]) -> bool {
    let differs = one.iter().zip(other).fold(0, |seen, (one, two)| seen | (one ^ two));
    std::hint::black_box(differs) == 0 && one.len() == other.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Name, headers, the form's token, whether it is admitted.
    type Case<'a> = (&'a str, &'a [(&'static str, &'a str)], Option<&'a str>, bool);

    fn guard(admin: bool) -> RequestGuard {
        let hosts = vec!["lb.example.com".to_owned()];
        let (uri, access) = (Vec::new(), config::Access::default());
        RequestGuard::new(config::StatsConfig { bind: Vec::new(), admin, hosts, uri, access })
    }

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        fields
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn what_may_act() {
        let guard = guard(true);
        let token = guard.token.text();
        let ours = [("host", "10.0.0.1:8404"), ("origin", "http://10.0.0.1:8404")];
        let named = |host, origin| [("host", host), ("origin", origin)];
        let site = |site| [("host", "[::1]:8404"), ("sec-fetch-site", site)];
        let table: &[Case<'_>] = &[
            ("a program", &[("host", "lb:8404")], None, true),
            ("a program with a wrong token", &[("host", "lb:8404")], Some("x"), false),
            ("our page", &ours, Some(token), true),
            ("our page without its token", &ours, None, false),
            ("our page with half a token", &ours, Some(&token[..16]), false),
            ("nothing", &ours, Some(""), false),
            ("another site", &named("10.0.0.1:8404", "http://evil.example"), Some(token), false),
            ("a page without an origin", &named("10.0.0.1:8404", "null"), Some(token), false),
            (
                "a name made to point here",
                &named("evil.example:8404", "http://evil.example:8404"),
                Some(token),
                false,
            ),
            ("a listed name", &named("lb.example.com", "https://lb.example.com"), Some(token), true),
            (
                "a listed name, by a proxy",
                &named("10.0.0.1:8404", "https://lb.example.com"),
                Some(token),
                true,
            ),
            ("a short name", &named("lb0:8404", "http://lb0:8404"), Some(token), true),
            ("localhost", &named("localhost:8404", "http://localhost:8404"), Some(token), true),
            ("the same origin, said in the other way", &site("same-origin"), Some(token), true),
            ("a site beside", &site("same-site"), Some(token), false),
            ("across sites", &site("cross-site"), Some(token), false),
        ];
        for (name, fields, form, may) in table {
            assert_eq!(guard.admit(&headers(fields), *form).is_ok(), *may, "{name}");
        }
        let in_header = [&ours[..], &[("x-lb-token", token)]].concat();
        assert!(guard.admit(&headers(&in_header), None).is_ok());
    }

    #[test]
    fn nothing_may_act_unless_the_configuration_says_so() {
        let guard = guard(false);
        let refusal = guard.admit(&headers(&[("host", "lb:8404")]), Some(guard.token.text())).unwrap_err();
        assert!(refusal.contains("admin = true"), "{refusal}");
    }

    #[test]
    fn tokens_differ() {
        let (one, two) = (Token::new(), Token::new());
        assert_eq!(one.text().len(), 32);
        assert!(!one.is(two.text()) && one.is(one.text()));
    }
}
