//! Names to addresses, again and again: a recreated container comes back somewhere else, and DNS does not say for how long to believe it.
//!
//! One task for each name of a backend; servers that share a name share its look-ups and get different addresses. A failed look-up
//! changes nothing. This module refuses to keep a cache: the last good address is the server's own.

mod assign;
mod dns;
mod names;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::control::{Control, Event, Watches, jittered, rest_after};
use crate::ids::ServerId;
use crate::server::{Endpoint, Server};
use crate::topology::{Backend, Resolvers, Topology};

use dns::Resolver;
use names::Inquiry;
pub use names::{Families, LookupResult, Names, System};

/// Minimum interval between lookups of a name, however often one is requested.
const AT_MOST_EVERY: Duration = Duration::from_millis(200);

/// Servers of one backend that share a name.
#[derive(Clone)]
struct NameGroup {
    backend: Arc<str>,
    host: String,
    /// Interval between lookups.
    interval: Duration,
    /// The name servers to ask, if not the system's.
    section: Option<Arc<Resolvers>>,
    servers: Vec<Arc<Server>>,
}

/// Keeps the addresses of all servers with names up to date, until `stop` is cancelled.
pub async fn run(control: Arc<Control>, stop: CancellationToken) {
    run_with(control, System::new(), stop).await;
}

/// Like [`run`], with another source of addresses.
pub async fn run_with(control: Arc<Control>, names: Arc<impl Names>, stop: CancellationToken) {
    let mut changes = control.changes();
    let mut watches = Watches::default();
    loop {
        changes.mark_unchanged();
        let begun = Instant::now();
        let groups = groups(&control.topology());
        watches.follow(groups.into_iter().map(|group| (group.key(), group)), |group, _| {
            Some(group.clone().look_up_for_ever(Arc::clone(&control), Arc::clone(&names)))
        });
        tokio::select! {
            () = stop.cancelled() => return,
            () = rest_after(begun.elapsed()) => {}
        }
        tokio::select! {
            () = stop.cancelled() => return,
            // The sender is part of `control`, which is held here.
            _ = changes.changed() => {}
        }
    }
}

/// Looks up every name once before traffic starts; gives up after `limit`. Failures are left to [`run`], which
/// reports them.
pub async fn resolve_all_once(control: &Arc<Control>, limit: Duration) {
    resolve_all_once_with(control, &System::new(), limit).await;
}

/// Like [`resolve_all_once`], with another source of addresses.
pub async fn resolve_all_once_with(control: &Arc<Control>, names: &Arc<impl Names>, limit: Duration) {
    let mut rounds = JoinSet::new();
    for group in groups(&control.topology()) {
        let (control, names) = (Arc::clone(control), Arc::clone(names));
        rounds.spawn(async move {
            if let Ok(found) = Inquiry::new(group.source(&names), &group.host).ask(group.held()).await {
                group.settle(&control, &found);
            }
        });
    }
    // Lookups in progress at the deadline are cancelled with the set.
    let _ = timeout(limit, async { while rounds.join_next().await.is_some() {} }).await;
}

/// The names in a topology, in file order.
fn groups(topology: &Topology) -> Vec<NameGroup> {
    let mut groups: Vec<NameGroup> = Vec::new();
    let section = |backend: &Backend| {
        let name = backend.config.resolvers.as_ref()?;
        topology.resolvers.iter().find(|section| section.config.name == *name).cloned()
    };
    for backend in &topology.backends {
        let mut by_host: HashMap<String, usize> = HashMap::new();
        for server in backend.servers.iter().filter(|server| server.place.is_name()) {
            let (host, _) = server.place.named();
            let at = *by_host.entry(host.clone()).or_insert(groups.len());
            match groups.get_mut(at) {
                Some(group) => group.servers.push(Arc::clone(server)),
                None => groups.push(NameGroup {
                    backend: Arc::clone(&backend.live.name),
                    host,
                    interval: backend.config.resolve,
                    section: section(backend),
                    servers: vec![Arc::clone(server)],
                }),
            }
        }
    }
    groups
}

