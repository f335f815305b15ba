//! Turns the process's signals into messages.

use std::io;

use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::Signal;

/// Listens from now on: SIGTERM, SIGINT and SIGUSR1 stop, SIGHUP and SIGUSR2 reload (systemd units for HAProxy
/// send the latter).
///
/// # Errors
/// The system cannot register a handler.
#[cfg(unix)]
pub(super) fn listen(runtime: &Runtime) -> io::Result<UnboundedReceiver<Signal>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (sender, receiver) = unbounded_channel();
    let kinds = [
        (SignalKind::terminate(), Signal::Stop),
        (SignalKind::interrupt(), Signal::Stop),
        (SignalKind::user_defined1(), Signal::Stop),
        (SignalKind::hangup(), Signal::Reload),
        (SignalKind::user_defined2(), Signal::Reload),
    ];
    let _inside = runtime.enter();
    for (kind, meaning) in kinds {
        let mut stream = signal(kind)?;
        let sender = sender.clone();
        runtime.spawn(async move { while stream.recv().await.is_some() && sender.send(meaning).is_ok() {} });
    }
    Ok(receiver)
}

/// Listens from now on: Ctrl-C stops.
///
/// # Errors
/// The system cannot register a handler.
#[cfg(not(unix))]
pub(super) fn listen(runtime: &Runtime) -> io::Result<UnboundedReceiver<Signal>> {
    let (sender, receiver) = unbounded_channel();
    runtime.spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() && sender.send(Signal::Stop).is_ok() {}
    });
    Ok(receiver)
}
