//! Readers of reports: the connections to pages and runtime sockets, and the renderings that are made for them.
//!
//! However many read, and however slowly: few renderings are made at a time, what was rendered and not read has a bound in bytes, and
//! connections that are idle or stuck make room for new ones. This module does not know what is rendered, and no protocol.

mod connections;
mod renderings;

use std::sync::Arc;

pub use connections::{ReaderSlot, ServiceReaders};
pub use renderings::{MOST_BYTES, Refused, Rendering};

use connections::Connections;
use renderings::Renderings;

/// All readers of the process; clones share them.
#[derive(Debug, Clone, Default)]
pub struct Readers(Arc<All>);

#[derive(Debug, Default)]
struct All {
    connections: Connections,
    renderings: Renderings,
}

// === impl Readers ===

impl Readers {
    /// A service with at most `capacity` connections at once.
    pub fn group(&self, capacity: usize) -> ServiceReaders {
        ServiceReaders::new(self, capacity)
    }

    /// Returns the text that `make` renders. Rendering begins after this call; readers that ask with the same
    /// key before it begins share it.
    ///
    /// # Errors
    /// `Busy` when too many readers wait, or too much is rendered but not read; `Said` with the message that
    /// `make` returned instead.
    pub async fn rendering(
        &self,
        key: String,
        make: impl FnOnce() -> Result<String, String> + Send + 'static,
    ) -> Result<Rendering, Refused> {
        self.0.renderings.shared(self, key, make).await
    }

    /// Makes one part of a rendering that is made in parts, in turn with all others; each reader holds one
    /// small part at a time. `None` when `make` panics.
    pub async fn part<T: Send + 'static>(&self, make: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        self.0.renderings.part(make).await
    }

    /// Counts a text as rendered until it is dropped.
    pub fn hold(&self, text: String) -> Rendering {
        self.0.renderings.hold(text)
    }

    /// Bytes rendered but not read.
    pub fn bytes(&self) -> usize {
        self.0.renderings.bytes()
    }
}
