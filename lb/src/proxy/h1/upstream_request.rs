//! The server's side of HTTP/1.1 up to the head of an answer: a request goes out and its body follows, while the client is watched.
//!
//! It says what failed and whether the request is still whole; whether it is tried again is decided in `attempts`.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::buffers::ExchangeBuffers;
use super::request::{self, Persistence, RequestHead, RewriteContext};
use super::transfer::{Broken, Pump, Trailers, Transfer};
use super::{ANSWER, response};
use crate::config::Forwarded;
use crate::http::field;
use crate::http::framing::Framing;
use crate::http::response::{ResponseContext, ResponseHead};
use crate::net::Ended;
use crate::proxy::attempts::{Failed, OutgoingRequest, connect, take_idle, while_there};
use crate::proxy::error::ProxyError;
use crate::proxy::exchange::Exchange;
use crate::proxy::route::{self, PickHints};
use crate::proxy::ruled::ResponseRules;
use crate::proxy::{Client, DataWorker};
use crate::server::Server;
use crate::stick::{CookieAction, SetCookie};
use crate::topology::Backend;
use crate::upstream::ServerConnection;

/// Interim answers to one request, at most.
pub const MAX_INTERIM: u32 = 32;

/// A request that is being sent.
#[derive(Debug)]
pub(super) struct UpstreamRequest<'a> {
    pub(super) worker: &'a Rc<DataWorker>,
    pub(super) client: &'a Client,
    pub(super) buffers: &'a mut ExchangeBuffers,
    pub(super) head: &'a RequestHead,
    pub(super) upload: Pump,
    pub(super) state: Upload,
    /// The client has closed its side: it may still be listening.
    half_closed: bool,
    /// Its answer is on its way.
    answering: bool,
    interim: u32,
    /// So much of the answer's head has been looked at.
    looked: usize,
}

/// How far a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Upload {
    Going,
    Done,
    /// The server takes no more of it; it may have answered all the same.
    Refused,
}

/// A server's answer: its head is written for the client, its body follows on this connection.
#[derive(Debug)]
pub(super) struct UpstreamResponse {
    pub(super) connection: Box<ServerConnection>,
    pub(super) head: ResponseHead,
}

/// The client has left.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gone;

/// Why there is no answer.
#[derive(Debug, Clone, Copy)]
enum Cause {
    /// Not a byte of the request has left.
    Unsent,
    /// The server closed the connection; whether something of an answer had come.
    Closed(bool),
    /// What came is no answer.
    Faulty,
    /// The server was silent for too long, or somebody ended it.
    Ended(Ended),
    /// The client's body is not valid.
    BadBody,
    /// The client has gone.
    Gone,
    /// The server has gone down; whether nothing is lost when another gets the request.
    Down(bool),
}

// === impl UpstreamRequest ===

impl<'a> UpstreamRequest<'a> {
    /// The request whose head is in `buffers.up`, and of whose body some may be in `buffers.input`.
    #[inline]
    pub(super) fn new(
        worker: &'a Rc<DataWorker>,
        client: &'a Client,
        buffers: &'a mut ExchangeBuffers,
        head: &'a RequestHead,
    ) -> Self {
        let frontend = client.frontend.borrow();
        let config = &frontend.config;
        let text = std::mem::take(&mut buffers.request_head);
        let trailers = Trailers { most: config.max_head, pass: head.trailers };
        let limit = Some(config.timeout.client);
        let upload = Pump::new(text, head.framing, head.framing, trailers, limit);
        Self {
            worker,
            client,
            buffers,
            head,
            upload,
            state: Upload::Going,
            half_closed: false,
            answering: false,
            interim: 0,
            looked: 0,
        }
    }

    /// The answer's head is here: a client that has closed its side is listening, or writing to it will tell.
    pub(super) fn answered(&mut self) {
        self.answering = true;
        if self.half_closed {
            self.client.deadlines().disarm();
        }
    }

