//! The client's side of HTTP/1.1: one connection, request after request.
//!
//! It reads heads, answers what cannot be passed on, and decides whether the connection goes on. It refuses to know servers.

use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use super::buffers::ExchangeBuffers;
use super::request::{self, RequestHead};
use super::upstream_request::UpstreamRequest;
use super::{deliver, ruled};
use crate::config::Balance;
use crate::http::head::{FieldSpace, Limits};
use crate::http::response::{self, ResponseContext};
use crate::http::{self, field};
use crate::proxy::attempts::Turn;
use crate::proxy::client::{PARTING, Rest};
use crate::proxy::error::ProxyError;
use crate::proxy::exchange::{Exchange, RequestLine};
use crate::proxy::route::PickHints;
use crate::proxy::ruled::RuledRequest;
use crate::proxy::{Client, DataWorker, attempts, route};
use crate::rules::Verdict;
use crate::topology::Backend;

/// What HTTP/2 begins with, where it begins without being asked for (RFC 9113 section 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// How a connection ended, as far as this side has done it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing is left to do.
    Closed,
    /// The client may still be sending: it has to be given time to read the last answer.
    Linger,
    /// It speaks HTTP/2; these bytes have been read of it.
    Http2(Vec<u8>),
}

/// What a connection that waits has waited for.
enum Waited {
    /// A request, or the end.
    News,
    /// It has been quiet for some time.
    Quiet,
}

/// A request whose head is whole: where it leads, and what was read of it. Its head for the server is in `buffers.request_head`.
struct Decided {
    backend: Result<Arc<Backend>, ProxyError>,
    head: RequestHead,
    /// What rules say of it.
    verdict: Verdict,
}

/// Why there is no head.
enum Unread {
    /// The client has left, in front of it or in the midst of it.
    Left,
    /// It is the beginning of HTTP/2.
    Http2,
    /// While it arrived the configuration changed: what has come is to be looked at once more.
    Outdated,
    /// It cannot be passed on.
    Refused(ProxyError),
}

/// Serves requests until the connection ends.
pub(super) async fn serve(client: &Rc<Client>) -> End {
    loop {
        wait(client).await;
        // In a box of its own, so that a connection that is quiet is small.
        if let Some(end) = Box::pin(busy(&client.worker, client)).await {
            return end;
        }
    }
}

/// Serves the one request of a stream.
pub(super) async fn serve_stream(worker: &Rc<DataWorker>, client: &Rc<Client>) {
    let mut buffers = ExchangeBuffers::of_stream(client.frontend.borrow().config.max_head);
    // Whether the connection could go on means nothing here.
    let _ = one(worker, client, &mut buffers).await;
}

/// Waits for a request.
async fn wait(client: &Client) -> Waited {
    poll_fn(|cx| {
        if client.rest.get() == Rest::Over {
            return Poll::Ready(Waited::Quiet);
        }
        if client.listening.get() {
            return if client.woke_since() { Poll::Pending } else { Poll::Ready(Waited::News) };
        }
        // An error is news that reading will tell.
        let polled = client.socket.poll_readable(cx).map(|_| Waited::News);
        client.listening.set(polled.is_pending());
        polled
    })
    .await
}

/// Serves what comes, until the connection ends or is quiet.
async fn busy(worker: &Rc<DataWorker>, client: &Rc<Client>) -> Option<End> {
    loop {
        let mut buffers = worker.pool.take();
        loop {
            let end = one(worker, client, &mut buffers).await;
            if end.is_some() {
                return end;
            }
            // A connection that shall end says so in the answer to the next request.
            if buffers.input.is_empty() {
                break;
            }
            if buffers.input.data() == b"\r\n" {
                // Some clients send an empty line behind a body: no request begins with it.
                buffers.input.clear();
                break;
            }
            // The next request has begun: the rest of its head is awaited.
            client.deadlines().await_request(None, client.frontend.borrow().config.timeout.http_request);
        }
        worker.pool.give(buffers);
        await_next(client);
        if !worker.begin_rest(client) {
            return None;
        }
        let waited = wait(client).await;
        worker.end_rest(client);
        match waited {
            Waited::News => {}
            Waited::Quiet => return None,
        }
    }
}

/// Gives the client time for its next request.
#[inline]
fn await_next(client: &Client) {
    let frontend = client.frontend.borrow();
    let limits = &frontend.config.timeout;
    let quiet = if client.finishing.get() { PARTING } else { limits.http_keep_alive };
    client.deadlines().await_request(Some(quiet), limits.http_request);
}

