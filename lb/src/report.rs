//! provisional
pub mod info;
pub mod stat;
use crate::topology::Topology;
/// v
pub const VERSION: &str = "3.4.0-lb0.1.0";
/// b
pub fn backends(topology: &Topology) -> String {
    let mut out = String::from("# name\n");
    for b in &topology.backends {
        out.push_str(&b.live.name);
        out.push('\n');
    }
    out
}
/// s
pub fn servers_state(topology: &Topology, backend: Option<&str>) -> Option<String> {
    let mut out = String::from("1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state\n");
    for b in topology.backends.iter().filter(|b| backend.is_none_or(|n| n == &*b.live.name)) {
        for s in &b.servers {
            out.push_str(&format!(
                "{} {} {} {} - {} {}\n",
                b.live.id,
                b.live.name,
                s.number,
                s.name,
                if s.status().is_running() { 2 } else { 0 },
                s.admin_bits().0
            ));
        }
    }
    Some(out)
}
