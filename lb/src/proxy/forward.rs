//! An HTTP/1.1 exchange through hyper: from the client's request to the head of a server's response, with retries.
//!
//! A request is sent again only when nothing is lost by it: not a byte of it left, or its method is idempotent, it has no body, and not a
//! byte of an answer came (RFC 9110 section 9.2.2).

use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http::header::HeaderValue;
use http::{Method, Request, Response, StatusCode, Uri, Version, request};
use hyper::body::{Body as _, Incoming};
use hyper::upgrade::OnUpgrade;

use super::error::ProxyError;
use super::fields::Seen;
use super::{Client, Exchange, ReplyBody, Worker, check, fields, route, tunnel};
use crate::balance::{Tried, hash};
use crate::config::Balance;
use crate::net::Ended;
use crate::server::Server;
use crate::topology::Backend;
use crate::upstream::{self, Connection, Limits, Progress, RequestBody, SendError};

/// A request with its account.
#[derive(Debug)]
pub struct Inbound {
    /// As the client sent it.
    pub request: Request<Incoming>,
    /// Its account.
    pub exchange: Box<Exchange>,
}

/// A response with its account.
#[derive(Debug)]
pub struct Answer {
    /// For the client.
    pub response: Response<Payload>,
    /// Its account.
    pub exchange: Box<Exchange>,
}

/// Where a response's body comes from.
#[derive(Debug)]
pub enum Payload {
    /// From a server, on this connection.
    Server(Incoming, Connection),
    /// From here.
    Local(Bytes),
    /// There is none; the account lives on in a tunnel.
    Tunnel(OnUpgrade, OnUpgrade),
}

/// A request on its way out, as often as it takes.
struct Outgoing {
    head: request::Parts,
    body: Option<RequestBody>,
    /// Nothing changes when it is done twice, and nothing of it is used up.
    replayable: bool,
    /// The protocol that the client wants to change to, and its side of the change.
    upgrade: Option<(HeaderValue, OnUpgrade)>,
    progress: Option<Rc<Progress>>,
}

/// Handles one request.
///
/// # Errors
/// Why there is no response from a server, with the account.
pub async fn handle(inbound: Inbound) -> Result<Answer, (ProxyError, Box<Exchange>)> {
    let Inbound { request, mut exchange } = inbound;
    match forward(request, &mut exchange).await {
        Ok(response) => Ok(Answer { response, exchange }),
        Err(error) => Err((error, exchange)),
    }
}

async fn forward(
    request: Request<Incoming>,
    exchange: &mut Exchange,
) -> Result<Response<Payload>, ProxyError> {
    let client = Rc::clone(&exchange.client);
    let mut outgoing = Outgoing::new(request, &client)?;
    let mut backend = route::backend(&exchange.worker, &client)?;
    exchange.routed(&backend);
    let key = hash_key(&backend.config.balance, &client, &outgoing.head);
    let mut tried = Tried::default();
    let mut last: Option<Arc<Server>> = None;
    let mut fresh = false;
    loop {
        let claim = route::claim(exchange, &backend, key, &tried).await?;
        exchange.claimed(claim);
        let Some(server) = exchange.server().cloned() else { return Err(ProxyError::NoServer) };
        if last.as_ref().is_some_and(|last| last.id != server.id) {
            exchange.redispatched();
        }
        let failed = match attempt(exchange, &backend, &server, &mut outgoing, fresh).await {
            Ok(response) => return Ok(response),
            Err(failed) => failed,
        };
        // That an idle connection had died says nothing of the server: one more attempt makes up for it, and it takes a new
        // connection, since the other idle ones may have died as well.
        fresh |= failed.reused;
        if !failed.retry || exchange.retries() >= backend.config.retries + u32::from(fresh) {
            return Err(failed.error);
        }
        exchange.retry();
        tried.add(server.id);
        last = Some(server);
        backend = route::backend(&exchange.worker, &client)?;
    }
}

/// Why an attempt failed, and whether another is safe.
struct Failed {
    error: ProxyError,
    retry: bool,
    /// It failed on a connection that had been used before.
    reused: bool,
}

