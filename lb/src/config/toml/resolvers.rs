//! `[resolvers.NAME]`.

use toml::Spanned;
use toml::de::DeValue;

use super::section::Section;
use super::value;
use crate::config::links::Links;
use crate::config::{Nameserver, ResolversConfig};

/// Reads one section of name servers.
pub(super) fn read(mut section: Section<'_>, links: &mut Links) -> ResolversConfig {
    links.resolvers.push(section.name());
    let values = section.need_list("nameservers", "nameservers = [\"127.0.0.11:53\"]");
    let usual = ResolversConfig::new(section.key);
    let resolvers = ResolversConfig {
        nameservers: values.iter().filter_map(|value| nameserver(&section, value)).collect(),
        timeout: section.or("timeout", value::duration, usual.timeout),
        attempts: section.or("attempts", value::whole(1..=100), usual.attempts),
        ..usual
    };
    section.finish();
    resolvers
}

/// An address as a string, or a section with a name.
fn nameserver<'a>(section: &Section<'a>, value: &'a Spanned<DeValue<'a>>) -> Option<Nameserver> {
    let named = |name: Option<String>, address: std::net::SocketAddr| Nameserver {
        name: name.unwrap_or_else(|| address.ip().to_string()),
        address,
    };
    let DeValue::Table(_) = value.get_ref() else {
        let address = section.placed("nameservers", value, value::nameserver)?;
        return Some(named(None, address.value));
    };
    let mut section = section.child("nameservers", value.span(), value);
    let address = section.need("address", value::nameserver, "address = \"127.0.0.11:53\"");
    let name = section.maybe("name", value::name);
    section.finish();
    address.map(|address| named(name, address.value))
}
