//! Rules on their way through an exchange: what they look at is gathered here, and what they decide about the backend is done.
//!
//! What rules mean is not known here, nor how a response is sent.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::error::ProxyError;
use super::{Client, route};
use crate::config::Datum;
use crate::http::head::Field;
use crate::http::overlay::Overlay;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::rules::{RuleBook, RuleScene, Verdict};
use crate::sample::{BalancerState, Facts, HeadView, RequestView, ResponseView, Variables};
use crate::stick::StickKey;
use crate::topology::{Backend, Frontend, KeyedTable, Topology};

/// What rules made of a request.
#[derive(Debug)]
pub(super) struct RuledRequest {
    pub(super) verdict: Verdict,
    pub(super) edits: Overlay,
    pub(super) variables: Variables,
}

/// The rules that look at a response: the backend's, then the frontend's.
pub(super) struct ResponseRules<'a> {
    client: &'a Client,
    books: [Option<Arc<RuleBook>>; 2],
    variables: Option<&'a Variables>,
    backend: Arc<str>,
}

// === impl RuledRequest ===

impl RuledRequest {
    /// Runs the frontend's rules, chooses the backend by its routes, and runs that backend's rules.
    #[cold]
    pub(super) fn new(
        client: &Client,
        request: &Request<'_, '_>,
        frontend: &Frontend,
        backend: &mut Result<Arc<Backend>, ProxyError>,
    ) -> Self {
        let topology = client.worker.shared.topology.load();
        let nothing = (Overlay::default(), Variables::new());
        let (mut edits, mut variables) = (Overlay::default(), Variables::new());
        let view = RequestView {
            head: HeadView { fields: request.fields, edits: &nothing.0 },
            method: request.method,
            target: request.target,
            path: request.path(),
            host: request.host(),
            version: match (client.is_stream(), request.is_old()) {
                (true, _) => "2.0",
                (false, true) => "1.0",
                (false, false) => "1.1",
            },
        };
        let is_first = client.requests.get() == 0;
        let fields = Some(request.fields);
        let state = RuledState { topology: &topology, frontend, client, fields, is_first };
        let facts = Facts {
            request: Some(view),
            response: None,
            source: client.peer(),
            destination: destination(frontend),
            is_first,
            frontend: &frontend.live.name,
            backend: None,
            variables: &nothing.1,
            state: &state,
        };
        let mut scene =
            RuleScene { facts, fields: request.fields, edits: &mut edits, variables: &mut variables };
        let mut verdict = Verdict::Continue;
        if let Some(rules) = &frontend.rules {
            verdict = rules.on_request(&mut scene);
            if verdict == Verdict::Continue {
                let known = |name: &str| topology.backend(name).map(|backend| &*backend.live.name);
                let chosen = rules.route(&RuleBook::facts_after(&scene), known);
                if let Some(chosen) = chosen.and_then(|name| topology.backend(name)) {
                    client.routed.set(Some(chosen.live.id));
                    *backend = route::published(chosen);
                }
            }
        }
        if let (Verdict::Continue, Ok(backend)) = (&verdict, &*backend)
            && let Some(rules) = &backend.rules
        {
            scene.facts.backend = Some(&backend.live.name);
            verdict = rules.on_request(&mut scene);
        }
        Self { verdict, edits, variables }
    }
}

// === impl ResponseRules ===

impl<'a> ResponseRules<'a> {
    /// The rules that look at responses of `backend`; nothing where there are none.
    pub(super) fn of(
        client: &'a Client,
        backend: &Backend,
        variables: Option<&'a Variables>,
    ) -> Option<Self> {
        let frontend = client.frontend.borrow();
        let reads =
            |rules: &Option<Arc<RuleBook>>| rules.as_ref().filter(|rules| rules.reads_responses()).cloned();
        let books = [reads(&backend.rules), reads(&frontend.rules)];
        if books.iter().all(Option::is_none) {
            return None;
        }
        Some(Self { client, books, variables, backend: Arc::clone(&backend.live.name) })
    }

