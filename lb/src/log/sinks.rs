//! The sinks of all logs at one moment. Threads that send lines hold a copy until they are given a new one.

use std::sync::Arc;

use super::line_buffer::Lines;
use super::writer::Writer;
use super::{Level, LogLine};
use crate::config::{self, LogFormat};

/// The sinks of all logs.
#[derive(Debug, Clone, Default)]
pub struct LogSinks(Arc<[LogSink]>);

/// The sink of one log.
#[derive(Debug, Clone)]
pub(super) struct LogSink {
    config: config::LogConfig,
    pub(super) writer: Writer,
}

// === impl LogSinks ===

impl LogSinks {
    /// Sends each log the lines that `lines` makes for it, except those below its level.
    pub fn tell<L: LogLine + 'static>(&self, lines: impl Fn(&config::LogConfig) -> Vec<L>) {
        for way in &*self.0 {
            let wanted = lines(&way.config).into_iter().filter(|line| line.level() <= way.config.level);
            wanted.for_each(|line| way.writer.send(Box::new(line)));
        }
    }

    /// Whether `is` holds for the configuration of any log.
    pub fn any(&self, is: impl Fn(&config::LogConfig) -> bool) -> bool {
        self.0.iter().any(|way| is(&way.config))
    }

    /// Whether these are the sinks of `configs`.
    pub(super) fn are(&self, configs: &[config::LogConfig]) -> bool {
        self.0.iter().map(|way| &way.config).eq(configs)
    }

    pub(super) fn writers(&self) -> impl Iterator<Item = &Writer> {
        self.0.iter().map(|way| &way.writer)
    }

    /// The writer of an existing log that can be kept for `config`.
    pub(super) fn writer_for(&self, config: &config::LogConfig) -> Option<Writer> {
        let fits = |known: &config::LogConfig| {
            // Settings that apply before lines reach the writer do not matter to it.
            let config::LogConfig { format, level, health_checks, .. } = *config;
            config::LogConfig { format, level, health_checks, ..known.clone() } == *config
        };
        self.0.iter().find(|way| fits(&way.config)).map(|way| way.writer.clone())
    }

    /// Buffers for access lines: one for each format in use.
    pub(super) fn for_exchanges(&self) -> Box<[Lines]> {
        let formats = [LogFormat::Json, LogFormat::Http, LogFormat::Text].into_iter();
        let all = formats.map(|format| {
            let wants = |way: &&LogSink| way.config.format == format && way.config.level >= Level::Info;
            Lines::new(format, self.0.iter().filter(wants).map(|way| way.writer.clone()).collect())
        });
        all.filter(Lines::are_wanted).collect()
    }
}

impl FromIterator<LogSink> for LogSinks {
    fn from_iter<T: IntoIterator<Item = LogSink>>(sinks: T) -> Self {
        Self(sinks.into_iter().collect())
    }
}

// === impl LogSink ===

impl LogSink {
    pub(super) fn new(config: &config::LogConfig, writer: Writer) -> Self {
        Self { config: config.clone(), writer }
    }
}