/// Serves one request.
async fn one(worker: &Rc<DataWorker>, client: &Rc<Client>, buffers: &mut ExchangeBuffers) -> Option<End> {
    let Decided { backend, mut head, verdict } = loop {
        buffers.request_head.clear();
        match read_head(client, buffers).await {
            Ok(decided) => break decided,
            Err(Unread::Outdated) => {}
            Err(Unread::Http2) => return Some(End::Http2(buffers.input.data().to_vec())),
            Err(Unread::Left) => {
                route::follow(client);
                if !buffers.input.is_empty() {
                    unread(client, false);
                }
                return Some(End::Closed);
            }
            Err(Unread::Refused(error)) => {
                return Some(Box::pin(refuse(worker, client, buffers, error)).await);
            }
        }
    };
    client.deadlines().disarm();
    let line = worker.logs().then(|| RequestLine::new(buffers.input.data(), &head, client));
    let mut exchange = Exchange::begin(client, line);
    buffers.input.consume(head.size);
    let mut ties = head.ties.take();
    if let Some(ties) = &mut ties {
        exchange.track(ties.tracked.take());
    }
    if verdict != Verdict::Continue {
        return Box::pin(ruled::end(&mut exchange, buffers, &head, verdict)).await;
    }
    let backend = match backend {
        Ok(backend) => backend,
        Err(error) => return Box::pin(answer(&mut exchange, buffers, &head, error, false)).await,
    };
    let mut asking = UpstreamRequest::new(worker, client, buffers, &head);
    let wish = PickHints::new(head.key, ties.as_deref(), &backend);
    let mut turn = Turn::new(backend, wish);
    if let Some(ties) = ties {
        exchange.sticks(ties.bound);
    }
    match attempts::until_answered(&mut exchange, &mut turn, &mut asking).await {
        Ok(answered) => deliver::deliver(&mut exchange, &mut asking, answered).await,
        // There is nobody to tell; dropping the account says so.
        Err(ProxyError::ClientGone) => Some(End::Closed),
        Err(error) => {
            let whole = asking.give_up();
            Box::pin(answer(&mut exchange, asking.buffers, &head, error, whole)).await
        }
    }
}

/// Reads a head, decides where it leads, and writes it for that backend's servers.
async fn read_head(client: &Client, buffers: &mut ExchangeBuffers) -> Result<Decided, Unread> {
    let limits = limits_of(client);
    if buffers.input.size() < limits.max_head {
        buffers.input.grow(limits.max_head);
    }
    let mut looked = 0;
    let mut waited = false;
    poll_fn(|cx| {
        // While the client was waited for, its frontend may have got other limits.
        if waited && route::follow(client) {
            return Poll::Ready(Err(Unread::Outdated));
        }
        loop {
            let data = buffers.input.data();
            // One empty line before a request is forgiven (RFC 9112 section 2.2).
            if looked == 0 && data.starts_with(b"\r\n") {
                buffers.input.consume(2);
                looked = 1;
                continue;
            }
            let first = looked <= 1;
            if data.len() >= looked && !data.is_empty() && data != b"\r" {
                if first && client.requests.get() == 0 && is_preface(data) {
                    if data.len() >= PREFACE.len() {
                        return Poll::Ready(Err(Unread::Http2));
                    }
                } else if (first || data.len() > limits.max_head || field::may_end(data, looked))
                    && let Some(decided) = decide(client, data, limits, &mut buffers.request_head)?
                {
                    return Poll::Ready(Ok(decided));
                } else {
                    if first {
                        client.arrives();
                    }
                    looked = data.len();
                }
            }
            match buffers.input.poll_fill(cx, &client.socket) {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Err(Unread::Left)),
                Poll::Ready(Ok(_)) => {}
                Poll::Pending => {
                    if !waited && route::follow(client) {
                        client
                            .deadlines()
                            .await_request(None, client.frontend.borrow().config.timeout.http_request);
                        return Poll::Ready(Err(Unread::Outdated));
                    }
                    waited = true;
                    return Poll::Pending;
                }
            }
        }
    })
    .await
}

fn limits_of(client: &Client) -> Limits {
    let frontend = client.frontend.borrow();
    Limits { max_head: frontend.config.max_head, max_fields: frontend.config.max_headers }
}

