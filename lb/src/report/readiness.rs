//! Whether traffic is welcome: what `/readyz` and the status page say.
//!
//! It refuses to judge a single server: a backend is ready as long as one of its servers is.

use std::sync::Arc;

use crate::control::Control;
use crate::topology::Topology;

/// What keeps the balancer from serving, in words; empty when nothing does.
pub fn readiness(control: &Control, topology: &Topology) -> Vec<String> {
    if control.shared().process.is_stopping() {
        return vec!["stopping".to_owned()];
    }
    let addresses = control.addresses();
    let listening = |name: &Arc<str>| addresses.iter().filter(|(frontend, _)| frontend == name).count();
    let frontends = topology.frontends.iter().filter_map(|frontend| {
        let (name, wanted) = (&frontend.live.name, frontend.config.bind.len());
        let open = listening(name);
        (open < wanted).then(|| format!("frontend {name} listens on {open} of {wanted} addresses"))
    });
    let backends = topology.backends.iter().filter(|backend| !backend.is_up()).map(|backend| {
        format!("backend {}: none of {} servers can take traffic", backend.live.name, backend.servers.len())
    });
    frontends.chain(backends).collect()
}
