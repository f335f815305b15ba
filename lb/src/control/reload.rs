//! Reading the configuration file again, on a signal or a command: the result is logged, kept for the metrics, and told to whoever asked.
//!
//! One reload at a time. Reading and opening happen on other threads, so that checks and commands go on meanwhile.

use std::fmt::Display;
use std::io;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::{Changes, Control, Event, Origin, descriptors};
use crate::config;
use crate::log;

/// How long opening other logs may hold up a reload, and with it the signals that follow.
const OPENING: Duration = Duration::from_secs(3);

// === impl Control ===

impl Control {
    /// Reads the configuration file again and puts it in force; opens log files again as well.
    ///
    /// # Errors
    /// Why it was not put in force, as `lb check` prints it. Then nothing has changed.
    pub async fn reload(&self, origin: &Origin) -> Result<Changes, String> {
        let _one_at_a_time = self.reloading.lock().await;
        let result = self.read_and_apply(origin).await;
        self.shared.process.last_reload.note(result.is_ok());
        if let Err(text) = &result {
            self.emit(&Event::Refused { text, origin });
        }
        result
    }

    async fn read_and_apply(&self, origin: &Origin) -> Result<Changes, String> {
        if self.shared.process.is_stopping() {
            return Err("lb is stopping".to_owned());
        }
        self.log.reopen();
        let file = self.state().config.file.clone();
        let read = spawn_blocking(move || crate::rules::load(&file)).await;
        let mut config = read.map_err(text)?.map_err(text)?;
        let shares = descriptors::share(&mut config).map_err(text)?;
        let logs = open_logs(self.log.clone(), config.logs.clone()).await.map_err(text)?;
        if self.shared.process.is_stopping() {
            return Err("lb is stopping".to_owned());
        }
        let changes = self.apply(config, logs, origin).map_err(text)?;
        self.share_out(&shares);
        Ok(changes)
    }
}

fn text(error: impl Display) -> String {
    error.to_string()
}

/// Opens logs that are new. Looking up the name of a daemon may take its time.
async fn open_logs(log: log::Log, configs: Vec<config::LogConfig>) -> io::Result<Option<log::PreparedLogs>> {
    let late = || {
        let text = format!(
            "logs could not be opened within {} s: is the name of a daemon known?",
            OPENING.as_secs()
        );
        io::Error::new(io::ErrorKind::TimedOut, text)
    };
    let opened = timeout(OPENING, spawn_blocking(move || log.prepare(&configs))).await;
    opened.map_err(|_| late())?.map_err(io::Error::other)?
}
