//! What of a backend binds clients to servers: `cookie`.

use super::section::Section;
use super::value;
use crate::config::{Cookie, CookieMode};

/// Reads a backend's cookie.
pub(super) fn cookie(mut section: Section<'_>) -> Cookie {
    let modes =
        [("insert", CookieMode::Insert), ("rewrite", CookieMode::Rewrite), ("prefix", CookieMode::Prefix)];
    let name = section.need("name", value::cookie_name, "name = \"SRV\"");
    let mode = section.or("mode", value::one_of(&modes), CookieMode::Insert);
    let [nocache, httponly, secure, dynamic] =
        ["nocache", "httponly", "secure", "dynamic"].map(|key| section.flag(key));
    let [indirect, postonly, preserve] =
        ["indirect", "postonly", "preserve"].map(|key| inserted(&mut section, mode, key, Section::flag));
    let [max_idle, max_life] = ["max_idle", "max_life"]
        .map(|key| inserted(&mut section, mode, key, |section, key| section.maybe(key, value::duration)));
    let cookie = Cookie {
        // Empty only beside a fault.
        name: name.map(|name| name.value).unwrap_or_default(),
        mode,
        indirect,
        nocache,
        postonly,
        preserve,
        httponly,
        secure,
        domains: section.any("domain", value::cookie_attribute),
        attributes: section.any("attributes", value::cookie_attribute),
        max_idle,
        max_life,
        dynamic,
        dynamic_key: section.maybe("dynamic_key", value::text),
    };
    section.finish();
    cookie
}

/// A key that says something about cookies which the balancer adds.
fn inserted<'a, T: Default>(
    section: &mut Section<'a>,
    mode: CookieMode,
    key: &'static str,
    read: impl FnOnce(&mut Section<'a>, &'static str) -> T,
) -> T {
    if mode == CookieMode::Insert {
        return read(section, key);
    }
    section.misplaced(
        key,
        "it is about cookies that are inserted",
        "say `mode = \"insert\"`, or leave it out",
    );
    T::default()
}
