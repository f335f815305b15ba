//! The sinks to all logs as they are at one moment: who sends lines holds them until it is told of others.
//!
//! They refuse to know who else has them.

use std::sync::Arc;

use super::line_buffer::Lines;
use super::writer::Writer;
use super::{Level, LogLine};
use crate::config::{self, LogFormat};

/// Ways to all logs.
#[derive(Debug, Clone, Default)]
pub struct LogSinks(Arc<[LogSink]>);

/// The way to one log.
#[derive(Debug, Clone)]
pub(super) struct LogSink {
    config: config::LogConfig,
    pub(super) writer: Writer,
}

// === impl LogSinks ===

impl LogSinks {
    /// Hands each log the lines that `lines` makes for it, without those that matter too little to it.
    pub fn tell<L: LogLine + 'static>(&self, lines: impl Fn(&config::LogConfig) -> Vec<L>) {
        for way in &*self.0 {
            let wanted = lines(&way.config).into_iter().filter(|line| line.level() <= way.config.level);
            wanted.for_each(|line| way.writer.send(Box::new(line)));
        }
    }

    /// Whether one of the logs is as asked.
    pub fn any(&self, is: impl Fn(&config::LogConfig) -> bool) -> bool {
        self.0.iter().any(|way| is(&way.config))
    }

    /// Whether they are the logs of that configuration.
    pub(super) fn are(&self, configs: &[config::LogConfig]) -> bool {
        self.0.iter().map(|way| &way.config).eq(configs)
    }

    pub(super) fn writers(&self) -> impl Iterator<Item = &Writer> {
        self.0.iter().map(|way| &way.writer)
    }

    /// The writer of one that writes as `config` says.
    pub(super) fn writer_for(&self, config: &config::LogConfig) -> Option<Writer> {
        let fits = |known: &config::LogConfig| {
            // What is decided before lines are handed over does not concern the writer.
            let config::LogConfig { format, level, health_checks, .. } = *config;
            config::LogConfig { format, level, health_checks, ..known.clone() } == *config
        };
        self.0.iter().find(|way| fits(&way.config)).map(|way| way.writer.clone())
    }

    /// Room for lines of exchanges: for each format that is wanted.
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
