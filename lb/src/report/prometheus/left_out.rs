//! The families of HAProxy 3.4 that `/metrics` does not have, each with its reason.
//!
//! A test holds this list and what is served against all names of HAProxy 3.4: a family is in one of the two, never in both.

/// Names of families, and why lb leaves them out. What is only told where there is something to tell (`haproxy_process_description`) is not
/// among them.
pub const LEFT_OUT: &[(&[&str], &str)] = &[(
    &[
        "haproxy_resolver_sent",
        "haproxy_resolver_send_error",
        "haproxy_resolver_valid",
        "haproxy_resolver_update",
        "haproxy_resolver_cname",
        "haproxy_resolver_cname_error",
        "haproxy_resolver_any_err",
        "haproxy_resolver_nx",
        "haproxy_resolver_timeout",
        "haproxy_resolver_refused",
        "haproxy_resolver_other",
        "haproxy_resolver_invalid",
        "haproxy_resolver_too_big",
        "haproxy_resolver_truncated",
        "haproxy_resolver_outdated",
    ],
    "A series for each name server of a `resolvers` section: lb asks the system's resolver, and counts failed look-ups in \
         haproxy_process_failed_resolutions.",
)];