    /// No answer came. Says whether all of the request has been read, so that the connection can go on.
    pub(super) fn give_up(&mut self) -> bool {
        let whole = self.state == Upload::Done || self.upload.skip(&mut self.buffers.input);
        self.end_upload();
        whole
    }

    /// Gives back what the upload had borrowed.
    pub(super) fn end_upload(&mut self) {
        self.buffers.request_head = self.upload.end(&self.worker.pool);
    }

    fn is_replayable(&self) -> bool {
        self.head.idempotent && self.head.framing == Framing::None
    }

    /// Sends the request and waits for the head of its answer.
    async fn ask(
        &mut self,
        exchange: &mut Exchange,
        connection: &mut ServerConnection,
        limit: Duration,
        reply: Option<&SetCookie<'_>>,
        rules: Option<&ResponseRules<'_>>,
    ) -> Result<ResponseHead, Cause> {
        self.buffers.answer.clear();
        if self.upload.is_whole() || self.upload.sent() == 0 {
            self.upload.rewind();
            self.state = Upload::Going;
        }
        loop {
            self.buffers.response_head.clear();
            self.looked = 0;
            let (head, given) = poll_fn(|cx| self.poll_head(cx, connection, limit, reply, rules)).await?;
            let last = head.status >= 200 || head.status == 101;
            if last {
                exchange.given(given);
                exchange.capture(&self.buffers.answer.data()[..head.size]);
            }
            self.buffers.answer.consume(head.size);
            if last {
                return Ok(head);
            }
            self.interim += 1;
            if self.interim > MAX_INTERIM {
                return Err(Cause::Faulty);
            }
            // Old clients know of none (RFC 9110 section 15.2).
            if !self.head.old {
                self.client.socket.put_all(&self.buffers.response_head).await.map_err(|_| Cause::Gone)?;
            }
        }
    }

    fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        connection: &ServerConnection,
        limit: Duration,
        reply: Option<&SetCookie<'_>>,
        rules: Option<&ResponseRules<'_>>,
    ) -> Poll<Result<(ResponseHead, CookieAction), Cause>> {
        if let Some(ended) = connection.deadlines().poll_ended(cx) {
            return Poll::Ready(Err(Cause::Ended(ended)));
        }
        let asking = self.state == Upload::Going;
        if asking {
            self.poll_request(cx, connection)?;
            if self.state != Upload::Going {
                connection.deadlines().await_bytes(limit);
            }
        }
        loop {
            let data = self.buffers.answer.data();
            let looked = std::mem::replace(&mut self.looked, data.len());
            let news = data.len() > looked;
            if news && (looked == 0 || field::may_end(data, looked) || data.len() >= ANSWER.max_head) {
                let towards = ResponseContext {
                    is_head: self.head.is_head,
                    old: self.head.old,
                    keep: self.head.keep && self.state == Upload::Done && !self.client.finishing.get(),
                    // Whose request is not at its end cannot speak another protocol yet.
                    upgrade: self.head.upgrade.as_deref().filter(|_| self.state == Upload::Done),
                };
                match response::parse_edited(
                    data,
                    ANSWER,
                    towards,
                    reply,
                    rules,
                    &mut self.buffers.response_head,
                ) {
                    Ok(Some(head)) => return Poll::Ready(Ok(head)),
                    Ok(None) => {}
                    Err(_) => return Poll::Ready(Err(Cause::Faulty)),
                }
            }
            // Who has just been asked has not answered yet, which the event loop knows.
            let filled = if asking && connection.socket.poll_readable(cx).is_pending() {
                Poll::Pending
            } else {
                self.buffers.answer.poll_fill(cx, &connection.socket)
            };
            match filled {
                Poll::Ready(Ok(0) | Err(_)) => {
                    let begun = !self.buffers.answer.is_empty() || self.interim > 0;
                    return Poll::Ready(Err(Cause::Closed(begun)));
                }
                Poll::Ready(Ok(_)) => {}
                Poll::Pending if self.client.is_on_lost_server() => {
                    self.leave_lost_server(connection)?;
                    return Poll::Pending;
                }
                // While the request is being sent its sending tells when the client leaves.
                Poll::Pending if self.state == Upload::Going => return Poll::Pending,
                Poll::Pending => {
                    self.poll_watch(cx).map_err(|Gone| Cause::Gone)?;
                    return Poll::Pending;
                }
            }
        }
    }

    /// Sends what there is of the request.
    fn poll_request(&mut self, cx: &mut Context<'_>, connection: &ServerConnection) -> Result<(), Cause> {
        match self.poll_upload(cx, connection) {
            Poll::Ready(Err(Broken::Source)) => return Err(Cause::Gone),
            Poll::Ready(Err(Broken::Faulty)) => return Err(Cause::BadBody),
            Poll::Ready(Err(Broken::Sink(_))) if self.upload.sent() == 0 => return Err(Cause::Unsent),
            Poll::Ready(Err(Broken::Sink(_))) => self.state = Upload::Refused,
            Poll::Ready(Ok(())) => {
                self.client.deadlines().disarm();
                self.state = Upload::Done;
            }
            Poll::Pending => {}
        }
        Ok(())
    }

    pub(super) fn poll_upload(
        &mut self,
        cx: &mut Context<'_>,
        connection: &ServerConnection,
    ) -> Poll<Result<(), Broken>> {
        // The upload takes what comes, and with it the promise of being woken: who watches the client afterwards has to ask anew.
        self.client.listening.set(false);
        self.upload.poll(
            cx,
            &mut Transfer {
                from: &self.client.socket,
                input: &mut self.buffers.input,
                to: &connection.socket,
                pool: &self.worker.pool,
            },
        )
    }

    /// Looks whether the client is still there; what it sends meanwhile waits for its turn.
    pub(super) fn poll_watch(&mut self, cx: &mut Context<'_>) -> Result<(), Gone> {
        if self.client.woke_since() {
            return Ok(());
        }
        while !self.half_closed {
            // Nearly always there is nothing to read, which the event loop knows.
            let polled = match self.client.socket.poll_readable(cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(_) => self.buffers.input.poll_fill(cx, &self.client.socket),
            };
            match polled {
                Poll::Pending => {
                    self.client.listening.set(!self.buffers.input.is_full());
                    break;
                }
                Poll::Ready(Ok(0)) => {
                    // It may have closed one side or both: that shows when it is written to, or never.
                    self.half_closed = true;
                    if self.answering {
                        break;
                    }
                    let limit = self.client.frontend.borrow().config.timeout.client_fin;
                    self.client.deadlines().await_end(limit);
                }
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(_)) => return Err(Gone),
            }
        }
        Ok(())
    }

    /// Whether nothing is lost when it is sent again, as things are.
    fn can_be_sent_again(&self, connection: &ServerConnection) -> bool {
        // A server that has not seen it has done nothing with it.
        let unseen = connection.is_unsent() && self.upload.is_whole();
        unseen || self.is_replayable() || self.head.idempotent && self.upload.is_whole()
    }

    /// Leaves a server that has gone down before it answered: for another one, if nothing is lost by that and there is one; with an error, if
    /// nothing is heard of the server any more. Otherwise the request stays, since a server that is only found unwell may still answer.
    #[cold]
    fn leave_lost_server(&mut self, connection: &ServerConnection) -> Result<(), Cause> {
        let begun = !self.buffers.answer.is_empty() || self.interim > 0;
        let movable = !begun && (self.upload.sent() == 0 || self.can_be_sent_again(connection));
        let leaves = if movable { self.finds_another() } else { self.client.stays() };
        if leaves {
            return Err(Cause::Down(movable));
        }
        // It waits on, and is woken as before.
        self.client.deadlines().wake();
        Ok(())
    }

    /// Whether another server would take it; if not, it stays where it is.
    fn finds_another(&self) -> bool {
        let there = route::has_another(self.client);
        if !there {
            self.client.stays();
        }
        there
    }

    fn failed(&self, cause: Cause, connection: &ServerConnection) -> Failed {
        let (error, retry) = match cause {
            Cause::Unsent => (ProxyError::ServerBroke, true),
            Cause::Closed(begun) => (ProxyError::ServerBroke, !begun && self.can_be_sent_again(connection)),
            Cause::Down(movable) => (ProxyError::ServerDown, movable),
            Cause::Faulty => (ProxyError::BadResponse, false),
            Cause::Ended(Ended::Overdue(_)) => (ProxyError::ServerTimeout, false),
            Cause::Ended(Ended::Killed) => (ProxyError::Killed, false),
            Cause::BadBody => (ProxyError::ClientBroke, false),
            Cause::Gone => (ProxyError::ClientGone, false),
        };
        let reused = connection.is_reused();
        let pause = error == ProxyError::ServerBroke && !reused && !connection.is_unsent();
        Failed { error, retry, reused, pause }
    }
}

