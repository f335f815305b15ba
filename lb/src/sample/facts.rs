//! What an expression looks at: the heads, the connection, the balancer.

use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use super::Variables;
use crate::config::Datum;
use crate::http::head::Field;
use crate::http::overlay::Overlay;

/// Everything that there is to know when an expression is evaluated.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// The request; after a response's head has come, as its rules left it.
    pub request: Option<RequestView<'a>>,
    /// The response, where its rules run.
    pub response: Option<ResponseView<'a>>,
    /// The client's address.
    pub source: SocketAddr,
    /// The address that the client connected to.
    pub destination: Option<SocketAddr>,
    /// Whether it is the first request of its connection.
    pub is_first: bool,
    /// The frontend's name.
    pub frontend: &'a str,
    /// The backend's name, once one is chosen.
    pub backend: Option<&'a str>,
    /// What earlier rules set.
    pub variables: &'a Variables,
    /// The rest.
    pub state: &'a dyn BalancerState,
}

/// A head with the edits of earlier rules.
#[derive(Debug, Clone, Copy)]
pub struct HeadView<'a> {
    /// The fields as they came.
    pub fields: &'a [Field<'a>],
    /// What became of them.
    pub edits: &'a Overlay,
}

/// A request.
#[derive(Debug, Clone, Copy)]
pub struct RequestView<'a> {
    /// Its fields.
    pub head: HeadView<'a>,
    /// Its method as it came.
    pub method: &'a str,
    /// Its target as it came.
    pub target: &'a str,
    /// Path and query as they came.
    pub path: &'a str,
    /// The host as it came.
    pub host: &'a [u8],
    /// `1.0`, `1.1` or `2.0`.
    pub version: &'static str,
}

/// A response.
#[derive(Debug, Clone, Copy)]
pub struct ResponseView<'a> {
    /// Its fields.
    pub head: HeadView<'a>,
    /// Its status.
    pub status: u16,
}

/// What the balancer is doing, for fetches such as `nbsrv`.
pub trait BalancerState {
    /// How many servers of a backend are usable.
    fn usable_servers(&self, backend: &str) -> Option<i64>;

    /// Exchanges in flight in a backend.
    fn backend_sessions(&self, backend: &str) -> Option<i64>;

    /// Connections of a frontend.
    fn frontend_sessions(&self, frontend: &str) -> Option<i64>;

    /// Requests that wait in the queue of a backend.
    fn queue(&self, backend: &str) -> Option<i64>;

    /// What is stored of an address in the stick table of that name, or in the one that the frontend tracks clients in: 0 where it has no entry.
    fn table_value(&self, table: &str, address: IpAddr, datum: Datum) -> Option<i64>;

    /// What is stored of the key that is tracked, with this request counted in.
    fn tracked_value(&self, datum: Datum) -> Option<i64>;

    /// Whether a server is up.
    fn is_up(&self, backend: &str, server: &str) -> Option<bool>;
}

/// A balancer of which nothing is known.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoState;

// === impl Facts ===

impl<'a> Facts<'a> {
    /// Unix time.
    pub(crate) fn now() -> std::time::Duration {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }

    /// The head that fetches such as `hdr` read: the response's where its rules run.
    pub(crate) fn present_head(&self) -> Option<HeadView<'a>> {
        match self.response {
            Some(response) => Some(response.head),
            None => self.request.map(|request| request.head),
        }
    }
}

// === impl HeadView ===

impl<'a> HeadView<'a> {
    /// Its fields of that name, whatever the case.
    pub(crate) fn named<'n>(self, name: &'n str) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.all().filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// All of its fields.
    pub(crate) fn all(self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        self.edits.fields(self.fields)
    }
}

// === impl RequestView ===

impl<'a> RequestView<'a> {
    /// The method, after the edits.
    pub fn method(&self) -> &'a str {
        self.head.edits.method(self.method)
    }

    /// Path and query, after the edits; `/` where none was named.
    pub fn path_and_query(&self) -> &'a str {
        match self.head.edits.target(self.path) {
            "" => "/",
            path => path,
        }
    }

    /// The host, after the edits.
    pub fn host(&self) -> &'a [u8] {
        self.head.edits.host(self.host)
    }

    /// The target: as it came, unless it was edited.
    pub fn url(&self) -> &'a str {
        let path = self.head.edits.target(self.path);
        if std::ptr::eq(path, self.path) { self.target } else { path }
    }

    /// The path without its query.
    pub fn path(&self) -> &'a str {
        self.path_and_query().split('?').next().unwrap_or_default()
    }

    /// The query without its `?`; nothing where there is none.
    pub fn query(&self) -> Option<&'a str> {
        self.path_and_query().split_once('?').map(|(_, query)| query)
    }
}

// === impl NoState ===

impl BalancerState for NoState {
    fn usable_servers(&self, _: &str) -> Option<i64> {
        None
    }

    fn backend_sessions(&self, _: &str) -> Option<i64> {
        None
    }

    fn frontend_sessions(&self, _: &str) -> Option<i64> {
        None
    }

    fn queue(&self, _: &str) -> Option<i64> {
        None
    }

    fn table_value(&self, _: &str, _: IpAddr, _: Datum) -> Option<i64> {
        None
    }

    fn tracked_value(&self, _: Datum) -> Option<i64> {
        None
    }

    fn is_up(&self, _: &str, _: &str) -> Option<bool> {
        None
    }
}
