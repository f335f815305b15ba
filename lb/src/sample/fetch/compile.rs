//! Compiling a fetch from its name and arguments.

use super::name::{Source, Takes};
use super::{Constant, Fetch};
use crate::config::Datum;
use crate::sample::converters::decode_hex;
use crate::sample::syntax::{Call, SampleFault};

impl Fetch {
    /// Compiles a call.
    ///
    /// # Errors
    /// No fetch has that name, or it does not take these arguments.
    pub(crate) fn compile(call: &Call) -> Result<Self, SampleFault> {
        let Some(source) = Source::named(&call.name) else {
            return Err(SampleFault::new(call.column, unknown(&call.name)));
        };
        let wrong = |wants: &str| {
            let message = format!("fetch `{}` takes {wants}", call.name);
            SampleFault::new(call.column, message)
        };
        let mut fetch =
            Self { source, text: String::new(), place: 0, constant: None, separator: b'&', datum: None };
        let args: Vec<&str> = call.args.iter().map(String::as_str).collect();
        let most = match source.takes() {
            Takes::Nothing => 0,
            Takes::Which if matches!(source, Source::Parameter | Source::ParameterInt) => 3,
            Takes::Which => 2,
            Takes::Name | Takes::NeedsName | Takes::Number | Takes::Constant => 1,
        };
        if args.len() > most {
            return Err(wrong(match most {
                0 => "no arguments",
                1 => "one argument",
                _ => "a name and a number of the place among several",
            }));
        }
        match source.takes() {
            Takes::Nothing => {}
            Takes::Which => {
                fetch.text = args.first().copied().unwrap_or_default().to_owned();
                match args.get(1).copied() {
                    // A parameter's second argument is another character that separates them.
                    Some(separator) if most == 3 => {
                        fetch.separator = separator.bytes().next().unwrap_or(b'&');
                    }
                    Some(place) => {
                        fetch.place = place.parse().map_err(|_| wrong("a number as its second argument"))?;
                    }
                    None => {}
                }
            }
            Takes::Name => args.first().copied().unwrap_or_default().clone_into(&mut fetch.text),
            Takes::NeedsName => {
                let name = args.first().copied().filter(|name| !name.is_empty());
                name.ok_or_else(|| wrong("a name"))?.clone_into(&mut fetch.text);
                if source == Source::Variable && !is_variable(&fetch.text) {
                    return Err(wrong("a variable such as `txn.name`, of proc, sess, txn, req or res"));
                }
            }
            Takes::Number => {
                if let Some(number) = args.first() {
                    fetch.place = number.parse().map_err(|_| wrong("a number"))?;
                }
            }
            Takes::Constant => {
                let text = *args.first().ok_or_else(|| wrong("its value"))?;
                text.clone_into(&mut fetch.text);
            }
        }
        if matches!(source, Source::ClientEntry | Source::TrackedEntry | Source::TrackedEntryOf) {
            let name = call.name.split_once('_').map_or("", |(_, name)| name);
            fetch.datum = Datum::named(name.strip_prefix("get_").unwrap_or(name));
            if source == Source::TrackedEntryOf && fetch.text != "0" {
                return Err(wrong("0, since one key is tracked: that of the frontend's `track`"));
            }
        }
        fetch.constant = match source {
            Source::AlwaysTrue => Some(Constant::Bool(true)),
            // Connections of clients are not TLS.
            Source::AlwaysFalse | Source::OverTls => Some(Constant::Bool(false)),
            Source::BoolConstant => Some(Constant::Bool(match fetch.text.as_str() {
                "true" | "1" | "yes" | "on" => true,
                "false" | "0" | "no" | "off" => false,
                _ => return Err(wrong("`true` or `false`")),
            })),
            Source::IntConstant => {
                Some(Constant::Int(fetch.text.trim().parse().map_err(|_| wrong("a whole number"))?))
            }
            Source::AddressConstant => {
                Some(Constant::Address(fetch.text.parse().map_err(|_| wrong("an address"))?))
            }
            Source::BinaryConstant => Some(Constant::Binary(
                decode_hex(fetch.text.as_bytes()).ok_or_else(|| wrong("pairs of hex digits"))?,
            )),
            Source::TextConstant => Some(Constant::Text),
            Source::MethodConstant => Some(Constant::Method),
            Source::Environment => {
                fetch.text = std::env::var(&fetch.text).unwrap_or_default();
                Some(Constant::Text)
            }
            Source::HostName => {
                fetch.text = rustix::system::uname().nodename().to_string_lossy().into_owned();
                Some(Constant::Text)
            }
            _ => None,
        };
        Ok(fetch)
    }
}

/// Whether it is a name of a variable, with its scope.
pub(crate) fn is_variable(name: &str) -> bool {
    let Some((scope, rest)) = name.split_once('.') else { return false };
    let is_good = |letter: u8| letter.is_ascii_alphanumeric() || matches!(letter, b'_' | b'.');
    matches!(scope, "proc" | "sess" | "txn" | "req" | "res") && !rest.is_empty() && rest.bytes().all(is_good)
}

fn unknown(name: &str) -> String {
    let near = Source::NAMES
        .iter()
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, _)| *distance <= 2);
    match near {
        Some((_, near)) => format!("there is no fetch `{name}`: did you mean `{near}`?"),
        None => format!("there is no fetch `{name}`"),
    }
}
