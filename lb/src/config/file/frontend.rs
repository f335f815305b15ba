//! `[frontend.NAME]`.
//!
//! What it says about other sections (its addresses, its backend) is noted for the check that follows.

use super::check::Links;
use super::section::Section;
use super::{Side, timeouts, value};
use crate::config::{Capture, CaptureFields, Frontend, Timeouts};

/// Reads one frontend, with the global time limits beneath its own.
pub(super) fn read(mut section: Section<'_>, timeout: Timeouts, links: &mut Links) -> Frontend {
    links.frontends.push(section.name());
    let bind = section.need_list("bind", value::address, "bind = \"0.0.0.0:5000\"");
    let backend = section.need("backend", value::text, "backend = \"api_nodes\"");
    let frontend = Frontend {
        name: section.key.to_owned(),
        bind: bind.iter().map(|address| address.value).collect(),
        // An empty name stays only beside a fault.
        backend: backend.as_ref().map(|backend| backend.value.clone()).unwrap_or_default(),
        maxconn: section.maybe("maxconn", value::whole(1..=10_000_000)),
        forwarded: section.or("forwarded", value::boolean, true),
        max_head: section.or("max_head", value::size, 16 << 10),
        h2_max_streams: section.or("h2_max_streams", value::whole(1..=10_000), 100),
        h2_max_resets: section.or("h2_max_resets", value::whole(1..=1_000_000), 200),
        max_headers: section.or("max_headers", value::whole(1..=1000), 101),
        capture: capture(&mut section),
        timeout: timeouts(section.section("timeout"), timeout, Side::Frontend),
    };
    links.binds.extend(bind);
    links.uses.extend(backend);
    section.finish();
    frontend
}

fn capture(section: &mut Section<'_>) -> Capture {
    let length = section.or("capture_length", value::whole(1..=8192), 64);
    let mut fields = |key| CaptureFields { names: section.any(key, value::field_name), length };
    Capture { request: fields("capture_request"), response: fields("capture_response") }
}