async fn attempt(
    exchange: &mut Exchange,
    backend: &Backend,
    server: &Server,
    outgoing: &mut Outgoing,
    fresh: bool,
) -> Result<Response<Payload>, Failed> {
    let limit = backend.config.timeout.server;
    loop {
        let idle = if fresh { None } else { take_idle(&exchange.worker, server, outgoing.replayable).await };
        let mut connection = match idle {
            Some(connection) => connection,
            None => connect(exchange, backend, server).await?,
        };
        exchange.connected(connection.was_used());
        let error = match connection.send(outgoing.next(), limit).await {
            Ok(response) => return finish(exchange, outgoing, response, connection),
            Err(error) => error,
        };
        // It had been closed before the request went out: nothing happened, and nobody is to blame.
        let stale = connection.is_reused() && error.unsent.is_some();
        let failed = outgoing.failed(error, &connection);
        if !stale {
            return Err(failed);
        }
    }
}

async fn take_idle(worker: &Worker, server: &Server, replayable: bool) -> Option<Connection> {
    loop {
        let mut connection = worker.idle.borrow_mut().take(server.id.get(), server.place.epoch())?;
        // What cannot be replayed is worth a system call: a server that has just died has closed its connections already.
        if connection.is_ready().await && (replayable || connection.is_quiet()) {
            return Some(connection);
        }
    }
}

async fn connect(exchange: &Exchange, backend: &Backend, server: &Server) -> Result<Connection, Failed> {
    const MAX_RESPONSE_HEAD: usize = 64 * 1024;
    const MAX_RESPONSE_FIELDS: usize = 256;
    let failed = |error| {
        exchange.connect_failed();
        server.place.doubt();
        Failed { error, retry: true, reused: false }
    };
    let epoch = server.place.epoch();
    let address = server.place.address().ok_or_else(|| failed(ProxyError::Connect))?;
    let limits = Limits {
        connect: backend.config.timeout.connect,
        server: backend.config.timeout.server,
        max_head: MAX_RESPONSE_HEAD,
        max_headers: MAX_RESPONSE_FIELDS,
    };
    upstream::connect(address, epoch, &limits, &exchange.worker.watchdog).await.map_err(|error| {
        failed(if error.kind() == std::io::ErrorKind::TimedOut {
            ProxyError::ConnectTimeout
        } else {
            ProxyError::Connect
        })
    })
}

/// Makes a server's response the client's.
fn finish(
    exchange: &mut Exchange,
    outgoing: &mut Outgoing,
    mut response: Response<Incoming>,
    connection: Connection,
) -> Result<Response<Payload>, Failed> {
    let bad = || Failed { error: ProxyError::BadResponse, retry: false, reused: false };
    let seen = Seen::in_headers(response.headers());
    check::framing(response.headers(), seen).map_err(|_| bad())?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        exchange.answered(response.status());
        seen.strip(response.headers_mut());
        *response.version_mut() = Version::HTTP_11;
        return Ok(response.map(|body| Payload::Server(body, connection)));
    }
    // Only what was asked for, and only when it was.
    let protocol = fields::upgrade(response.headers()).ok_or_else(bad)?;
    let (asked, client_side) = outgoing.upgrade.take().ok_or_else(bad)?;
    if !asked.as_bytes().eq_ignore_ascii_case(protocol.as_bytes()) {
        return Err(bad());
    }
    exchange.answered(response.status());
    let server_side = hyper::upgrade::on(&mut response);
    seen.strip(response.headers_mut());
    fields::set_upgrade(response.headers_mut(), protocol);
    Ok(response.map(|_| Payload::Tunnel(client_side, server_side)))
}

fn hash_key(balance: &Balance, client: &Client, head: &request::Parts) -> u64 {
    match balance {
        Balance::RoundRobin | Balance::LeastConn | Balance::Random | Balance::First => 0,
        Balance::Source => hash(client.peer_value.as_bytes()),
        Balance::Uri => hash(head.uri.path().as_bytes()),
        Balance::Header(name) => hash(head.headers.get(name).map_or(b"", HeaderValue::as_bytes)),
    }
}

// === impl Answer ===

