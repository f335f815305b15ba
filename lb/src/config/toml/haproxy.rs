//! HAProxy's words, and how the same is said in `lb.toml`: hints for those who come from a `haproxy.cfg`.

use std::path::Path;

use crate::config::Faults;

/// The sections that a `haproxy.cfg` consists of, each a word at the beginning of a line.
const SECTIONS: [&str; 5] = ["global", "defaults", "frontend", "backend", "listen"];

/// What a key of HAProxy's is in the section `title`, if it is one.
pub(super) fn hint(title: &str, key: &str) -> Option<&'static str> {
    let hint = match (title.split('.').next().unwrap_or_default(), key) {
        ("", "global") => "HAProxy's `global` is [process], [admin] and [log] here",
        ("", "defaults") => "HAProxy's `defaults` are [timeout] here, and defaults of each key",
        ("", "userlist") => "users of the pages are `auth` in [stats]",
        ("stats", "enable") => "the pages are there as long as [stats] has a `bind`",
        ("stats", "socket") => "HAProxy's `stats socket` is `socket` in [admin]",
        ("process", "nbthread") => "HAProxy's `nbthread` is `threads` here",
        ("process", "stats") => "HAProxy's `stats socket` is `socket` in [admin]",
        ("process" | "frontend" | "backend" | "listen", "log") => {
            "logs are sections here: [log] with `target`"
        }
        ("frontend" | "listen" | "backend", "mode") => "leave it out: everything here is HTTP",
        ("frontend", "default_backend") => "HAProxy's `default_backend` is `backend` here",
        ("frontend" | "listen" | "log", "httplog") => {
            "HAProxy's `option httplog` is `format = \"http\"` in [log]"
        }
        ("frontend" | "listen", "forwardfor") => {
            "HAProxy's `option forwardfor` is `forwarded = true`, the default"
        }
        ("frontend" | "listen" | "backend", "option") => {
            "options have keys of their own: `forwarded` (forwardfor), `health` (httpchk), `format` in [log] (httplog)"
        }
        ("backend" | "listen", "httpchk") => {
            "HAProxy's `option httpchk` is `health = { path = \"/health\" }` here"
        }
        ("backend" | "listen", "server" | "servers_list") => {
            "servers have a section of their own: [backend.NAME.servers] with NAME = \"host:port\""
        }
        ("backend" | "listen", "check") => "checks are on where there is `health = { path = \"/health\" }`",
        ("backend" | "listen", "inter") => "HAProxy's `inter` is `interval` here",
        ("backend" | "listen", "slowstart") => "HAProxy's `slowstart` is `slow_start` here",
        ("backend" | "listen", "maxqueue") => "HAProxy's `maxqueue` is `max_queue` here",
        ("backend" | "listen", "stick-table") => "HAProxy's `stick-table` is [backend.NAME.table] here",
        ("backend" | "listen", "http-reuse") => "leave it out: connections to servers are always shared",
        ("frontend" | "backend" | "listen", "http-request") => {
            "HAProxy's `http-request` lines are a list here: `http_request = [\"deny if { path_beg /internal }\"]`"
        }
        ("frontend" | "backend" | "listen", "http-response") => {
            "HAProxy's `http-response` lines are a list here: `http_response = [\"del-header Server\"]`"
        }
        ("frontend" | "backend" | "listen", "tcp-request" | "use-server") => {
            "these rules are not there yet: leave it out, or keep HAProxy for this frontend"
        }
        _ => return None,
    };
    Some(hint)
}

/// Whether a text that is no TOML is a `haproxy.cfg`.
pub(super) fn is_configuration(text: &str) -> bool {
    text.lines().any(|line| {
        let mut words = line.split_whitespace();
        let section = words.next().is_some_and(|word| SECTIONS.contains(&word));
        let at_the_beginning = !line.starts_with(char::is_whitespace);
        section && at_the_beginning && !line.contains(['=', '[', '.'])
    })
}

/// The one fault of a `haproxy.cfg`.
pub(super) fn fault(file: &Path, text: &str) -> Faults {
    let mut faults = Faults::none(file, text);
    faults.add_whole(
        "this is HAProxy's configuration, and lb reads its own, in TOML".to_owned(),
        "a frontend is `[frontend.NAME]` with `bind` and `backend`, its servers are `[backend.NAME.servers]` with \
         `api0 = \"host:port\"`, and HAProxy's timeouts are keys of `[timeout]`",
    );
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_haproxy_cfg_is_known_by_its_sections() {
        for text in [
            "global\n  daemon\n",
            "# x\nfrontend fe_api\n  bind :80\n",
            "defaults http\n",
            "listen stats # x\n",
        ] {
            assert!(is_configuration(text), "{text}");
        }
        for text in
            ["", "[frontend.fe]\nbind = 5\n", "frontend.fe.bind = \"a\"\n", "backend = \"x\"\n", "  global\n"]
        {
            assert!(!is_configuration(text), "{text}");
        }
    }

    #[test]
    fn haproxys_words_have_hints() {
        for (title, key) in [
            ("", "global"),
            ("", "defaults"),
            ("frontend.fe", "default_backend"),
            ("frontend.fe", "mode"),
            ("listen.web", "mode"),
            ("backend.api", "server"),
            ("backend.api.servers.api0", "check"),
            ("frontend.fe", "httplog"),
            ("frontend.fe", "http-request"),
        ] {
            assert!(hint(title, key).is_some(), "{title} {key}");
        }
        assert_eq!(hint("frontend.fe", "bnd"), None);
    }
}
