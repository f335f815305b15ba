//! The page about the metrics.

use std::fmt::Write as _;

use super::{cell, code, sentence};
use crate::report::prometheus;

const HEAD: &str = "\
# Metrics

`http://127.0.0.1:8404/metrics` in the text format of Prometheus. Names that begin with `haproxy_` are those of HAProxy's own exporter, with the same labels and
meanings; those that begin with `lb_` are ours. What `lb` does not have (TLS, compression, caches) is 0; what it does not know is `NaN`.

| in the query | effect |
|---|---|
| `scope=backend` | Only families of that scope: `global`, `frontend`, `listener`, `backend`, `server`, `sticktable`, `resolver` or `*` (all). May be repeated. `listener` is only in a scrape that asks for it. |
| `metrics=NAME,-NAME` | Only these families, or not these. |
| `no-maint` | Leaves out servers in maintenance. |
| `extra-counters` | Adds the families marked *extra*. |
| `desc-labels` | Adds the label `desc` with `[process] description` to the families of the process. |

";

/// Scope, title, and which labels its families have.
const SCOPES: [(&str, &str, &str); 7] = [
    ("global", "Process", "No labels unless the family says so."),
    ("frontend", "Frontends", "Label `proxy`: the frontend."),
    (
        "listener",
        "Addresses of frontends",
        "Labels `proxy` and `listener`. Only frontends with `socket_stats = true` have them.",
    ),
    ("backend", "Backends", "Label `proxy`: the backend."),
    ("server", "Servers", "Labels `proxy` (the backend) and `server`."),
    ("sticktable", "Stick tables", "Labels `name` (the backend) and `type` (of its keys)."),
    (
        "resolver",
        "Name servers",
        "Labels `resolver` (the section) and `nameserver`. The name says which result is counted.",
    ),
];

pub(super) fn page() -> String {
    let families = prometheus::reference();
    let mut out = HEAD.to_owned();
    for (at, (scope, title, labels)) in SCOPES.into_iter().enumerate() {
        let gap = if at == 0 { "" } else { "\n" };
        let head = format!("{gap}## {title}\n\n{labels}\n\n| family | type | meaning |\n|---|---|---|\n");
        out.push_str(&head);
        for family in families.iter().filter(|family| family.scope == scope) {
            let extra = if family.is_extra { ", extra" } else { "" };
            let help = cell(&sentence(&family.help));
            // Writing to a string cannot fail.
            let _ = writeln!(out, "| {} | {}{extra} | {help} |", code(&family.name), family.kind);
        }
    }
    out
}
