//! `[log]`, or each `[[log]]`.

use std::path::Path;

use super::resolve;
use super::section::Section;
use super::value::{self, Target};
use crate::config::{Facility, Log, LogFormat, LogLevel, LogTarget};

/// Reads one; paths in it are seen from `folder`.
pub(super) fn read(mut section: Section<'_>, folder: &Path) -> Log {
    let formats = [("json", LogFormat::Json), ("http", LogFormat::Http), ("off", LogFormat::Off)];
    let levels = LogLevel::ALL.map(|level| (level.name(), level));
    let usual = Log::default();
    let log = Log {
        format: section.or("format", value::one_of(&formats), usual.format),
        target: match section.maybe("target", value::log_target) {
            None => usual.target,
            Some(Target::Stderr) => LogTarget::Stderr,
            Some(Target::Stdout) => LogTarget::Stdout,
            Some(Target::File(path)) => LogTarget::File(resolve(folder, Path::new(&path))),
            Some(Target::Udp(host, port)) => LogTarget::Udp { host, port },
            Some(Target::Unix(path)) => LogTarget::Unix(resolve(folder, Path::new(&path))),
        },
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

fn facility() -> impl Fn(&toml::de::DeValue<'_>) -> value::Read<Facility> {
    let named: Vec<_> =
        Facility::NAMES.iter().filter_map(|name| Some((*name, Facility::named(name)?))).collect();
    move |value| value::one_of(&named)(value)
}
