//! Servers without a network.

use std::sync::Arc;

use lb::config::{HealthStart, ServerConfig as Spec};
use lb::server::{Queue, Server};

/// `count` usable servers with weights 1, 2, 3, 1, 2, 3, …
pub(crate) fn servers(count: usize) -> Vec<Arc<Server>> {
    let queue = Arc::new(Queue::default());
    (0..count)
        .zip(1..)
        .map(|(index, number)| {
            let weight = number % 3 + 1;
            let spec = Spec { weight, ..Spec::new(&format!("s{index}"), "127.0.0.1", 4000) };
            Server::new(&"be".into(), number, &spec, HealthStart::Up, &queue, 1)
        })
        .collect()
}