// === impl NameGroup ===

impl NameGroup {
    fn key(&self) -> (Arc<str>, String) {
        (Arc::clone(&self.backend), self.host.clone())
    }

    async fn look_up_for_ever(self, control: Arc<Control>, names: Arc<impl Names>) {
        let mut inquiry = Inquiry::new(self.source(&names), &self.host);
        let mut failing = false;
        let settled = self.servers.iter().all(|server| server.place.is_settled());
        let mut next = Instant::now() + if settled { jittered(self.interval) } else { Duration::ZERO };
        loop {
            tokio::select! {
                () = sleep_until(next) => {}
                () = self.doubted() => {}
            }
            let begun = Instant::now();
            next = begun + jittered(self.interval);
            let answer = inquiry.ask(self.held()).await;
            self.emit(&control, &mut failing, &answer);
            match answer {
                Ok(found) => self.settle(&control, &found),
                // Counts once, however many servers share the name.
                Err(_) => control.unresolved(),
            }
            sleep_until(begun + AT_MOST_EVERY).await;
        }
    }

    /// Where the name is looked up.
    fn source<N: Names>(&self, system: &Arc<N>) -> Arc<Resolver<N>> {
        Arc::new(match &self.section {
            Some(section) => Resolver::Section(Arc::clone(section)),
            None => Resolver::System(Arc::clone(system)),
        })
    }

    /// The families of its servers' addresses.
    fn held(&self) -> Families {
        Families::of(self.servers.iter().filter_map(|server| Some(server.place.address()?.ip())))
    }

    /// Gives each server one of the addresses.
    fn settle(&self, control: &Control, found: &LookupResult) {
        // A reload may have given the server another name during the lookup.
        let named = |server: &&Arc<Server>| server.place.named().0 == self.host;
        let servers: Vec<_> = self.servers.iter().filter(named).collect();
        let present: Vec<(Option<SocketAddr>, u16)> =
            servers.iter().map(|server| (server.place.address(), server.place.named().1)).collect();
        let assigned = servers.into_iter().zip(assign::assign(&present, found));
        let moved =
            assigned.filter(|(server, address)| control.resolved(server, &self.host, *address)).count();
        if let (1.., Some(section)) = (moved, &self.section) {
            section.updated();
        }
    }

    /// Completes when a lookup was requested for a server of the group; clears the requests of its other
    /// servers, too.
    async fn doubted(&self) {
        let mut doubts: Vec<_> = self.servers.iter().map(|server| Box::pin(server.place.doubted())).collect();
        poll_fn(|cx| {
            let taken =
                doubts.iter_mut().filter_map(|doubt| doubt.as_mut().poll(cx).is_ready().then_some(()));
            if taken.count() > 0 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Reports when lookups begin to fail, and when they work again.
    fn emit(&self, control: &Control, failing: &mut bool, answer: &io::Result<LookupResult>) {
        if std::mem::replace(failing, answer.is_err()) == answer.is_err() {
            return;
        }
        let Self { backend, host, .. } = self;
        let text = match answer {
            Ok(_) => format!("backend {backend}: the name {host} has an address again"),
            Err(error) => {
                let all = |is: fn(&Endpoint) -> bool| self.servers.iter().all(|server| is(&server.place));
                let kept = if all(Endpoint::is_settled) {
                    "the last good address stays"
                } else if all(|place| place.address().is_some()) {
                    "the address of the former name serves until it has one"
                } else {
                    "its servers take no traffic until it has one"
                };
                format!("backend {backend}: looking up the name {host} failed: {error}; {kept}")
            }
        };
        control.emit(&Event::Notice { text: &text });
    }
}

impl PartialEq for NameGroup {
    fn eq(&self, other: &Self) -> bool {
        let ids = |group: &Self| group.servers.iter().map(|server| server.id).collect::<Vec<ServerId>>();
        let section = |group: &Self| group.section.as_ref().map(Arc::as_ptr);
        self.interval == other.interval && section(self) == section(other) && ids(self) == ids(other)
    }
}
