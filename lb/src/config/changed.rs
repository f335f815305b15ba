//! What differs between two configurations, by the keys of the file.
//!
//! Values are left out: a password or a secret must not reach the log. Each type is taken apart by name, so that a new field
//! does not compile before it has a name here.

use std::collections::HashMap;

use super::{
    BackendConfig, CaptureConfig, Config, FrontendConfig, LogConfig, ProcessLimits, ServerConfig,
    StatsConfig, Timeouts,
};

/// Lists the keys that differ between two values of one type, as `name: differs`.
macro_rules! keys {
    ($before:expr, $after:expr, $type:ident { $($field:ident),* $(,)? } without { $($left:ident),* $(,)? }) => {{
        // Fails to compile when a field has no name here.
        let $type { $($field: _,)* $($left: _,)* } = $before;
        let keys: Vec<&'static str> =
            [$((stringify!($field), $before.$field != $after.$field)),*]
                .into_iter()
                .filter_map(|(key, differs)| differs.then_some(key))
                .collect();
        keys
    }};
}

/// The settings that differ, a line for each section: `backend api_nodes: balance, timeout.server`. Servers, listening addresses and
/// sections that come or go are left to [`Changes`](crate::control::Changes), but for their names.
pub fn changed_settings(before: &Config, after: &Config) -> Vec<String> {
    let mut lines = Vec::new();
    let mut section = |name: String, keys: Vec<String>| {
        if !keys.is_empty() {
            lines.push(format!("{name}: {}", keys.join(", ")));
        }
    };
    section("process".to_owned(), owned(process(&before.process, &after.process)));
    section("stats".to_owned(), owned(stats(&before.stats, &after.stats)));
    for (number, (old, new)) in before.logs.iter().zip(&after.logs).enumerate() {
        let name = if after.logs.len() > 1 { format!("log {}", number + 1) } else { "log".to_owned() };
        section(name, owned(log(old, new)));
    }
    let known = by_name(&before.frontends);
    for new in &after.frontends {
        if let Some(old) = known.get(new.name.as_str()) {
            section(format!("frontend {}", new.name), frontend(old, new));
        }
    }
    let known = by_name(&before.backends);
    for new in &after.backends {
        if let Some(old) = known.get(new.name.as_str()) {
            section(format!("backend {}", new.name), backend(old, new));
        }
    }
    for new in &after.resolvers {
        if before.resolvers.iter().any(|old| old.name == new.name && old != new) {
            lines.push(format!("resolvers {} changed", new.name));
        }
    }
    lines.extend(listed("frontend", &before.frontends, &after.frontends));
    lines.extend(listed("backend", &before.backends, &after.backends));
    lines.extend(listed("resolvers", &before.resolvers, &after.resolvers));
    if before.logs.len() != after.logs.len() {
        lines.push(format!("{} logs (were {})", after.logs.len(), before.logs.len()));
    }
    lines
}

/// The keys of a server that differ.
pub fn changed_server(before: &ServerConfig, after: &ServerConfig) -> Vec<&'static str> {
    let moved = (&before.host, before.port) != (&after.host, after.port);
    let mut keys = if moved { vec!["address"] } else { Vec::new() };
    keys.extend(keys!(before, after, ServerConfig {
        cookie, weight, maxconn, max_queue, slow_start, backup, disabled, health, agent, track,
    } without { name, host, port }));
    keys
}

fn process(before: &ProcessLimits, after: &ProcessLimits) -> Vec<&'static str> {
    keys!(before, after, ProcessLimits { threads, maxconn, h2_waiting, shutdown_grace, node, description } without { is_maxconn_set })
}

fn stats(before: &StatsConfig, after: &StatsConfig) -> Vec<&'static str> {
    let StatsConfig { access, .. } = before;
    let mut keys = keys!(before, after, StatsConfig { bind, admin, hosts, uri } without { access });
    let auth = [
        ("auth", access.users != after.access.users),
        ("auth_metrics", access.metrics != after.access.metrics),
        ("realm", access.realm != after.access.realm),
    ];
    keys.extend(auth.into_iter().filter_map(|(key, differs)| differs.then_some(key)));
    keys
}

fn log(before: &LogConfig, after: &LogConfig) -> Vec<&'static str> {
    keys!(before, after, LogConfig {
        format, target, level, min_level, facility, tag, length, buffer, health_checks,
    } without {})
}

fn frontend(before: &FrontendConfig, after: &FrontendConfig) -> Vec<String> {
    let mut keys = owned(keys!(before, after, FrontendConfig {
        bind, socket_stats, backend, maxconn, forwarded, max_head, max_headers, h2_max_streams, h2_max_resets, h2_max_control_frames, track, rules,
    } without { name, rank, capture, timeout }));
    keys.extend(owned(capture(&before.capture, &after.capture)));
    keys.extend(timeouts(&before.timeout, &after.timeout, true));
    keys
}

fn capture(before: &CaptureConfig, after: &CaptureConfig) -> Vec<&'static str> {
    let length = |capture: &CaptureConfig| (capture.request.length, capture.response.length);
    let keys = [
        ("capture_request", before.request.names != after.request.names),
        ("capture_response", before.response.names != after.response.names),
        ("capture_length", length(before) != length(after)),
        ("capture_cookie", before.cookie != after.cookie),
    ];
    keys.into_iter().filter_map(|(key, differs)| differs.then_some(key)).collect()
}

