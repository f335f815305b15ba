//! `[log]`, or each `[[log]]`.

use std::path::Path;

use super::resolve;
use super::section::Section;
use super::value::{self, LogTargetText};
use crate::config::log::Terminals;
use crate::config::{Facility, LogConfig, LogFormat, LogLevel, LogTarget};

/// The logs: those of all sections, or the usual one where there are none. Paths in them are seen from `folder`.
pub(super) fn read_all(sections: Vec<Section<'_>>, folder: &Path, terminals: Terminals) -> Vec<LogConfig> {
    sections.into_iter().map(|section| read(section, folder, terminals)).collect()
}

fn read(mut section: Section<'_>, folder: &Path, terminals: Terminals) -> LogConfig {
    let formats = [
        ("json", LogFormat::Json),
        ("text", LogFormat::Text),
        ("http", LogFormat::Http),
        ("off", LogFormat::Off),
    ];
    let levels = LogLevel::ALL.map(|level| (level.name(), level));
    let usual = LogConfig::default();
    let format = section.maybe("format", value::one_of(&formats));
    let target = match section.maybe("target", value::log_target) {
        None => usual.target,
        Some(LogTargetText::Stderr) => LogTarget::Stderr,
        Some(LogTargetText::Stdout) => LogTarget::Stdout,
        Some(LogTargetText::File(path)) => LogTarget::File(resolve(folder, Path::new(&path))),
        Some(LogTargetText::Udp(host, port)) => LogTarget::Udp { host, port },
        Some(LogTargetText::Unix(path)) => LogTarget::Unix(resolve(folder, Path::new(&path))),
    };
    let log = LogConfig {
        format: format.unwrap_or_else(|| terminals.usual_format(&target)),
        target,
        level: section.or("level", value::one_of(&levels), usual.level),
        min_level: section.or("min_level", value::one_of(&levels), usual.min_level),
        facility: section.or("facility", facility(), usual.facility),
        tag: section.or("tag", value::tag, usual.tag),
        length: section.or("length", value::whole(80..=65_000), usual.length),
        buffer: section.or("buffer", value::whole(1..=10_000_000), usual.buffer),
        health_checks: section.or("health_checks", value::boolean, usual.health_checks),
    };
    section.finish();
    log
}

fn facility() -> impl Fn(&toml::de::DeValue<'_>) -> value::Parsed<Facility> {
    let named: Vec<_> =
        Facility::NAMES.iter().filter_map(|name| Some((*name, Facility::named(name)?))).collect();
    move |value| value::one_of(&named)(value)
}