/// Parses and judges the head at the start of `data`, chooses its backend by the snapshot in force, and writes it for that; nothing when it is
/// not whole yet.
#[inline]
fn decide(
    client: &Client,
    data: &[u8],
    limits: Limits,
    out: &mut Vec<u8>,
) -> Result<Option<Decided>, Unread> {
    let mut space = FieldSpace::new();
    let request = match http::request::parse(data, limits, &mut space) {
        Ok(Some(request)) => request,
        Ok(None) => return Ok(None),
        // It may be valid by the limits that are in force by now.
        Err(_) if route::follow(client) => return Err(Unread::Outdated),
        Err(error) => return Err(Unread::Refused(error.into())),
    };
    client.routed.set(None);
    let mut backend = route::begin(client);
    let frontend = client.frontend.borrow();
    let config = &frontend.config;
    if config.max_head != limits.max_head || config.max_headers != limits.max_fields {
        return Err(Unread::Outdated);
    }
    let mut ruled = None;
    if frontend.rules.is_some() || backend.as_ref().is_ok_and(|backend| backend.rules.is_some()) {
        ruled = Some(Box::new(RuledRequest::new(client, &request, &frontend, &mut backend)));
    }
    let chosen = backend.as_ref().ok();
    let towards = request::RewriteContext {
        forwarded: config.forwarded,
        balance: chosen.map_or(&Balance::RoundRobin, |backend| &backend.config.balance),
        peer: client.address.as_bytes(),
        jar: chosen.and_then(|backend| backend.jar.as_ref()).map(|jar| (jar, client.worker.wall())),
        keys: [chosen.and_then(|backend| backend.tables.stick.as_ref()), frontend.track.as_ref()],
    };
    let Some(ruled) = ruled else {
        let head = request::write(request, towards, out);
        return Ok(Some(Decided { backend, head, verdict: Verdict::Continue }));
    };
    let RuledRequest { verdict, edits, variables } = *ruled;
    let mut head = request::write_edited(request, towards, edits, out);
    head.variables = Some(variables).filter(|variables| !variables.is_empty()).map(Box::new);
    Ok(Some(Decided { backend, head, verdict }))
}

/// Writes down a request whose head never became whole: the client left, or was too slow.
pub(super) fn unread(client: &Rc<Client>, late: bool) {
    Exchange::begin(client, client.worker.logs().then(RequestLine::bad)).unread(late);
}

fn is_preface(data: &[u8]) -> bool {
    PREFACE.starts_with(&data[..data.len().min(PREFACE.len())])
}

/// Answers a head that is none.
async fn refuse(
    worker: &Rc<DataWorker>,
    client: &Rc<Client>,
    buffers: &mut ExchangeBuffers,
    error: ProxyError,
) -> End {
    client.deadlines().disarm();
    let line = worker.logs().then(RequestLine::bad);
    let mut exchange = Exchange::begin(client, line);
    exchange.failed(error);
    worker.shared.capture_request(&client.frontend.borrow().live, client.peer(), buffers.input.data());
    // As much of the method as there is tells whether a body would be taken for something else.
    let is_head = buffers.input.data().starts_with(b"HEAD ");
    let towards = ResponseContext { is_head, old: false, keep: false, upgrade: None };
    // When it cannot be sent the client has gone, and the end is the same.
    let _ = say(client, &mut buffers.response_head, error, false, towards).await;
    End::Linger
}

/// Answers a request for which no server has an answer; `whole` when all of it has been read.
pub(super) async fn answer(
    exchange: &mut Exchange,
    buffers: &mut ExchangeBuffers,
    head: &RequestHead,
    error: ProxyError,
    whole: bool,
) -> Option<End> {
    if !buffers.input.is_empty() {
        // The next request is here. Nothing is waited for between them: without this a client that goes on asking would be the only one
        // that is served.
        tokio::task::yield_now().await;
    }
    let client = Rc::clone(&exchange.client);
    exchange.failed(error);
    let keep = whole && head.keep && !error.is_clients_fault() && !client.finishing.get();
    let towards = ResponseContext { is_head: head.is_head, old: head.old, keep, upgrade: None };
    let said = say(&client, &mut buffers.response_head, error, keep, towards).await;
    match said {
        Ok(()) if keep => None,
        Ok(()) => Some(End::Linger),
        Err(_) => Some(End::Closed),
    }
}

async fn say(
    client: &Client,
    down: &mut Vec<u8>,
    error: ProxyError,
    keep: bool,
    towards: ResponseContext<'_>,
) -> io::Result<()> {
    down.clear();
    response::write_own(down, error.status(), &format!("lb: {error}\n"), keep, towards);
    client.socket.put_all(down).await
}
