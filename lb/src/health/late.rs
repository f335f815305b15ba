//! Measures how late the timers of this thread fire while a check is under way.
//!
//! A check that ran out of time says nothing about the server when the time was lost here: the thread did not run, or the whole process was
//! stopped.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Clock readings within a check's time limit.
const LOOKS: u32 = 16;
/// Minimum interval between two readings.
const SHORTEST: Duration = Duration::from_millis(10);
/// Timers have a resolution of milliseconds: less is not late.
const RESOLUTION: Duration = Duration::from_millis(2);
/// A check counts if at most one part in `SHARE` of its time limit was lost on this thread.
const SHARE: u32 = 4;

/// Runs `work`, whose time limit is `limit`. Returns its result, and whether so much of its time was lost on this
/// thread that a timeout means nothing.
pub(super) async fn measured<T>(limit: Duration, work: impl Future<Output = T>) -> (T, bool) {
    let every = (limit / LOOKS).max(SHORTEST);
    let mut lost = Duration::ZERO;
    let mut next = Instant::now() + every;
    tokio::pin!(work);
    let result = loop {
        tokio::select! {
            // In this order the lost time is known before `work` sees its timeout.
            biased;
            () = sleep_until(next) => {
                lost += lateness(next);
                next = Instant::now() + every;
            }
            result = &mut work => break result,
        }
    };
    lost += lateness(next);
    (result, lost * SHARE >= limit)
}

fn lateness(expected: Instant) -> Duration {
    Instant::now().saturating_duration_since(expected).saturating_sub(RESOLUTION)
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, sleep};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn only_time_that_was_lost_here_counts() {
        assert_eq!(measured(SECOND, async { 1 }).await, (1, false));
        assert_eq!(measured(SECOND, sleep(SECOND)).await, ((), false), "a slow server");
        assert_eq!(measured(SECOND, sleep(SECOND * 60)).await, ((), false));
        // The clock jumps, as for a thread that did not run.
        assert_eq!(measured(SECOND, advance(SECOND * 5)).await, ((), true));
        let in_the_middle = async {
            sleep(SECOND / 3).await;
            advance(SECOND).await;
            sleep(SECOND / 3).await;
        };
        assert_eq!(measured(SECOND, in_the_middle).await, ((), true));
        let many_short_ones = async {
            for _ in 0..10 {
                advance(SECOND / 8).await;
                tokio::task::yield_now().await;
            }
        };
        assert_eq!(measured(SECOND, many_short_ones).await, ((), true));
        assert_eq!(measured(SECOND, advance(SECOND / 10)).await, ((), false), "little was lost");
    }
}
