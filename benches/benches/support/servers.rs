//! Servers without a network.

use std::sync::Arc;
use std::time::Duration;

use lb::config::{HealthStart, Server as Spec};
use lb::server::{Queue, Server};

/// `count` usable servers with weights 1, 2, 3, 1, 2, 3, …
pub(crate) fn servers(count: usize) -> Vec<Arc<Server>> {
    let queue = Arc::new(Queue::default());
    (0..count)
        .zip(1..)
        .map(|(index, number)| {
            let spec = Spec {
                name: format!("s{index}"),
                host: "127.0.0.1".into(),
                port: 4000,
                cookie: None,
                weight: number % 3 + 1,
                maxconn: 0,
                slow_start: Duration::ZERO,
                backup: false,
                disabled: false,
            };
            Server::new(&"be".into(), number, &spec, None, HealthStart::Up, &queue, 1)
        })
        .collect()
}
