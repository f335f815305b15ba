//! Whether the process can do its work: for whoever decides to send traffic to it.

use crate::control::Control;

/// Says what is missing, if anything is.
///
/// # Errors
/// A line for each thing that keeps it from being ready.
pub(super) fn ready(control: &Control) -> Result<(), String> {
    let topology = control.topology();
    let mut missing = Vec::new();
    if control.shared().process.is_stopping() {
        missing.push("stopping".to_owned());
    }
    let listening = control.addresses();
    for frontend in &topology.frontends {
        if !listening.iter().any(|(name, _)| **name == *frontend.live.name) {
            missing.push(format!("frontend {} does not listen", frontend.live.name));
        }
    }
    for backend in &topology.backends {
        if !backend.is_up() {
            missing.push(format!("backend {} has no usable server", backend.live.name));
        }
    }
    if missing.is_empty() { Ok(()) } else { Err(missing.join("\n")) }
}
