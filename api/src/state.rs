//! What a node knows while it runs: its name and version, how many requests it has seen and when, and whether it is healthy.

use std::io;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::{HeaderValue, StatusCode};
use tokio::sync::Notify;

use crate::options::Options;

pub(crate) struct State {
    pub(crate) name: String,
    pub(crate) version: String,
    name_header: HeaderValue,
    version_header: HeaderValue,
    count: AtomicU64,
    health_checks: AtomicU64,
    /// Nanoseconds from `born` to the last request; 0 while there was none.
    last_request: AtomicU64,
    born: Instant,
    health: AtomicU16,
    seen: Notify,
}

// === impl State ===

impl State {
    pub(crate) fn new(options: &Options) -> io::Result<Self> {
        let header = |text: &str| HeaderValue::from_str(text).map_err(io::Error::other);
        Ok(Self {
            name: options.name.clone(),
            version: options.version.clone(),
            name_header: header(&options.name)?,
            version_header: header(&options.version)?,
            count: AtomicU64::new(0),
            health_checks: AtomicU64::new(0),
            last_request: AtomicU64::new(0),
            born: Instant::now(),
            health: AtomicU16::new(StatusCode::OK.as_u16()),
            seen: Notify::new(),
        })
    }

    /// Counts one request head. Health checks count apart: a server that is out of rotation may still be checked.
    pub(crate) fn see(&self, path: &str) {
        if path == "/health" {
            self.health_checks.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let now = u64::try_from(self.born.elapsed().as_nanos()).unwrap_or(u64::MAX).max(1);
        self.last_request.fetch_max(now, Ordering::Relaxed);
        // Release: a reader of this count also sees the time of its last request.
        self.count.fetch_add(1, Ordering::Release);
        self.seen.notify_waiters();
    }

    pub(crate) fn count(&self) -> u64 {
        self.count.load(Ordering::Acquire)
    }

    pub(crate) fn health_checks(&self) -> u64 {
        self.health_checks.load(Ordering::Relaxed)
    }

    pub(crate) fn last_request_at(&self) -> Option<Instant> {
        match self.last_request.load(Ordering::Relaxed) {
            0 => None,
            nanos => Some(self.born + Duration::from_nanos(nanos)),
        }
    }

    pub(crate) async fn reached(&self, count: u64) {
        loop {
            let mut seen = std::pin::pin!(self.seen.notified());
            // Registered before the look, so that a request in between wakes it.
            seen.as_mut().enable();
            if self.count() >= count {
                return;
            }
            seen.await;
        }
    }

    /// The status `/health` answers; 200 is healthy.
    pub(crate) fn health(&self) -> StatusCode {
        StatusCode::from_u16(self.health.load(Ordering::Relaxed)).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    pub(crate) fn set_health(&self, status: StatusCode) {
        self.health.store(status.as_u16(), Ordering::Relaxed);
    }

    /// Adds the name and version of the node to a response.
    pub(crate) fn sign<B>(&self, response: &mut http::Response<B>) {
        let headers = response.headers_mut();
        headers.insert("x-node", self.name_header.clone());
        headers.insert("x-version", self.version_header.clone());
    }
}
