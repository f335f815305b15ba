//! The flags of a comparison, and the files that they name.

use std::fs::File;
use std::io::Read as _;

use super::MatchMethod;
use crate::sample::SampleFault;

/// Largest file of patterns, bytes.
const LARGEST: u64 = 64 << 20;

/// What stands between a fetch and its patterns, and the patterns.
#[derive(Debug, Default)]
pub(super) struct Flags {
    pub(super) method: Option<MatchMethod>,
    pub(super) ignores_case: bool,
    pub(super) patterns: Vec<String>,
}

// === impl Flags ===

impl Flags {
    /// Reads flags, up to `--` or the first pattern, and the patterns.
    pub(super) fn read(words: &[String]) -> Result<Self, SampleFault> {
        let mut flags = Self::default();
        let mut words = words.iter();
        while let Some(word) = words.as_slice().first() {
            let mut argument = |what: &str| {
                words.next();
                words.next().ok_or_else(|| SampleFault::new(0, format!("`{word}` is followed by {what}")))
            };
            match word.as_str() {
                "-i" => {
                    flags.ignores_case = true;
                    words.next();
                }
                "-n" => {
                    words.next();
                }
                "-m" => {
                    let name = argument(
                        "how to compare: found, bool, int, ip, str, beg, end, sub, dir, dom, reg, len or bin",
                    )?;
                    let method = MatchMethod::named(name);
                    flags.method = Some(method.ok_or_else(|| {
                        SampleFault::new(0, format!("`-m {name}` is no way to compare: found, bool, int, ip, str, beg, end, sub, dir, dom, reg, len or bin"))
                    })?);
                }
                "-f" => {
                    let file = argument("a file")?;
                    flags.patterns.extend(lines_of(file)?);
                }
                "-u" => {
                    argument("a number")?;
                }
                "-M" => {
                    return Err(SampleFault::new(
                        0,
                        "`-M` is not supported: a file of patterns is named with `-f`",
                    ));
                }
                "--" => {
                    words.next();
                    break;
                }
                _ => break,
            }
        }
        flags.patterns.extend(words.cloned());
        Ok(flags)
    }
}

/// The patterns of a file: a line each, but for empty ones and comments.
fn lines_of(file: &str) -> Result<Vec<String>, SampleFault> {
    let read = || -> std::io::Result<String> {
        let opened = File::open(file)?;
        if !opened.metadata()?.is_file() {
            return Err(std::io::Error::other("it is no regular file"));
        }
        let mut text = String::new();
        if opened.take(LARGEST + 1).read_to_string(&mut text)? as u64 > LARGEST {
            return Err(std::io::Error::other(format!("it is larger than {} MiB", LARGEST >> 20)));
        }
        Ok(text)
    };
    let text = read().map_err(|error| {
        SampleFault::new(0, format!("the file of patterns `{file}` cannot be read: {error}"))
    })?;
    let lines = text.lines().map(str::trim_start).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(str::to_owned).collect())
}
