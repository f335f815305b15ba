//! `[frontend.NAME]`, and what of a `[listen.NAME]` is a frontend's.
//!
//! What it says about other sections (its addresses, its backend) is noted for the check that follows.

use std::net::SocketAddr;

use toml::Spanned;
use toml::de::DeValue;

use super::check::Links;
use super::section::{Placed, Section};
use super::{Side, stick, timeouts, value};
use crate::config::{Bind, CaptureConfig, CaptureCookie, CaptureFields, Forwarded, FrontendConfig, Timeouts};

/// Reads one frontend, with the global time limits beneath its own.
pub(super) fn read(
    mut section: Section<'_>,
    rank: usize,
    timeout: Timeouts,
    links: &mut Links,
) -> FrontendConfig {
    links.frontends.push(section.name());
    let backend = section.need("backend", value::text, "backend = \"api_nodes\"");
    // An empty name stays only beside a fault.
    let leads_to = backend.as_ref().map(|backend| backend.value.clone()).unwrap_or_default();
    let timeout = timeouts(section.section("timeout"), timeout, Side::Frontend);
    let frontend = of(&mut section, rank, leads_to, timeout, links);
    links.uses.extend(backend);
    section.finish();
    frontend
}

/// The frontend that a section describes, leading to `backend`.
pub(super) fn of(
    section: &mut Section<'_>,
    rank: usize,
    backend: String,
    timeout: Timeouts,
    links: &mut Links,
) -> FrontendConfig {
    let binds = section.need_list("bind", "bind = \"0.0.0.0:5000\"");
    let binds = binds.iter().filter_map(|value| bind(section, value));
    let (bind, places): (Vec<_>, Vec<_>) = binds.unzip();
    links.binds.extend(places);
    FrontendConfig {
        name: section.key.to_owned(),
        rank,
        bind,
        socket_stats: section.or("socket_stats", value::boolean, false),
        backend,
        maxconn: section.maybe("maxconn", value::whole(1..=10_000_000)),
        forwarded: section.or("forwarded", value::forwarded, Forwarded::Append),
        max_head: section.or("max_head", value::size, 16 << 10),
        h2_max_streams: section.or("h2_max_streams", value::whole(1..=10_000), 100),
        h2_max_resets: section.or("h2_max_resets", value::whole(1..=1_000_000), 200),
        h2_max_control_frames: section.or("h2_max_control_frames", value::whole(1..=10_000_000), 10_000),
        max_headers: section.or("max_headers", value::whole(1..=1000), 101),
        capture: capture(section),
        track: stick::keyed(section, "track", "key", links),
        timeout,
    }
}

/// An address as a string, or a section of its own.
fn bind<'a>(section: &Section<'a>, value: &'a Spanned<DeValue<'a>>) -> Option<(Bind, Placed<SocketAddr>)> {
    let DeValue::Table(_) = value.get_ref() else {
        let address = section.placed("bind", value, value::address)?;
        return Some((address.value.into(), address));
    };
    let mut section = section.child("bind", value.span(), value);
    let address = section.need("address", value::address, "address = \"0.0.0.0:5000\"");
    let name = section.maybe("name", value::name);
    section.finish();
    address.map(|address| (Bind { address: address.value, name }, address))
}

fn capture(section: &mut Section<'_>) -> CaptureConfig {
    let length = section.or("capture_length", value::whole(1..=8192), 64);
    let mut fields = |key| CaptureFields { names: section.any(key, value::field_name), length };
    let (request, response) = (fields("capture_request"), fields("capture_response"));
    let cookie = section.optional("capture_cookie").and_then(|mut section| {
        let name = section.need("name", value::cookie_beginning, "name = \"SESSION\"");
        let length = section.or("length", value::whole(1..=8192), 63);
        section.finish();
        name.map(|name| CaptureCookie { name: name.value, length })
    });
    CaptureConfig { request, response, cookie }
}