impl Answer {
    /// The response for the client, with the account in its body or its tunnel.
    pub fn into_response(self) -> Response<ReplyBody> {
        let Self { response, exchange } = self;
        let (head, payload) = response.into_parts();
        let body = match payload {
            Payload::Server(body, connection) => ReplyBody::server(body, connection, exchange),
            Payload::Local(bytes) => {
                Rc::clone(&exchange.client).settle_later(exchange);
                ReplyBody::Local(Some(bytes))
            }
            Payload::Tunnel(client, server) => {
                tunnel::open(client, server, exchange);
                ReplyBody::Local(None)
            }
        };
        Response::from_parts(head, body)
    }
}

// === impl Outgoing ===

impl Outgoing {
    /// Checks a client's request and makes it the server's.
    fn new(mut request: Request<Incoming>, client: &Client) -> Result<Self, ProxyError> {
        let seen = Seen::in_headers(request.headers());
        let upgrade = if seen.upgrade { fields::upgrade(request.headers()) } else { None };
        let upgrade = upgrade.map(|protocol| (protocol, hyper::upgrade::on(&mut request)));
        let (mut head, body) = request.into_parts();
        let has_body = !body.is_end_stream();
        check::request(&mut head, seen, has_body)?;
        let frontend = &client.frontend.config;
        seen.strip(&mut head.headers);
        if frontend.forwarded {
            fields::forward(&mut head, client);
        }
        if let Some((protocol, _)) = &upgrade {
            fields::set_upgrade(&mut head.headers, protocol.clone());
        }
        head.version = Version::HTTP_11;
        head.uri = origin_form(head.uri)?;
        head.extensions.clear();
        let progress = has_body.then(|| Progress::new(Arc::clone(client.pulse()), frontend.timeout.client));
        let body = progress.clone().map(|progress| RequestBody::Stream(body, progress));
        let replayable = !has_body && is_idempotent(&head.method);
        Ok(Self { head, body, replayable, upgrade, progress })
    }

    /// The request to send now. What can be replayed is copied, what cannot is moved.
    fn next(&mut self) -> Request<RequestBody> {
        let head = if self.replayable {
            self.head.clone()
        } else {
            std::mem::replace(&mut self.head, Request::new(()).into_parts().0)
        };
        Request::from_parts(head, self.body.take().unwrap_or(RequestBody::Empty))
    }

    /// What a failed attempt means, and whether another one is safe.
    fn failed(&mut self, error: SendError, connection: &Connection) -> Failed {
        let SendError { cause, unsent, answer_begun, ended } = error;
        if let Some(request) = unsent {
            let (head, body) = request.into_parts();
            self.head = head;
            self.body = matches!(body, RequestBody::Stream(..)).then_some(body);
            return Failed { error: ProxyError::ServerBroke, retry: true, reused: connection.is_reused() };
        }
        let error = match ended {
            Some(Ended::Overdue(_)) => ProxyError::ServerTimeout,
            Some(Ended::Killed) => ProxyError::Killed,
            None if self.progress.as_ref().is_some_and(|progress| progress.is_failed()) => {
                ProxyError::ClientBroke
            }
            None if cause.is_parse() => ProxyError::BadResponse,
            None => ProxyError::ServerBroke,
        };
        let nothing_came = !answer_begun && connection.received() == 0;
        let retry = error == ProxyError::ServerBroke && nothing_came && self.replayable;
        Failed { error, retry, reused: connection.is_reused() }
    }
}

/// Whether doing it twice is the same as doing it once (RFC 9110 section 9.2.2).
fn is_idempotent(method: &Method) -> bool {
    matches!(
        *method,
        Method::GET | Method::HEAD | Method::OPTIONS | Method::PUT | Method::DELETE | Method::TRACE
    )
}

/// The target without scheme and authority, as servers expect it (RFC 9112 section 3.2.1).
fn origin_form(uri: Uri) -> Result<Uri, ProxyError> {
    if uri.authority().is_none() {
        return Ok(uri);
    }
    let mut parts = uri.into_parts();
    (parts.scheme, parts.authority) = (None, None);
    let root = || http::uri::PathAndQuery::from_static("/");
    parts.path_and_query.get_or_insert_with(root);
    Uri::from_parts(parts)
        .map_err(|_| ProxyError::BadRequest("the target is not valid (RFC 9112 section 3.2)"))
}
