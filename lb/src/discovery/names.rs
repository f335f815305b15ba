//! Asking for the addresses of one name, in bounded time and with a bounded number of threads.
//!
//! The system's resolver blocks a thread for as long as it likes. So a look-up that takes too long is left alone, not repeated:
//! there is never a second one for the same name, and its answer is taken when it comes. It refuses to judge answers.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Limit for one lookup.
const LIMIT: Duration = Duration::from_secs(5);
/// Maximum number of concurrent lookups, each on a thread.
const AT_ONCE: usize = 64;

/// A source of addresses.
pub trait Names: Send + Sync + 'static {
    /// All addresses of a name, in any order. `held`: families of the addresses that servers have.
    fn addresses(
        &self,
        host: String,
        held: Families,
    ) -> impl Future<Output = io::Result<LookupResult>> + Send;
}

/// IPv4, IPv6, both or none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Families {
    /// IPv4.
    pub v4: bool,
    /// IPv6.
    pub v6: bool,
}

/// The result of a lookup.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LookupResult {
    /// The addresses.
    pub addresses: Vec<IpAddr>,
    /// Families for which there was no answer: their addresses stay valid.
    pub unknown: Families,
}

/// The system's resolver, `getaddrinfo`: it knows `/etc/hosts`, search domains, and names with underscores.
#[derive(Debug)]
pub struct System {
    slots: Semaphore,
}

/// The lookups of one name.
pub(super) struct Inquiry<N> {
    names: Arc<N>,
    host: String,
    under_way: Option<JoinHandle<io::Result<LookupResult>>>,
}

// === impl System ===

impl System {
    /// The resolver, without a lookup in progress.
    pub fn new() -> Arc<Self> {
        Arc::new(Self { slots: Semaphore::new(AT_ONCE) })
    }
}

impl Names for System {
    async fn addresses(&self, host: String, _held: Families) -> io::Result<LookupResult> {
        let _slot = self.slots.acquire().await.map_err(io::Error::other)?;
        let addresses = tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect();
        Ok(LookupResult { addresses, unknown: Families::default() })
    }
}

// === impl Families ===

impl Families {
    /// The families of some addresses.
    pub fn of(addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        addresses.into_iter().fold(Self::default(), |families, ip| Self {
            v4: families.v4 || ip.is_ipv4(),
            v6: families.v6 || ip.is_ipv6(),
        })
    }

    /// Whether an address is of one of them.
    pub fn contain(self, ip: IpAddr) -> bool {
        if ip.is_ipv4() { self.v4 } else { self.v6 }
    }
}

// === impl Inquiry ===

impl<N: Names> Inquiry<N> {
    pub(super) fn new(names: Arc<N>, host: &str) -> Self {
        Self { names, host: host.to_owned(), under_way: None }
    }

    /// The current addresses of the name, at least one.
    pub(super) async fn ask(&mut self, held: Families) -> io::Result<LookupResult> {
        let look_up = self.under_way.get_or_insert_with(|| {
            let (names, host) = (Arc::clone(&self.names), self.host.clone());
            tokio::spawn(async move { names.addresses(host, held).await })
        });
        let Ok(answer) = timeout(LIMIT, look_up).await else {
            let text = format!("no answer within {} s", LIMIT.as_secs());
            return Err(io::Error::new(io::ErrorKind::TimedOut, text));
        };
        self.under_way = None;
        let found = answer.map_err(io::Error::other)??;
        if found.addresses.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "it has no address"));
        }
        Ok(found)
    }
}
