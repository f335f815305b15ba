//! What binds clients to servers and remembers them: `cookie`, `table` and `stick` of a backend, `track` of a frontend.

use super::section::Section;
use super::value;
use crate::config::links::Links;
use crate::config::{Cookie, CookieMode, KeyType, KeyedBy, TableConfig};

/// Reads a backend's cookie.
pub(super) fn cookie(mut section: Section<'_>) -> Cookie {
    let modes =
        [("insert", CookieMode::Insert), ("rewrite", CookieMode::Rewrite), ("prefix", CookieMode::Prefix)];
    let name = section.need("name", value::cookie_name, "name = \"SRV\"");
    // Empty only beside a fault.
    let usual = Cookie::new(name.map(|name| name.value).unwrap_or_default());
    let mode = section.or("mode", value::one_of(&modes), usual.mode);
    let [nocache, httponly, secure, dynamic] =
        ["nocache", "httponly", "secure", "dynamic"].map(|key| section.flag(key));
    let [indirect, postonly, preserve] =
        ["indirect", "postonly", "preserve"].map(|key| inserted(&mut section, mode, key, Section::flag));
    let [max_idle, max_life] = ["max_idle", "max_life"]
        .map(|key| inserted(&mut section, mode, key, |section, key| section.maybe(key, value::duration)));
    let cookie = Cookie {
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
        ..usual
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

/// Reads a backend's stick table.
pub(super) fn table(mut section: Section<'_>) -> TableConfig {
    let types =
        [KeyType::Ip, KeyType::Ipv6, KeyType::Integer, KeyType::String].map(|keys| (keys.name(), keys));
    let usual = TableConfig::default();
    let keys = section.or("type", value::one_of(&types), usual.keys);
    let length = match keys {
        KeyType::String => section.or("length", value::whole(1..=1024), usual.length),
        _ => {
            section.misplaced(
                "length",
                "only keys of text are cut off",
                "say `type = \"string\"`, or leave it out",
            );
            usual.length
        }
    };
    let mut table = TableConfig {
        keys,
        length,
        size: section.or("size", value::whole(1..=100_000_000), usual.size),
        expire: section.maybe("expire", value::duration),
        store: section.any("store", value::stored),
    };
    table.arrange();
    section.finish();
    table
}

/// Reads what is looked up where; the key is called `source`.
pub(super) fn keyed(
    section: &mut Section<'_>,
    key: &'static str,
    source: &'static str,
    links: &mut Links,
) -> Option<KeyedBy> {
    let mut section = section.optional(key)?;
    let on = section.need(
        source,
        value::key_source,
        if source == "on" { "on = \"src\"" } else { "key = \"src\"" },
    );
    let table = section.need("table", value::text, "table = \"clients\"");
    section.finish();
    on.zip(table).map(|(on, table)| {
        let name = table.value.clone();
        links.tables.push(table);
        KeyedBy { on: on.value, table: name }
    })
}
