//! `[frontend.NAME]`, and what of a `[listen.NAME]` is a frontend's.
//!
//! What it says about other sections (its addresses, its backend) is noted for the check that follows.

use std::net::SocketAddr;

use toml::Spanned;
use toml::de::DeValue;

use super::section::Section;
use super::{Side, rules, stick, timeouts, value};
use crate::config::links::Links;
use crate::config::{Bind, CaptureConfig, CaptureCookie, CaptureFields, FrontendConfig, Placed, Timeouts};

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
    let frontend = of(&mut section, rank, &leads_to, timeout, links);
    links.uses.extend(backend);
    section.finish();
    frontend
}

/// The frontend that a section describes, leading to `backend`.
pub(super) fn of(
    section: &mut Section<'_>,
    rank: usize,
    backend: &str,
    timeout: Timeouts,
    links: &mut Links,
) -> FrontendConfig {
    let binds = section.need_list("bind", "bind = \"0.0.0.0:5000\"");
    let binds = binds.iter().filter_map(|value| bind(section, value));
    let (bind, places): (Vec<_>, Vec<_>) = binds.unzip();
    links.binds.extend(places);
    let usual = FrontendConfig::new(section.key, backend);
    FrontendConfig {
        rank,
        bind,
        socket_stats: section.or("socket_stats", value::boolean, usual.socket_stats),
        maxconn: section.maybe("maxconn", value::whole(1..=10_000_000)),
        forwarded: section.or("forwarded", value::forwarded, usual.forwarded),
        max_head: section.or("max_head", value::size, usual.max_head),
        h2_max_streams: section.or("h2_max_streams", value::whole(1..=10_000), usual.h2_max_streams),
        h2_max_resets: section.or("h2_max_resets", value::whole(1..=1_000_000), usual.h2_max_resets),
        h2_max_control_frames: section.or(
            "h2_max_control_frames",
            value::whole(1..=10_000_000),
            usual.h2_max_control_frames,
        ),
        max_headers: section.or("max_headers", value::whole(1..=1000), usual.max_headers),
        capture: capture(section),
        track: stick::keyed(section, "track", "key", links),
        rules: rules::read(section, rules::Owner::Frontend),
        timeout,
        ..usual
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
    let length = section.or("capture_length", value::whole(1..=8192), CaptureFields::default().length);
    let mut fields = |key| CaptureFields { names: section.any(key, value::field_name), length };
    let (request, response) = (fields("capture_request"), fields("capture_response"));
    let cookie = section.optional("capture_cookie").and_then(|mut section| {
        let name = section.need("name", value::cookie_beginning, "name = \"SESSION\"");
        let usual = CaptureCookie::new(name.map(|name| name.value).unwrap_or_default());
        let length = section.or("length", value::whole(1..=8192), usual.length);
        section.finish();
        // Empty only beside a fault.
        Some(CaptureCookie { length, ..usual }).filter(|cookie| !cookie.name.is_empty())
    });
    CaptureConfig { request, response, cookie }
}
