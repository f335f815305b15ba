//! Settling an account: the counters, the means and the log record, once.

use std::rc::Rc;
use std::sync::Arc;

use super::super::access::AccessRecord;
use super::{Exchange, Termination, Times};
use crate::counters::Traffic;

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
        let client = Rc::clone(&self.client);
        let took = self.durations();
        let termination = self.termination.unwrap_or_else(|| {
            self.count(|traffic| traffic.client_aborts.add(1));
            Termination::dropped(client.pulse().ended(), self.phase)
        });
        let received = client.pulse().received();
        let sent = client.pulse().sent();
        let bytes = Bytes {
            received: received - client.received_before.replace(received),
            sent: sent - client.sent_before.replace(sent),
        };
        self.count_all(bytes, &took);
        self.log(termination, bytes, took.total);
        if let Some(backend) = &self.backend {
            backend.live.sessions.down();
        }
        self.claim = None;
        client.end();
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

    fn count_all(&self, bytes: Bytes, took: &Durations) {
        let count = |traffic: &Traffic| {
            traffic.bytes_in.add(bytes.received);
            traffic.bytes_out.add(bytes.sent);
            if self.status != 0 {
                traffic.status(self.status);
            }
        };
        count(self.client.frontend.live.tally.mine());
        let wall = self.worker.wall.get();
        for tally in self.tallies() {
            let traffic = tally.mine();
            count(traffic);
            traffic.queue_time.record(took.queue);
            traffic.connect_time.record(took.connect);
            traffic.response_time.record(took.response);
            traffic.total_time.record(took.total);
            tally.maxima.queue_time.record(took.queue);
            tally.maxima.connect_time.record(took.connect);
            tally.maxima.response_time.record(took.response);
            tally.maxima.total_time.record(took.total);
            tally.touch(wall);
        }
    }

    fn log(&mut self, termination: Termination, bytes: Bytes, total: u64) {
        let Some(request) = self.request.take() else { return };
        self.worker.log.send(Box::new(AccessRecord {
            peer: self.client.peer,
            frontend: Arc::clone(&self.client.frontend.live),
            backend: self.backend.as_ref().map(|backend| Arc::clone(&backend.live)),
            server: self.server().cloned(),
            request: *request,
            times: self.times,
            total,
            status: self.status,
            bytes_in: bytes.received,
            bytes_out: bytes.sent,
            retries: self.retries,
            redispatched: self.redispatched,
            termination,
            connections: self.worker.shared.process.connections.get(),
            format: self.worker.format,
        }));
    }
}
