//! Descriptors: how many the system allows, and what a configuration may do with them.

use super::{Control, Event};
use crate::config::Config;
use crate::net::limits::{self, Shares, TooFewFiles, Wanted};

/// Shares out the descriptors that the system allows. A `maxconn` that the file does not name becomes as large as that allows.
///
/// # Errors
/// The `maxconn` of the file does not fit.
pub fn share(config: &mut Config) -> Result<Shares, TooFewFiles> {
    let process = &mut config.process;
    let listeners = config.frontends.iter().map(|frontend| frontend.bind.len()).sum::<usize>();
    let shares = limits::share_open_files(&Wanted {
        maxconn: process.maxconn,
        is_explicit: process.is_maxconn_set,
        threads: process.threads,
        listeners: listeners + config.stats.bind.len() + config.admin.len(),
    })?;
    process.maxconn = shares.maxconn;
    Ok(shares)
}

// === impl Control ===

impl Control {
    /// Puts the shares of a configuration in force, and says when the limit of open files has lowered `maxconn`.
    pub fn share_out(&self, shares: &Shares) {
        self.shared.process.descriptors.resize(shares);
        if let Some(limit) = shares.limit {
            let text = format!(
                "warning: process.maxconn is {}, not the default: the limit of open files is {limit}; raise it (ulimit -n, LimitNOFILE=, \
                 ulimits:) or set maxconn",
                shares.maxconn
            );
            self.emit(&Event::Notice { text: &text });
        }
    }
}
