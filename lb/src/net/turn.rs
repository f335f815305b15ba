//! Yields to other tasks, and to the event loop.
//!
//! A task that only wakes itself runs again before the event loop is polled: a worker polls up to 61 tasks in
//! between. Sockets are read and written without tokio's cooperative budget, so the code that serves a connection
//! must bound its work by itself.

use std::pin::pin;
use std::task::Context;

/// Ends a turn although work is left: the task is woken after the event loop was polled. The caller returns
/// `Pending`.
#[cold]
pub fn end(cx: &mut Context<'_>) {
    // The first poll defers the waker to the scheduler; no further poll is needed.
    let _ = pin!(tokio::task::yield_now()).poll(cx);
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::poll_fn;
    use std::rc::Rc;
    use std::task::Poll;

    use tokio::net::{TcpListener, TcpStream};
    use tokio::task::{LocalSet, spawn_local};

    use super::*;

    /// Breaks when a busy task is polled again before the event loop: a new connection is then noticed after
    /// 61 turns at the earliest.
    #[test]
    fn the_event_loop_is_asked_between_two_turns() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let seen_after = runtime.block_on(LocalSet::new().run_until(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let (turns, accepted) = (Rc::new(Cell::new(0_u32)), Rc::new(Cell::new(false)));
            let is_accepted = Rc::clone(&accepted);
            let accepting = spawn_local(async move {
                listener.accept().await.unwrap();
                is_accepted.set(true);
            });
            tokio::task::yield_now().await;
            let client = std::net::TcpStream::connect(address).unwrap();
            poll_fn(|cx| {
                if accepted.get() {
                    return Poll::Ready(());
                }
                turns.set(turns.get() + 1);
                end(cx);
                Poll::Pending
            })
            .await;
            accepting.await.unwrap();
            drop((client, TcpStream::connect(address)));
            turns.get()
        }));
        assert!(seen_after < 20, "{seen_after} turns");
    }
}
