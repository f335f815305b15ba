//! Waiting for conditions, with a deadline that only a broken program meets.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

/// How long anything may take before a test gives up; long, because machines that test are busy.
pub const PATIENCE: Duration = Duration::from_secs(20);

const POLL: Duration = Duration::from_millis(5);

/// Waits until `condition` holds.
///
/// # Panics
/// When it does not within [`PATIENCE`]; the message says `what`.
pub async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain: {what}");
        sleep(POLL).await;
    }
}

/// Waits until `value` has been the same for forty looks in a row, and returns it: for things that come to rest.
///
/// # Panics
/// When it does not within [`PATIENCE`]; the message says `what`.
pub async fn settled<T: PartialEq + std::fmt::Debug>(what: &str, mut value: impl FnMut() -> T) -> T {
    let (mut last, mut same) = (value(), 0);
    eventually(what, async || {
        let now = value();
        same = if now == last { same + 1 } else { 0 };
        last = now;
        same >= 40
    })
    .await;
    last
}

/// Runs `future` to its end.
///
/// # Panics
/// When it has not ended within [`PATIENCE`]; the message says `what`.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {PATIENCE:?} in vain: {what}"),
    }
}
