//! `[backend.NAME]`, and what of a `[listen.NAME]` is a backend's, with its servers. How they are watched is read in `watch`.

use std::ops::Range;

use toml::Spanned;
use toml::de::DeValue;

use super::section::Section;
use super::watch::{self, Usual, Watching};
use super::{Side, rules, stick, timeouts, value};
use crate::config::links::Links;
use crate::config::{BackendConfig, HealthStart, RuleSet, ServerConfig, Timeouts};

/// Reads one backend, with the global time limits beneath its own.
pub(super) fn read(
    mut section: Section<'_>,
    rank: usize,
    timeout: Timeouts,
    links: &mut Links,
) -> BackendConfig {
    links.backends.push(section.name());
    let timeout = timeouts(section.section("timeout"), timeout, Side::Backend);
    let backend = of(&mut section, rank, timeout, false, links);
    section.finish();
    backend
}

/// The backend that a section describes; where it is `both`, its rules are the frontend's.
pub(super) fn of(
    section: &mut Section<'_>,
    rank: usize,
    timeout: Timeouts,
    both: bool,
    links: &mut Links,
) -> BackendConfig {
    let starts = [("up", HealthStart::Up), ("checked", HealthStart::Checked)];
    let usual = BackendConfig::new(section.key);
    let slow_start =
        section.or("slow_start", value::duration_or_zero, ServerConfig::new("", "", 0).slow_start);
    let protocol = section.or("protocol", value::protocol, usual.protocol);
    let health = section.optional("health").map(|check| watch::health(check, protocol, None));
    let agent = section.optional("agent").and_then(|agent| watch::agent(agent, None));
    let of_servers = Usual { backend: section.key, protocol, health: health.clone(), agent, slow_start };
    BackendConfig {
        rank,
        balance: section.or("balance", value::balance, usual.balance),
        cookie: section.optional("cookie").map(stick::cookie),
        table: section.optional("table").map(stick::table),
        stick: stick::keyed(section, "stick", "on", links),
        protocol,
        retries: section.or("retries", value::whole(0..=100), usual.retries),
        health,
        health_start: section.or("health_start", value::one_of(&starts), usual.health_start),
        resolvers: section.maybe_placed("resolvers", value::text).map(|named| {
            let name = named.value.clone();
            links.resolving.push(named);
            name
        }),
        resolve: section.or("resolve", value::duration, usual.resolve),
        max_idle: section.or("max_idle", value::whole(0..=65_536), usual.max_idle),
        idle_timeout: section.or("idle_timeout", value::duration, usual.idle_timeout),
        rules: if both { RuleSet::default() } else { rules::read(section, rules::Owner::Backend) },
        timeout,
        servers: servers(&section.section("servers"), &of_servers, links),
        name: usual.name,
    }
}

fn servers(section: &Section<'_>, usual: &Usual<'_>, links: &mut Links) -> Vec<ServerConfig> {
    let entries = section.entries().into_iter();
    entries.map(|(name, at, value)| server(section, (name, at, value), usual, links)).collect()
}

/// A server: its address as a string, or a section.
fn server<'a>(
    servers: &Section<'a>,
    (name, at, value): (&'a str, Range<usize>, &'a Spanned<DeValue<'a>>),
    usual: &Usual<'_>,
    links: &mut Links,
) -> ServerConfig {
    let mut section = match value.get_ref() {
        DeValue::Table(_) => servers.child(name, at, value),
        _ => servers.bare(name, at),
    };
    let address = match value.get_ref() {
        DeValue::Table(_) => section.need("address", value::endpoint, "address = \"api0:4000\""),
        _ => servers.placed(name, value, value::endpoint),
    };
    // Empty only beside a fault.
    let (host, port) = address.map(|address| address.value).unwrap_or_default();
    let Watching { health, agent, track } = watch::server(&mut section, usual, links);
    let name = section.name().value;
    let usual = ServerConfig { slow_start: usual.slow_start, ..ServerConfig::new(&name, &host, port) };
    let server = ServerConfig {
        cookie: section.maybe("cookie", value::server_cookie),
        health,
        agent,
        track,
        weight: section.or("weight", value::whole(0..=256), usual.weight),
        maxconn: section.or("maxconn", value::whole(0..=10_000_000), usual.maxconn),
        max_queue: section.or("max_queue", value::whole(0..=10_000_000), usual.max_queue),
        slow_start: section.or("slow_start", value::duration_or_zero, usual.slow_start),
        backup: section.or("backup", value::boolean, usual.backup),
        disabled: section.or("disabled", value::boolean, usual.disabled),
        ..usual
    };
    section.finish();
    server
}
