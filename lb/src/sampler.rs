//! Takes the samples that rates are made of.
//!
//! Workers only count; somebody has to look at the counts regularly, and it is not them. The same clock warms servers up that are in
//! their slow start, and asks logs what has become of them. It refuses to know what a rate means.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::control::{Control, Event};
use crate::net::limits;
use crate::topology::Topology;

/// Between two samples.
const EVERY: Duration = Duration::from_millis(100);

/// Samples between two looks at servers that warm up.
const WARM_EVERY: u32 = 5;

/// Between two words about shortages.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Shortages that the operator has been told of, and when.
#[derive(Default)]
struct ReportedShortages {
    counts: [u64; 3],
    at: Option<Instant>,
}

/// Samples every tally of every frontend, backend and server ten times a second until `stop` is cancelled.
pub async fn run(control: Arc<Control>, stop: CancellationToken) {
    let (mut warming, mut count) = (Vec::new(), 0u32);
    let mut told = ReportedShortages::default();
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            now = ticks.tick() => {
                sample(&control.topology(), now);
                told.tell(&control, now);
                count = (count + 1) % WARM_EVERY;
                if count == 0 {
                    warming = control.warm(&warming);
                    control.tell_of_logs();
                }
            }
        }
    }
}

fn sample(topology: &Topology, now: Instant) {
    topology.frontends.iter().for_each(|frontend| frontend.live.tally.sample(now));
    topology.backends.iter().for_each(|backend| backend.live.tally.sample(now));
    topology.servers().for_each(|server| server.stats.tally.sample(now));
}

// === impl ReportedShortages ===

impl ReportedShortages {
    /// Says what has failed for want of descriptors, memory or ports since the last time, now and then.
    fn tell(&mut self, control: &Control, now: Instant) {
        let short = &control.shared().process.shortages;
        let counts = [short.accepts.get(), short.connects.get(), short.checks.get()];
        if counts == self.counts || self.at.is_some_and(|at| now < at + TELL_EVERY) {
            return;
        }
        let [clients, connections, checks] = [0, 1, 2].map(|at| counts[at] - self.counts[at]);
        (self.counts, self.at) = (counts, Some(now));
        let limit = limits::open_files().map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string());
        let text = format!(
            "out of descriptors, memory or ports: {clients} attempts to accept a client, {connections} connections to servers and {checks} \
             checks failed; the health of servers does not change by this; the limit of open files is {limit}"
        );
        control.emit(&Event::Notice { text: &text });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::fixture::Fixture;
    use crate::counters::Tally;

    #[tokio::test(start_paused = true)]
    async fn rates_follow_what_was_counted_in_the_last_second() {
        let fixture = Fixture::new("[backend.be.servers]\ns1 = \"127.0.0.1:9\"");
        let stop = CancellationToken::new();
        let sampler = tokio::spawn(run(Arc::clone(&fixture.control), stop.clone()));
        let topology = fixture.control.topology();
        let tallies = [
            &topology.frontends[0].live.tally,
            &topology.backends[0].live.tally,
            &topology.backends[0].servers[0].stats.tally,
        ];
        tokio::time::sleep(EVERY).await;
        tallies.iter().for_each(|tally| tally.mine().requests.add(7));
        tokio::time::sleep(EVERY * 5).await;
        assert_eq!(tallies.map(Tally::request_rate), [(7, 7); 3]);
        tokio::time::sleep(EVERY * 11).await;
        assert_eq!(tallies.map(Tally::request_rate), [(0, 7); 3]);
        stop.cancel();
        sampler.await.unwrap();
    }
}