    /// Runs them on a response.
    #[cold]
    pub(super) fn run(&self, response: &Response<'_, '_>, edits: &mut Overlay) {
        let topology = self.client.worker.shared.topology.load();
        let frontend = self.client.frontend.borrow();
        let nothing = (Overlay::default(), Variables::new());
        let mut variables = self.variables.cloned().unwrap_or_default();
        let head = HeadView { fields: response.fields, edits: &nothing.0 };
        let (client, is_first) = (self.client, self.client.requests.get() <= 1);
        let state = RuledState { topology: &topology, frontend: &frontend, client, fields: None, is_first };
        let facts = Facts {
            request: None,
            response: Some(ResponseView { head, status: response.status }),
            source: self.client.peer(),
            destination: destination(&frontend),
            is_first,
            frontend: &frontend.live.name,
            backend: Some(&self.backend),
            variables: &nothing.1,
            state: &state,
        };
        let mut scene = RuleScene { facts, fields: response.fields, edits, variables: &mut variables };
        for rules in self.books.iter().flatten() {
            // Those of responses only edit.
            let _ = rules.on_response(&mut scene);
        }
    }
}

/// The address that clients of a frontend connect to, where it has only one.
fn destination(frontend: &Frontend) -> Option<SocketAddr> {
    match &frontend.config.bind[..] {
        [only] => Some(only.address),
        _ => None,
    }
}

/// What rules ask of the balancer.
struct RuledState<'a> {
    topology: &'a Topology,
    frontend: &'a Frontend,
    client: &'a Client,
    /// The request's fields as they came, by which clients are tracked; nothing in rules of responses.
    fields: Option<&'a [Field<'a>]>,
    is_first: bool,
}

// === impl RuledState ===

impl BalancerState for RuledState<'_> {
    fn usable_servers(&self, backend: &str) -> Option<i64> {
        let servers = &self.topology.backend(backend)?.servers;
        i64::try_from(servers.iter().filter(|server| server.is_usable()).count()).ok()
    }

    fn backend_sessions(&self, backend: &str) -> Option<i64> {
        i64::try_from(self.topology.backend(backend)?.live.sessions.get()).ok()
    }

    fn frontend_sessions(&self, frontend: &str) -> Option<i64> {
        let frontend = self.topology.frontends.iter().find(|known| *known.live.name == *frontend)?;
        i64::try_from(frontend.live.sessions.get()).ok()
    }

    fn queue(&self, backend: &str) -> Option<i64> {
        i64::try_from(self.topology.backend(backend)?.live.queue.waiting().get()).ok()
    }

    fn table_value(&self, table: &str, address: IpAddr, datum: Datum) -> Option<i64> {
        let table = match table {
            "" => &self.frontend.track.as_ref()?.table,
            name => self.topology.table(name)?,
        };
        let key = StickKey::of_address(address, &table.spec)?;
        i64::try_from(table.number(&key, datum)?).ok()
    }

    fn tracked_value(&self, datum: Datum) -> Option<i64> {
        let KeyedTable { on, table } = self.frontend.track.as_ref()?;
        let fields = self.fields?.iter().map(|field| (field.name, field.value));
        let key = StickKey::of(on, &table.spec, self.client.address.as_bytes(), fields)?;
        // It is counted when the exchange begins, which is after its rules.
        let present = match datum {
            Datum::HttpReqCnt | Datum::HttpReqRate | Datum::ConnCnt | Datum::ConnRate | Datum::ConnCur => 1,
            Datum::SessCnt | Datum::SessRate => i64::from(self.is_first),
            _ => 0,
        };
        i64::try_from(table.number(&key, datum)?).ok()?.checked_add(present)
    }

    fn is_up(&self, backend: &str, server: &str) -> Option<bool> {
        Some(self.topology.backend(backend)?.server(server)?.is_usable())
    }
}
