//! Whether traffic is welcome: what `/readyz` and the status page say.
//!
//! A single server is not judged here: a backend is ready as long as one of its servers is. Backends that no frontend leads to do not
//! count, since no client gets anything from them.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use crate::control::Control;
use crate::topology::{Backend, Topology};

/// Something that keeps clients from being served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The frontend or backend that it is about; empty for the process.
    pub name: String,
    /// What is wrong, in words.
    pub text: String,
}

/// The names of the backends that a frontend leads to.
pub(super) fn used(topology: &Topology) -> HashSet<&str> {
    topology.frontends.iter().map(|frontend| frontend.config.backend.as_str()).collect()
}

/// What keeps the balancer from serving, in words; empty when nothing does.
pub fn readiness(control: &Control, topology: &Topology) -> Vec<String> {
    problems(control, topology).into_iter().map(|problem| problem.text).collect()
}

/// What keeps the balancer from serving; empty when nothing does.
pub(super) fn problems(control: &Control, topology: &Topology) -> Vec<Problem> {
    if control.shared().process.is_stopping() {
        return vec![Problem { name: String::new(), text: "stopping".to_owned() }];
    }
    let addresses = control.addresses();
    let listening = |name: &Arc<str>| addresses.iter().filter(|(frontend, _)| frontend == name).count();
    let frontends = topology.frontends.iter().filter_map(|frontend| {
        let (name, wanted) = (&frontend.live.name, frontend.config.bind.len());
        let open = listening(name);
        let text = format!("frontend {name} listens on {open} of {wanted} addresses");
        (open < wanted).then(|| Problem { name: name.to_string(), text })
    });
    let used = used(topology);
    let backends = topology.backends.iter().filter(|backend| used.contains(&*backend.live.name));
    frontends.chain(backends.filter_map(|backend| refusing(backend))).collect()
}

/// Why a backend's clients get 503, if they do.
fn refusing(backend: &Backend) -> Option<Problem> {
    let why = if backend.live.unpublished.load(Relaxed) {
        "unpublished".to_owned()
    } else if backend.servers.is_empty() {
        "it has no servers".to_owned()
    } else if !backend.is_up() {
        format!("none of {} servers can take traffic", backend.servers.len())
    } else {
        return None;
    };
    let name = backend.live.name.to_string();
    let text = format!("backend {name}: {why}");
    Some(Problem { name, text })
}
