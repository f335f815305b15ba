//! The command line of `benches/versus`.

use std::path::PathBuf;

use clap::Parser;
use clap::builder::RangedU64ValueParser;

use super::CHECKED;

/// CPU time of lb per proxied request beside HAProxy, nginx and a bare relay, in one run on this machine
///
/// A relay parses nothing: it is the floor. Each round starts every proxy again; ratios are medians of the ratios within each round.
#[derive(Debug, Parser)]
#[command(name = "benches/versus")]
pub(super) struct Args {
    /// Size of the answers, as 128, 10k or 1m; may be given several times
    #[arg(long = "size", value_name = "BYTES", default_value = "128", value_parser = bytes)]
    size: Vec<usize>,
    /// Rounds for each size; 0 is no load
    #[arg(long, default_value_t = 5)]
    pub(super) rounds: usize,
    /// Length of a round for each proxy
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(super) seconds: u64,
    /// Client connections
    #[arg(long, default_value_t = 64, value_parser = at_least_one())]
    pub(super) connections: usize,
    /// Exit with 1 when the ratio of lb to HAProxy at 128 B is above this
    #[arg(long, value_name = "RATIO")]
    pub(super) check: Option<f64>,
    /// Also: memory of a process with N idle client connections that have each made a request
    #[arg(long, value_name = "N", value_parser = at_least_one())]
    pub(super) idle: Option<usize>,
    /// Also: instructions in user space per request, from N and 2N requests in waves under valgrind
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "2000", value_parser = at_least_one())]
    pub(super) instructions: Option<usize>,
    /// Also: system calls per request, from N and 2N requests in waves under strace
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "2000", value_parser = at_least_one())]
    pub(super) syscalls: Option<usize>,
    /// Also: each lb a second time, with its pages, a JSON log to a file, and a scrape of /metrics a second
    #[arg(long)]
    pub(super) observed: bool,
    /// Also: a picture of the rounds, a bar for each median with a dot for each round
    #[arg(long, value_name = "FILE")]
    pub(super) svg: Option<PathBuf>,
    /// A built lb instead of the one beside this program, or of this tree's where there is none; may be given several times to compare builds, each with a name
    #[arg(long, value_name = "[NAME=]FILE", value_parser = build)]
    pub(super) lb: Vec<(String, PathBuf)>,
}

// === impl Args ===

impl Args {
    /// The sizes, with the one that is checked.
    pub(super) fn sizes(&self) -> Vec<usize> {
        let mut sizes = self.size.clone();
        if self.check.is_some() && !sizes.contains(&CHECKED) {
            sizes.insert(0, CHECKED);
        }
        sizes
    }
}

fn at_least_one() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..)
}

fn bytes(text: &str) -> Result<usize, String> {
    let (digits, unit) = match text.to_ascii_lowercase().chars().last() {
        Some('k') => (&text[..text.len() - 1], 1024),
        Some('m') => (&text[..text.len() - 1], 1024 * 1024),
        _ => (text, 1),
    };
    digits
        .parse::<usize>()
        .ok()
        .and_then(|number| number.checked_mul(unit))
        .filter(|size| (1..=1 << 30).contains(size))
        .ok_or_else(|| "a size is a number of bytes from 1 to 1024m, as 128, 10k or 1m".into())
}

fn build(text: &str) -> Result<(String, PathBuf), String> {
    let (name, file) = text.split_once('=').unwrap_or(("lb", text));
    let file = PathBuf::from(file);
    if name.is_empty() || !file.is_file() {
        return Err("it is [NAME=]FILE, and the file has to be there".into());
    }
    Ok((name.to_owned(), file))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_and_the_checked_one_is_always_measured() {
        let sizes = |line: &[&str]| Args::try_parse_from(line).unwrap().sizes();
        assert_eq!(sizes(&["versus"]), [128]);
        assert_eq!(sizes(&["versus", "--size", "10k", "--size", "1M"]), [10_240, 1 << 20]);
        assert_eq!(sizes(&["versus", "--size", "10k", "--check", "1.1"]), [128, 10_240]);
        for bad in ["", "k", "0", "-1", "1g", "1é", "99999999999999999999", "1025m"] {
            assert!(Args::try_parse_from(["versus", "--size", bad]).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_tool_may_be_asked_for_with_and_without_a_number() {
        let args = Args::try_parse_from(["versus", "--instructions", "--syscalls", "7"]).unwrap();
        assert_eq!((args.instructions, args.syscalls, args.idle), (Some(2000), Some(7), None));
    }
}
