//! Settling an account: the counters, the means and the log record, once.

use super::super::access::{AccessRecord, LoadSnapshot};
use super::{Attempt, Exchange, Passed, RequestLine, Termination, Times};
use crate::counters::{Bucket, Traffic};
use crate::net::Ended;
use crate::net::deadlines::WaitKind;
use crate::server::Server;

/// What passed on the client's connection.
#[derive(Clone, Copy)]
struct Bytes {
    received: u64,
    sent: u64,
}

/// How long the phases took, milliseconds.
struct Durations {
    queue: u64,
    connect: u64,
    response: u64,
    total: u64,
}

// === impl Exchange ===

impl Exchange {
    pub(super) fn settle(&mut self) {
        let passed = self.attempt.take().map(Attempt::passed).unwrap_or_default();
        self.leave_queue();
        let took = self.durations();
        let termination = self.termination.unwrap_or_else(|| self.broken_off());
        let client = &self.client;
        let received = client.deadlines().received();
        let sent = client.deadlines().sent();
        let bytes = Bytes {
            received: received - client.received_before.replace(received),
            sent: sent - client.sent_before.replace(sent),
        };
        self.count_all(bytes, passed, &took);
        if let Some((table, key)) = self.keys.as_ref().and_then(|keys| keys.tracked.as_ref()) {
            table.leave(key, bytes.received, bytes.sent, self.status);
        }
        let server = self.server().filter(|_| self.request.is_some()).cloned();
        if let Some(backend) = &self.backend {
            backend.live.sessions.down();
        }
        self.claim = None;
        self.client.end();
        if let Some(request) = self.request.take() {
            self.log(&request, server.as_deref(), termination, bytes, took.total);
        }
    }

    /// Nobody has said how it ended: its client's connection dropped it, or it is unwound.
    fn broken_off(&mut self) -> Termination {
        if std::thread::panicking() {
            let count = |traffic: &Traffic| traffic.internal_errors.add(1);
            self.client.count(|traffic| {
                count(traffic);
                traffic.ended.add(1);
            });
            self.count(count);
            return Termination::internal(self.phase);
        }
        self.count(|traffic| traffic.client_aborts.add(1));
        let ended = self.client.deadlines().ended();
        if ended == Some(Ended::Overdue(WaitKind::Bytes)) && !self.client.answered.get() {
            // The last word of its connection.
            self.status = 408;
            self.request_failed();
        }
        Termination::dropped(ended, self.phase)
    }

    fn durations(&self) -> Durations {
        let Times { queue, connect, head } = self.times;
        let queued = queue.unwrap_or(0);
        let connected = connect.unwrap_or(queued);
        Durations {
            queue: queued,
            connect: connected.saturating_sub(queued),
            response: head.map_or(0, |at| at.saturating_sub(connected)),
            total: self.total.unwrap_or_else(|| self.elapsed()),
        }
    }

    fn count_all(&self, bytes: Bytes, passed: Passed, took: &Durations) {
        let class = (self.status != 0).then(|| Traffic::class(self.status));
        let count = |traffic: &Traffic| {
            passed.count(traffic);
            traffic.bytes_in.add(bytes.received);
            traffic.bytes_out.add(bytes.sent);
            if let Some(responses) = class.and_then(|class| traffic.responses.get(class)) {
                responses.add(1);
            }
        };
        self.client.count(count);
        let wall = self.client.worker.wall.get();
        // What got no head at all waited until its end.
        let latency = Bucket::of(self.latency.unwrap_or_else(|| self.started.elapsed()));
        for tally in self.tallies() {
            let traffic = tally.mine();
            count(traffic);
            traffic.queue_time.record(took.queue);
            traffic.connect_time.record(took.connect);
            traffic.response_time.record(took.response);
            traffic.total_time.record(took.total);
            traffic.latency.record(latency);
            tally.maxima.queue_time.record(took.queue);
            tally.maxima.connect_time.record(took.connect);
            tally.maxima.response_time.record(took.response);
            tally.maxima.total_time.record(took.total);
            tally.touch(wall);
        }
    }

    /// Hands the log what it needs. The numbers beside it are those without this exchange, as with HAProxy.
    fn log(
        &self,
        request: &RequestLine,
        server: Option<&Server>,
        termination: Termination,
        bytes: Bytes,
        total: u64,
    ) {
        let (worker, frontend) = (&self.client.worker, &**self.client.frontend.borrow());
        let backend = self.backend.as_ref().map(|backend| &*backend.live);
        let standing = LoadSnapshot {
            process: worker.shared.process.connections.get(),
            frontend: frontend.live.sessions.get(),
            backend: backend.map_or(0, |backend| backend.sessions.get()),
            server: server.map_or(0, Server::in_flight),
            waiting: backend.map_or(0, |backend| backend.queue.waiting().get()),
        };
        let record = AccessRecord {
            peer: self.client.peer(),
            address: self.client.address.as_bytes(),
            frontend,
            backend,
            server,
            request,
            arriving: self.arriving,
            times: self.times,
            total,
            status: self.status,
            bytes_in: bytes.received,
            bytes_out: bytes.sent,
            retries: self.retries,
            redispatched: self.redispatched,
            queue_position: self.queue_position,
            termination,
            cookie: self.cookie,
            standing,
        };
        worker.lines.add(|format, out| record.write(format, out));
    }
}