fn backend(before: &BackendConfig, after: &BackendConfig) -> Vec<String> {
    let mut keys = owned(keys!(before, after, BackendConfig {
        balance, cookie, table, stick, protocol, retries, health, health_start, resolve, resolvers, max_idle, idle_timeout, rules,
    } without { name, rank, timeout, servers }));
    keys.extend(timeouts(&before.timeout, &after.timeout, false));
    if is_reordered(before, after) {
        keys.push("order of servers".to_owned());
    }
    keys
}

/// Whether two forms of a backend have the same servers in another order.
fn is_reordered(before: &BackendConfig, after: &BackendConfig) -> bool {
    let mut orders = [before, after]
        .map(|backend| backend.servers.iter().map(|server| server.name.as_str()).collect::<Vec<_>>());
    let same = orders[0] == orders[1];
    orders.iter_mut().for_each(|names| names.sort_unstable());
    !same && orders[0] == orders[1]
}

/// The limits that differ and that a frontend, or else a backend, has.
fn timeouts(before: &Timeouts, after: &Timeouts, of_frontend: bool) -> Vec<String> {
    let keys = keys!(before, after, Timeouts {
        connect, client, server, http_request, client_fin, http_keep_alive, queue, tunnel,
    } without {});
    let towards_clients = ["client", "http_request", "client_fin", "http_keep_alive"];
    let own = keys.into_iter().filter(|key| towards_clients.contains(key) == of_frontend);
    own.map(|key| format!("timeout.{key}")).collect()
}

/// Something that has a name among its like.
trait Named {
    fn name(&self) -> &str;
}

impl Named for FrontendConfig {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for BackendConfig {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Named for super::ResolversConfig {
    fn name(&self) -> &str {
        &self.name
    }
}

fn by_name<T: Named>(sections: &[T]) -> HashMap<&str, &T> {
    sections.iter().map(|section| (section.name(), section)).collect()
}

/// What came and what went, as `frontend added: a b`.
fn listed<T: Named>(kind: &str, before: &[T], after: &[T]) -> Vec<String> {
    let only = |here: &[T], there: &[T]| {
        let there = by_name(there);
        let here = here.iter().map(Named::name).filter(|name| !there.contains_key(name));
        here.collect::<Vec<_>>().join(" ")
    };
    let came = [("added", only(after, before)), ("removed", only(before, after))];
    let named = came.into_iter().filter(|(_, names)| !names.is_empty());
    named.map(|(word, names)| format!("{kind} {word}: {names}")).collect()
}

fn owned(keys: Vec<&'static str>) -> Vec<String> {
    keys.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    const BASE: &str = "[frontend.f]\nbind = \"127.0.0.1:5000\"\nbackend = \"b\"\n[backend.b.servers]\na = \"a:1\"\nc = \"c:1\"\n";

    fn config(more: &str) -> Config {
        Config::parse(&format!("{more}{BASE}"), Path::new("lb.toml"))
            .unwrap_or_else(|faults| panic!("{faults}"))
    }

    /// Breaks when a reload that changes a key is told as one that changed nothing.
    #[test]
    fn every_key_is_named_and_no_value() {
        let table: &[(&str, &[&str])] = &[
            ("", &[]),
            ("[process]\nmaxconn = 9\nshutdown_grace = \"1s\"\n", &["process: maxconn, shutdown_grace"]),
            ("[stats]\nauth = \"u:secret\"\nrealm = \"R\"\n", &["stats: auth, realm"]),
            ("[log]\nlevel = \"err\"\nbuffer = 99\n", &["log: level, buffer"]),
            (
                "[timeout]\nserver = \"9s\"\nclient = \"9s\"\n",
                &["frontend f: timeout.client", "backend b: timeout.server"],
            ),
            ("[backend.b]\nbalance = \"leastconn\"\nretries = 7\n", &["backend b: balance, retries"]),
            ("[backend.b]\nhealth = { path = \"/\" }\n", &["backend b: health"]),
            ("[backend.more.servers]\nx = \"x:1\"\n", &["backend added: more"]),
            ("[resolvers.r]\nnameservers = [\"127.0.0.1:53\"]\n", &["resolvers added: r"]),
        ];
        for (text, lines) in table {
            assert_eq!(changed_settings(&config(""), &config(text)), *lines, "{text}");
        }
        assert_eq!(
            changed_settings(&config("[backend.more.servers]\nx = \"x:1\"\n"), &config("")),
            ["backend removed: more"]
        );
    }

    #[test]
    fn keys_of_a_server_and_their_order() {
        let before = ServerConfig::new("a", "h", 1);
        let after = ServerConfig { port: 2, weight: 3, disabled: true, ..before.clone() };
        assert_eq!(changed_server(&before, &after), ["address", "weight", "disabled"]);
        let (one, mut other) = (config(""), config(""));
        other.backends[0].servers.reverse();
        assert_eq!(changed_settings(&one, &other), ["backend b: order of servers"]);
    }
}
