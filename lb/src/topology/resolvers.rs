//! Name servers that are asked in place of the system, and what came of it.
//!
//! It refuses to ask: it only counts what others did.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::config;
use crate::counters::Counter;

/// A section of name servers.
#[derive(Debug)]
pub struct Resolvers {
    /// Its configuration.
    pub config: config::ResolversConfig,
    counts: Box<[[Counter; QueryOutcome::ALL.len()]]>,
    /// Which of them gave the last good answer.
    last: AtomicUsize,
}

macro_rules! outcomes {
    ($($outcome:ident = $word:literal, $told:literal, $about:literal;)+) => {
        /// What can come of a question, in HAProxy's order.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum QueryOutcome { $(#[doc = $about] $outcome),+ }

        impl QueryOutcome {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$outcome),+];

            /// Its name in statistics and metrics.
            pub fn name(self) -> &'static str {
                match self { $(Self::$outcome => $word),+ }
            }

            /// Its name in `show resolvers`.
            pub fn told(self) -> &'static str {
                match self { $(Self::$outcome => $told),+ }
            }
        }
    };
}

outcomes! {
    Sent = "sent", "sent", "It was sent.";
    SendError = "send_error", "snd_error", "It could not be sent.";
    Valid = "valid", "valid", "A good answer came.";
    Update = "update", "update", "The answer moved a server.";
    Cname = "cname", "cname", "The name was an alias.";
    CnameError = "cname_error", "cname_error", "The alias led nowhere.";
    AnyErr = "any_err", "any_err", "The answer held no address.";
    Nx = "nx", "nx", "There was no such name.";
    Timeout = "timeout", "timeout", "No answer came in time.";
    Refused = "refused", "refused", "The server did not want to answer.";
    Other = "other", "other", "The server told of another fault.";
    Invalid = "invalid", "invalid", "What came was no answer.";
    TooBig = "too_big", "too_big", "The answer was too long.";
    Truncated = "truncated", "truncated", "The answer was cut off.";
    Outdated = "outdated", "outdated", "The answer came after another one had been taken.";
}

// === impl Resolvers ===

impl Resolvers {
    /// The sections of a configuration; one that is as it was keeps its counts.
    pub fn all(specs: &[config::ResolversConfig], known: &[Arc<Self>]) -> Vec<Arc<Self>> {
        let section = |spec: &config::ResolversConfig| {
            let same = known.iter().find(|known| known.config == *spec);
            same.map_or_else(|| Arc::new(Self::new(spec)), Arc::clone)
        };
        specs.iter().map(section).collect()
    }

    fn new(spec: &config::ResolversConfig) -> Self {
        let counts = spec.nameservers.iter().map(|_| Default::default()).collect();
        Self { config: spec.clone(), counts, last: AtomicUsize::new(0) }
    }

    /// Something came of a question to the name server at that place.
    pub fn count(&self, nameserver: usize, outcome: QueryOutcome) {
        if outcome == QueryOutcome::Valid {
            self.last.store(nameserver, Relaxed);
        }
        if let Some(counts) = self.counts.get(nameserver) {
            counts[outcome as usize].add_shared(1);
        }
    }

    /// The last good answer moved a server.
    pub fn updated(&self) {
        self.count(self.last.load(Relaxed), QueryOutcome::Update);
    }

    /// Its name servers by their names, and how often each outcome was.
    pub fn told(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = (QueryOutcome, u64)>)> {
        self.config.nameservers.iter().zip(&self.counts).map(|(nameserver, counts)| {
            let counts = QueryOutcome::ALL.iter().copied().zip(counts.iter().map(Counter::get));
            (nameserver.name.as_str(), counts)
        })
    }
}
