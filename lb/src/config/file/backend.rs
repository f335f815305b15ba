//! `[backend.NAME]`, and what of a `[listen.NAME]` is a backend's: its servers and its health check.

use std::ops::Range;
use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

use super::check::Links;
use super::section::Section;
use super::{Side, stick, timeouts, value};
use crate::config::{Backend, Balance, Health, HealthStart, Protocol, Server, Timeouts};

/// Reads one backend, with the global time limits beneath its own.
pub(super) fn read(mut section: Section<'_>, rank: usize, timeout: Timeouts, links: &mut Links) -> Backend {
    links.backends.push(section.name());
    let timeout = timeouts(section.section("timeout"), timeout, Side::Backend);
    let backend = of(&mut section, rank, timeout);
    section.finish();
    backend
}

/// The backend that a section describes.
pub(super) fn of(section: &mut Section<'_>, rank: usize, timeout: Timeouts) -> Backend {
    let starts = [("up", HealthStart::Up), ("checked", HealthStart::Checked)];
    let slow_start = section.or("slow_start", value::duration_or_zero, Duration::ZERO);
    let protocol = section.or("protocol", value::protocol, Protocol::Http1);
    Backend {
        name: section.key.to_owned(),
        rank,
        balance: section.or("balance", value::balance, Balance::RoundRobin),
        cookie: section.optional("cookie").map(stick::cookie),
        protocol,
        retries: section.or("retries", value::whole(0..=100), 3),
        health: section.optional("health").map(|check| health(check, protocol)),
        health_start: section.or("health_start", value::one_of(&starts), HealthStart::Up),
        resolve: section.or("resolve", value::duration, Duration::from_secs(1)),
        max_idle: section.or("max_idle", value::whole(0..=65_536), 256),
        idle_timeout: section.or("idle_timeout", value::duration, Duration::from_secs(60)),
        timeout,
        servers: servers(&section.section("servers"), slow_start),
    }
}

fn health(mut section: Section<'_>, usual: Protocol) -> Health {
    let health = Health {
        protocol: section.or("protocol", value::protocol, usual),
        path: section.maybe("path", value::origin_path),
        host: section.maybe("host", value::host),
        port: section.maybe("port", value::whole(1..=65_535)),
        interval: section.or("interval", value::duration, Duration::from_secs(2)),
        timeout: section.or("timeout", value::duration, Duration::from_secs(1)),
        rise: section.or("rise", value::whole(1..=1000), 2),
        fall: section.or("fall", value::whole(1..=1000), 3),
        disable_on_404: section.or("disable_on_404", value::boolean, false),
    };
    section.finish();
    health
}

fn servers(section: &Section<'_>, slow_start: Duration) -> Vec<Server> {
    let servers = section.entries().into_iter();
    servers.map(|(name, at, value)| server(section, name, at, value, slow_start)).collect()
}

/// A server: its address as a string, or a section.
fn server<'a>(
    servers: &Section<'a>,
    name: &'a str,
    at: Range<usize>,
    value: &'a Spanned<DeValue<'a>>,
    slow_start: Duration,
) -> Server {
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
    let server = Server {
        name: section.name().value,
        host,
        port,
        cookie: section.maybe("cookie", value::server_cookie),
        weight: section.or("weight", value::whole(0..=256), 1),
        maxconn: section.or("maxconn", value::whole(0..=10_000_000), 0),
        slow_start: section.or("slow_start", value::duration_or_zero, slow_start),
        backup: section.or("backup", value::boolean, false),
        disabled: section.or("disabled", value::boolean, false),
    };
    section.finish();
    server
}
