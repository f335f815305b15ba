//! Traffic counters of a frontend, backend or server.
//!
//! [`Traffic`] is the copy that a worker writes, [`Totals`] the sum that reports read. Neither knows what it
//! belongs to.

use super::{Counter, Latencies, Mean, Sharded};

/// Declares the counters once: as atomics for workers and as plain numbers for reports.
macro_rules! traffic {
    ($($(#[doc = $doc:literal])+ $name:ident,)+) => {
        /// Counters of one object, as one worker keeps them.
        #[derive(Debug, Default)]
        pub struct Traffic {
            $($(#[doc = $doc])+ pub $name: Counter,)+
            /// Responses by class: 1xx to 5xx, then any other status.
            pub responses: [Counter; 6],
            /// Milliseconds in the queue.
            pub queue_time: Mean,
            /// Milliseconds to connect.
            pub connect_time: Mean,
            /// Milliseconds from the request's end to the response's head.
            pub response_time: Mean,
            /// Milliseconds for the whole exchange.
            pub total_time: Mean,
            /// From the request's arrival to the response's head.
            pub latency: Latencies,
        }

        /// Sums over all workers at one moment.
        #[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
        pub struct Totals {
            $($(#[doc = $doc])+ pub $name: u64,)+
            /// Responses by class: 1xx to 5xx, then any other status.
            pub responses: [u64; 6],
        }

        impl Totals {
            /// Adds up the copies of all workers.
            pub fn of(sharded: &Sharded<Traffic>) -> Self {
                let mut totals = Self::default();
                for shard in sharded.all() {
                    $(totals.$name += shard.$name.get();)+
                    for (total, counter) in totals.responses.iter_mut().zip(&shard.responses) {
                        *total += counter.get();
                    }
                }
                totals
            }

            /// What was counted since the earlier reading `base`.
            #[must_use]
            pub fn since(&self, base: &Self) -> Self {
                let mut totals = *self;
                $(totals.$name = self.$name.wrapping_sub(base.$name);)+
                for (total, base) in totals.responses.iter_mut().zip(&base.responses) {
                    *total = total.wrapping_sub(*base);
                }
                totals
            }
        }
    };
}

traffic! {
    /// Client connections accepted (frontends).
    connections,
    /// Exchanges: requests that reached this object.
    requests,
    /// Bytes from clients: heads as received and bodies.
    bytes_in,
    /// Bytes to clients: heads and bodies.
    bytes_out,
    /// Bytes to servers: heads as written and bodies, of every attempt.
    server_bytes_out,
    /// Bytes from servers: heads as received and bodies.
    server_bytes_in,
    /// Exchanges that have ended (frontends).
    ended,
    /// Bad or broken requests.
    request_errors,
    /// Requests that a rule rejected.
    denied,
    /// Requests that a rule answered in a server's place (frontends).
    intercepted,
    /// Failed connections to a server.
    connect_errors,
    /// Bad or broken responses of a server.
    response_errors,
    /// Attempts after the first.
    retries,
    /// Attempts on another server than the first.
    redispatches,
    /// Transfers that the client aborted.
    client_aborts,
    /// Transfers that the server aborted.
    server_aborts,
    /// How often the balancer chose this object.
    chosen,
    /// Connections opened to a server.
    connects,
    /// Exchanges on a reused connection.
    reuses,
    /// Exchanges that failed because of a fault in lb.
    internal_errors,
    /// Requests that lb answered with 5xx itself, because it had no server or no response (frontends).
    unserved,
}

// === impl Traffic ===

impl Traffic {
    /// Counts a response's status.
    #[inline]
    pub fn status(&self, status: u16) {
        self.responses[Self::class(status)].add(1);
    }

    /// The index of a status in [`Self::responses`].
    #[inline]
    pub fn class(status: u16) -> usize {
        match status / 100 {
            class @ 1..=5 => usize::from(class) - 1,
            _ => 5,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_sums_and_differences() {
        let sharded = Sharded::<Traffic>::new(1);
        sharded.mine().requests.add(2);
        sharded.mine().status(204);
        sharded.mine().status(999);
        let base = Totals::of(&sharded);
        sharded.mine().requests.add(3);
        let now = Totals::of(&sharded);
        assert_eq!((base.requests, base.responses), (2, [0, 1, 0, 0, 0, 1]));
        assert_eq!(now.since(&base), Totals { requests: 3, ..Totals::default() });
    }
}
