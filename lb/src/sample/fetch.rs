//! Fetches: where the values of an expression come from.
//!
//! The table at the end names all of them with what they take. Fields with several values give each of them, as HAProxy does: split at commas,
//! unless the fetch is one of `fhdr`.

mod compile;
mod name;

use std::net::IpAddr;

use super::cookies;
use super::facts::{Facts, HeadView, RequestView};
use super::value::leading_int;
use super::{SampleKind, SampleValue};
use crate::config::Datum;

pub(crate) use compile::is_variable;
use name::Source;

/// What has to be there for a fetch to have a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing but the connection.
    Connection,
    /// A request's head, or the response's where its rules run.
    Head,
    /// A request's head.
    Request,
    /// A response's head.
    Response,
}

/// A compiled fetch.
#[derive(Debug)]
pub(super) struct Fetch {
    source: Source,
    /// A name that it is about: a field's, a cookie's, a parameter's, a backend's; or its constant.
    text: String,
    /// Which one of several: from the first with 1, from the last with -1; 0 for all.
    place: i32,
    constant: Option<Constant>,
    separator: u8,
    /// What of an entry of a stick table it is.
    datum: Option<Datum>,
}

/// A value that is always the same.
#[derive(Debug)]
enum Constant {
    Bool(bool),
    Int(i64),
    Address(IpAddr),
    Binary(Vec<u8>),
    Text,
    Method,
}

/// Takes a value; says whether it has seen enough.
type Take<'t, 'a> = &'t mut dyn FnMut(SampleValue<'a>) -> bool;

// === impl Fetch ===

impl Fetch {
    /// Whether that is the name of a fetch.
    pub(super) fn is_known(name: &str) -> bool {
        Source::named(name).is_some()
    }

    /// The type of its values.
    pub(super) fn kind(&self) -> SampleKind {
        match &self.constant {
            Some(Constant::Bool(_)) => SampleKind::Bool,
            Some(Constant::Int(_)) => SampleKind::Int,
            Some(Constant::Address(_)) => SampleKind::Address,
            Some(Constant::Binary(_)) => SampleKind::Binary,
            Some(Constant::Text) => SampleKind::Text,
            Some(Constant::Method) => SampleKind::Method,
            None => self.source.kind(),
        }
    }

    /// What has to be there.
    pub(super) fn needs(&self) -> Needs {
        self.source.needs()
    }

    /// Its last value.
    pub(super) fn last<'a>(&'a self, facts: &Facts<'a>) -> Option<SampleValue<'a>> {
        let mut last = None;
        self.each(facts, &mut |value| {
            last = Some(value);
            false
        });
        last
    }

