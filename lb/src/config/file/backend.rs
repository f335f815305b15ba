//! `[backend.NAME]`, and what of a `[listen.NAME]` is a backend's, with its servers. How they are watched is read in `watch`.

use std::ops::Range;
use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

use super::check::Links;
use super::section::Section;
use super::watch::{self, Usual, Watching};
use super::{Side, stick, timeouts, value};
use crate::config::{BackendConfig, Balance, HealthStart, Protocol, ServerConfig, Timeouts};

/// Reads one backend, with the global time limits beneath its own.
pub(super) fn read(
    mut section: Section<'_>,
    rank: usize,
    timeout: Timeouts,
    links: &mut Links,
) -> BackendConfig {
    links.backends.push(section.name());
    let timeout = timeouts(section.section("timeout"), timeout, Side::Backend);
    let backend = of(&mut section, rank, timeout, links);
    section.finish();
    backend
}

/// The backend that a section describes.
pub(super) fn of(
    section: &mut Section<'_>,
    rank: usize,
    timeout: Timeouts,
    links: &mut Links,
) -> BackendConfig {
    let starts = [("up", HealthStart::Up), ("checked", HealthStart::Checked)];
    let slow_start = section.or("slow_start", value::duration_or_zero, Duration::ZERO);
    let protocol = section.or("protocol", value::protocol, Protocol::Http1);
    let health = section.optional("health").map(|check| watch::health(check, protocol, None));
    let agent = section.optional("agent").and_then(|agent| watch::agent(agent, None));
    let usual = Usual { backend: section.key, protocol, health: health.clone(), agent, slow_start };
    BackendConfig {
        name: section.key.to_owned(),
        rank,
        balance: section.or("balance", value::balance, Balance::RoundRobin),
        cookie: section.optional("cookie").map(stick::cookie),
        table: section.optional("table").map(stick::table),
        stick: stick::keyed(section, "stick", "on", links),
        protocol,
        retries: section.or("retries", value::whole(0..=100), 3),
        health,
        health_start: section.or("health_start", value::one_of(&starts), HealthStart::Up),
        resolvers: links.resolvers_of(section),
        resolve: section.or("resolve", value::duration, Duration::from_secs(1)),
        max_idle: section.or("max_idle", value::whole(0..=65_536), 256),
        idle_timeout: section.or("idle_timeout", value::duration, Duration::from_secs(60)),
        timeout,
        servers: servers(&section.section("servers"), &usual, links),
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
    let server = ServerConfig {
        name: section.name().value,
        host,
        port,
        cookie: section.maybe("cookie", value::server_cookie),
        health,
        agent,
        track,
        weight: section.or("weight", value::whole(0..=256), 1),
        maxconn: section.or("maxconn", value::whole(0..=10_000_000), 0),
        max_queue: section.or("max_queue", value::whole(0..=10_000_000), 0),
        slow_start: section.or("slow_start", value::duration_or_zero, usual.slow_start),
        backup: section.or("backup", value::boolean, false),
        disabled: section.or("disabled", value::boolean, false),
    };
    section.finish();
    server
}