impl OutgoingRequest for UpstreamRequest<'_> {
    type Answer = UpstreamResponse;

    fn poll_interrupted(&mut self, cx: &mut Context<'_>) -> Option<ProxyError> {
        if self.poll_watch(cx).is_err() {
            return Some(ProxyError::ClientGone);
        }
        let leaves = self.client.is_on_lost_server() && self.finds_another();
        leaves.then_some(ProxyError::ServerDown)
    }

    fn write_again(&mut self, backend: &Backend) -> Option<(u64, Option<Box<Persistence>>)> {
        let towards = RewriteContext {
            // What servers are told of the client stands in it already.
            forwarded: Forwarded::Off,
            balance: &backend.config.balance,
            peer: self.client.address.as_bytes(),
            jar: backend.jar.as_ref().map(|jar| (jar, self.worker.wall())),
            keys: [backend.tables.stick.as_ref(), None],
        };
        request::write_again(self.upload.text()?, towards)
    }

    async fn attempt(
        &mut self,
        exchange: &mut Exchange,
        backend: &Backend,
        server: &Server,
        wish: &PickHints,
        fresh: bool,
    ) -> Result<UpstreamResponse, Failed> {
        let reply =
            backend.jar.as_ref().zip(wish.asked).map(|(jar, asked)| {
                SetCookie::new(jar, server.id, asked, self.head.is_post, self.worker.wall())
            });
        let rules = ResponseRules::of(self.client, backend, self.head.variables.as_deref());
        loop {
            let idle = if fresh { None } else { take_idle(self.worker, server, self.is_replayable()) };
            let mut connection = match idle {
                Some(connection) => connection,
                // In a box of its own, as what waits in the queue.
                None => match while_there(self, Box::pin(connect(exchange, backend, server, fresh))).await {
                    Ok(connected) => connected?,
                    Err(error) => {
                        // Nothing of it has left yet.
                        let retry = error == ProxyError::ServerDown;
                        return Err(Failed { error, retry, reused: false, pause: false });
                    }
                },
            };
            exchange.connected(connection.begin(), connection.deadlines());
            let limit = backend.config.timeout.server;
            let cause = match self.ask(exchange, &mut connection, limit, reply.as_ref(), rules.as_ref()).await
            {
                Ok(head) => return Ok(UpstreamResponse { connection, head }),
                Err(cause) => cause,
            };
            if matches!(cause, Cause::Faulty) {
                let (frontend, bytes) = (self.client.frontend.borrow(), self.buffers.answer.data());
                self.worker.shared.capture_response(server, &frontend.live, self.client.peer(), bytes);
            }
            // It had been closed before the request went out: nothing happened, and nobody is to blame.
            if !(connection.is_reused() && matches!(cause, Cause::Unsent)) {
                return Err(self.failed(cause, &connection));
            }
        }
    }
}