    /// Gives each of its values to `take` until that has seen enough; says whether it has.
    pub(super) fn each<'a>(&'a self, facts: &Facts<'a>, take: Take<'_, 'a>) -> bool {
        match self.source {
            Source::Field | Source::WholeField | Source::FieldInt | Source::FieldAddress => {
                match (facts.response, facts.request) {
                    (Some(response), _) => self.fields(response.head, take),
                    (None, Some(request)) => self.request_fields(request, take),
                    (None, None) => false,
                }
            }
            Source::RequestField
            | Source::WholeRequestField
            | Source::RequestFieldInt
            | Source::RequestFieldAddress => {
                facts.request.is_some_and(|request| self.request_fields(request, take))
            }
            Source::ResponseField
            | Source::WholeResponseField
            | Source::ResponseFieldInt
            | Source::ResponseFieldAddress => {
                facts.response.is_some_and(|response| self.fields(response.head, take))
            }
            Source::Cookie | Source::CookieInt => {
                facts.request.is_some_and(|request| self.request_cookies(request.head, take))
            }
            Source::ResponseCookie | Source::ResponseCookieInt => {
                facts.response.is_some_and(|response| self.response_cookies(response.head, take))
            }
            Source::Parameter | Source::ParameterInt => {
                facts.request.is_some_and(|request| self.parameters(request, take))
            }
            _ => self.one(facts).is_some_and(take),
        }
    }

    /// Its value, where it has one only.
    fn one<'a>(&'a self, facts: &Facts<'a>) -> Option<SampleValue<'a>> {
        if let Some(constant) = &self.constant {
            return Some(match constant {
                Constant::Bool(value) => SampleValue::Bool(*value),
                Constant::Int(number) => SampleValue::Int(*number),
                Constant::Address(address) => SampleValue::Address(*address),
                Constant::Binary(bytes) => SampleValue::Binary(bytes.into()),
                Constant::Text => SampleValue::text(self.text.as_bytes()),
                Constant::Method => SampleValue::Method(&self.text),
            });
        }
        let text = |text: &'a str| SampleValue::text(text.as_bytes());
        let number = |count: usize| SampleValue::Int(i64::try_from(count).unwrap_or(i64::MAX));
        let request = facts.request;
        Some(match self.source {
            Source::Method => SampleValue::Method(request?.method()),
            Source::Path => text(request?.path()),
            Source::PathQuery => text(request?.path_and_query()),
            Source::Url => text(request?.url()),
            Source::Query => text(request?.query()?),
            Source::Base => {
                let request = request?;
                let base = [request.host(), request.path().as_bytes()].concat();
                SampleValue::Text(base.into())
            }
            Source::RequestVersion => text(request?.version),
            Source::IsFirst => SampleValue::Bool(facts.is_first),
            Source::Status => SampleValue::Int(i64::from(facts.response?.status)),
            Source::FieldCount => number(self.count(facts.present_head()?, true)),
            Source::WholeFieldCount => number(self.count(facts.present_head()?, false)),
            Source::RequestFieldCount => number(self.count(request?.head, true)),
            Source::WholeRequestFieldCount => number(self.count(request?.head, false)),
            Source::ResponseFieldCount => number(self.count(facts.response?.head, true)),
            Source::WholeResponseFieldCount => number(self.count(facts.response?.head, false)),
            Source::CookieCount => {
                let mut count = 0;
                self.request_cookies(request?.head, &mut |_| {
                    count += 1;
                    false
                });
                number(count)
            }
            Source::Src => SampleValue::Address(facts.source.ip().to_canonical()),
            Source::SrcPort => SampleValue::Int(i64::from(facts.source.port())),
            // What listens on all addresses does not know which one it was.
            Source::Dst => {
                let address = facts.destination?.ip();
                SampleValue::Address(
                    Some(address).filter(|address| !address.is_unspecified())?.to_canonical(),
                )
            }
            Source::DstPort => SampleValue::Int(i64::from(facts.destination?.port())),
            Source::FrontendName => text(facts.frontend),
            Source::BackendName => text(facts.backend?),
            Source::Variable => SampleValue::text(facts.variables.get(&self.text)?),
            Source::Date => {
                let offset = i64::from(self.place);
                SampleValue::Int(i64::try_from(Facts::now().as_secs()).ok()?.saturating_add(offset))
            }
            Source::DateMicros => SampleValue::Int(i64::from(Facts::now().subsec_micros())),
            Source::Random => {
                let range = u32::try_from(self.place).ok().filter(|range| *range > 0);
                SampleValue::Int(i64::from(
                    range.map_or_else(|| fastrand::u32(..), |range| fastrand::u32(..range)),
                ))
            }
            Source::UsableServers => {
                SampleValue::Int(facts.state.usable_servers(self.name_or(facts.backend)?)?)
            }
            Source::BackendSessions => {
                SampleValue::Int(facts.state.backend_sessions(self.name_or(facts.backend)?)?)
            }
            Source::FrontendSessions => {
                SampleValue::Int(facts.state.frontend_sessions(self.name_or(Some(facts.frontend))?)?)
            }
            Source::Queue => SampleValue::Int(facts.state.queue(self.name_or(facts.backend)?)?),
            Source::ClientEntry => {
                let address = facts.source.ip();
                SampleValue::Int(facts.state.table_value(&self.text, address, self.datum?)?)
            }
            Source::TrackedEntry | Source::TrackedEntryOf => {
                SampleValue::Int(facts.state.tracked_value(self.datum?)?)
            }
            Source::IsServerUp => {
                let (backend, server) = match self.text.split_once('/') {
                    Some(both) => both,
                    None => (facts.backend?, self.text.as_str()),
                };
                SampleValue::Bool(facts.state.is_up(backend, server)?)
            }
            _ => return None,
        })
    }

    fn name_or<'a>(&'a self, usual: Option<&'a str>) -> Option<&'a str> {
        if self.text.is_empty() { usual } else { Some(&self.text) }
    }

    /// The same of a request, whose host is the one that its server will see: that of an absolute target, or one that a rule has set.
    fn request_fields<'a>(&'a self, request: RequestView<'a>, take: Take<'_, 'a>) -> bool {
        if !self.text.eq_ignore_ascii_case("host") {
            return self.fields(request.head, take);
        }
        let host = request.host();
        self.choose(Some(host).filter(|host| !host.is_empty()).into_iter(), take)
    }

    /// Gives the values of its field, split at commas where it is not about whole fields.
    fn fields<'a>(&'a self, head: HeadView<'a>, take: Take<'_, 'a>) -> bool {
        match self.source {
            Source::WholeField | Source::WholeRequestField | Source::WholeResponseField => {
                self.choose(head.named(&self.text), take)
            }
            _ => self.choose(head.named(&self.text).flat_map(elements), take),
        }
    }

    fn count(&self, head: HeadView<'_>, splits: bool) -> usize {
        let count = |values: &mut dyn Iterator<Item = &[u8]>| {
            if splits { values.flat_map(elements).count() } else { values.count() }
        };
        if self.text.is_empty() {
            count(&mut head.all().map(|(_, value)| value))
        } else {
            count(&mut head.named(&self.text))
        }
    }

    fn request_cookies<'a>(&'a self, head: HeadView<'a>, take: Take<'_, 'a>) -> bool {
        let all = head.named("cookie").flat_map(cookies::crumbs);
        self.choose(all.filter(|(name, _)| self.is_meant(name)).map(|(_, value)| value), take)
    }

    fn response_cookies<'a>(&'a self, head: HeadView<'a>, take: Take<'_, 'a>) -> bool {
        let all = head.named("set-cookie").filter_map(cookies::set);
        self.choose(all.filter(|(name, _)| self.is_meant(name)).map(|(_, value)| value), take)
    }

    fn parameters<'a>(&'a self, request: RequestView<'a>, take: Take<'_, 'a>) -> bool {
        let Some(query) = request.query() else { return false };
        let all = cookies::parameters(query, self.separator);
        self.choose(all.filter(|(name, _)| self.is_meant(name)).map(|(_, value)| value), take)
    }

    fn is_meant(&self, name: &[u8]) -> bool {
        self.text.is_empty() || self.text.as_bytes() == name
    }

    /// Gives all of `values`, or the one at its place.
    fn choose<'a>(&self, values: impl Iterator<Item = &'a [u8]>, take: Take<'_, 'a>) -> bool {
        let mut give = |value: &'a [u8]| self.typed(value).is_some_and(&mut *take);
        match self.place {
            0 => {
                let mut values = values;
                values.any(give)
            }
            1.. => {
                let index = usize::try_from(self.place - 1).unwrap_or_default();
                let mut values = values;
                values.nth(index).is_some_and(give)
            }
            _ => {
                // Few of them: the last ones are kept in a ring of as many as are asked for.
                let wanted = usize::try_from(self.place.unsigned_abs()).unwrap_or(usize::MAX);
                let mut last = std::collections::VecDeque::new();
                for value in values {
                    if last.len() == wanted {
                        last.pop_front();
                    }
                    last.push_back(value);
                }
                last.front().filter(|_| last.len() == wanted).is_some_and(|value| give(value))
            }
        }
    }

    fn typed<'a>(&self, value: &'a [u8]) -> Option<SampleValue<'a>> {
        match self.source.kind() {
            SampleKind::Int => leading_int(value).map(SampleValue::Int),
            SampleKind::Address => SampleValue::text(value).as_address().map(SampleValue::Address),
            _ => Some(SampleValue::text(value)),
        }
    }
}

/// The values of a field, split at commas outside of quotes.
fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    value
        .split(move |byte| {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                _ => {}
            }
            *byte == b',' && !quoted
        })
        .map(<[u8]>::trim_ascii)
}
