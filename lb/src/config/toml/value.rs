//! From a TOML value to the value it stands for, or to what it should have been.
//!
//! Each reader is a function of the value alone: it does not know its key, its place or its default.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use http::HeaderName;
use http::uri::Authority;
use toml::de::DeValue;

use crate::config::units::near;
use crate::config::{Balance, Datum, Forwarded, KeySource, Protocol, RuntimeSocketAddress, Stored, units};

/// A value that has been read, or why it cannot be.
pub(super) type Parsed<T> = Result<T, Wrong>;

/// What a value should have been.
#[derive(Debug)]
pub(super) struct Wrong {
    /// Ends the sentence "it must be …".
    pub(super) wants: String,
    /// What was probably meant, as it would be written.
    pub(super) meant: Option<String>,
}

/// Longest duration of all: HAProxy's own limit is 24 days too.
const LONGEST: Duration = Duration::from_secs(24 * 24 * 3600);

// === plain values ===

/// `true` or `false`.
pub(super) fn boolean(value: &DeValue<'_>) -> Parsed<bool> {
    value.as_bool().ok_or_else(|| {
        let meant = value.as_str().filter(|text| ["true", "false"].contains(text));
        wrong("`true` or `false`", meant.map(str::to_owned))
    })
}

/// What becomes of the `X-Forwarded` fields: `true`, `false`, or a word.
pub(super) fn forwarded(value: &DeValue<'_>) -> Parsed<Forwarded> {
    let words = [("append", Forwarded::Append), ("replace", Forwarded::Replace), ("keep", Forwarded::Keep)];
    match value {
        DeValue::Boolean(true) => Ok(Forwarded::Append),
        DeValue::Boolean(false) => Ok(Forwarded::Off),
        DeValue::String(text) if !["true", "false"].contains(&&**text) => one_of(&words)(value),
        _ => {
            let meant = value.as_str().map(str::to_owned);
            Err(wrong("`true`, `false`, `\"append\"`, `\"replace\"` or `\"keep\"`", meant))
        }
    }
}

/// A whole number within limits.
pub(super) fn whole<T: TryFrom<u64>>(limits: RangeInclusive<u64>) -> impl Fn(&DeValue<'_>) -> Parsed<T> {
    move |value| {
        let number = |text: &str| text.parse().ok().filter(|number| limits.contains(number));
        let read = value.as_integer().and_then(|integer| {
            let number = u64::from_str_radix(integer.as_str(), integer.radix()).ok()?;
            T::try_from(number).ok().filter(|_| limits.contains(&number))
        });
        read.ok_or_else(|| {
            let meant = value.as_str().and_then(number).map(|number| number.to_string());
            wrong(format!("a whole number from {} to {}", limits.start(), limits.end()), meant)
        })
    }
}

/// Text that is not empty.
pub(super) fn text(value: &DeValue<'_>) -> Parsed<String> {
    let text = value.as_str().filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or_else(|| wrong("a string in quotes, not an empty one", None))
}

/// Text for one line of `show info`, where tools split at `: `.
pub(super) fn line(value: &DeValue<'_>) -> Parsed<String> {
    let fits =
        |text: &&str| !text.trim().is_empty() && !text.contains(char::is_control) && !text.contains(": ");
    value.as_str().filter(fits).map(str::to_owned).ok_or_else(|| {
        let meant = value.as_str().map(|text| text.replace(": ", " - ").replace(char::is_control, " "));
        wrong(
            "one line of text in quotes without a colon and a blank in a row",
            meant.filter(|text| fits(&text.as_str())).map(quoted),
        )
    })
}

/// A name as proxies, servers and listeners have them.
pub(super) fn name(value: &DeValue<'_>) -> Parsed<String> {
    let text = value.as_str().filter(|text| units::is_name(text)).map(str::to_owned);
    text.ok_or_else(|| {
        let meant = value.as_str().and_then(units::nearly_name).map(quoted);
        wrong("a name of letters, digits, `_`, `.`, `:` and `-`", meant)
    })
}

/// One of a few words.
pub(super) fn one_of<T: Clone>(words: &[(&str, T)]) -> impl Fn(&DeValue<'_>) -> Parsed<T> {
    |value| {
        let word = value.as_str().unwrap_or_default();
        let found = words.iter().find(|(name, _)| *name == word);
        found.map(|(_, meaning)| meaning.clone()).ok_or_else(|| {
            let names: Vec<_> = words.iter().map(|(name, _)| *name).collect();
            let meant = near(word, names.iter().copied()).map(quoted);
            wrong(format!("one of `\"{}\"`", names.join("\"`, `\"")), meant)
        })
    }
}

/// Any text, an empty one too.
pub(super) fn anything(value: &DeValue<'_>) -> Parsed<String> {
    value.as_str().map(str::to_owned).ok_or_else(|| wrong("a string in quotes", None))
}

// === quantities ===

/// A duration, not zero.
pub(super) fn duration(value: &DeValue<'_>) -> Parsed<Duration> {
    duration_from(Duration::from_millis(1), value)
}

/// A duration; zero means "at once".
pub(super) fn duration_or_zero(value: &DeValue<'_>) -> Parsed<Duration> {
    duration_from(Duration::ZERO, value)
}

fn duration_from(shortest: Duration, value: &DeValue<'_>) -> Parsed<Duration> {
    let parse = |text: &str| units::duration(text).filter(|it| (shortest..=LONGEST).contains(it));
    value.as_str().and_then(parse).ok_or_else(|| {
        let meant = units::nearly_duration(&written(value)).filter(|text| parse(text).is_some());
        let wants =
            format!("a duration from {}ms to 576h such as `\"250ms\"` or `\"2s\"`", shortest.as_millis());
        wrong(wants, meant.map(quoted))
    })
}

/// A size in bytes, from 1 KiB to 1 MiB.
pub(super) fn size(value: &DeValue<'_>) -> Parsed<usize> {
    let parse = |text: &str| units::size(text).filter(|it| (1 << 10..=1 << 20).contains(it));
    value.as_str().and_then(parse).ok_or_else(|| {
        let meant = units::nearly_size(&written(value)).filter(|text| parse(text).is_some());
        wrong("a size from 1KiB to 1MiB such as `\"16KiB\"`", meant.map(quoted))
    })
}

/// A size in bytes of a store, from 64 KiB to 1 TiB.
pub(super) fn store(value: &DeValue<'_>) -> Parsed<usize> {
    let parse = |text: &str| units::size(text).filter(|it| (64 << 10..=1 << 40).contains(it));
    value.as_str().and_then(parse).ok_or_else(|| {
        let meant = units::nearly_size(&written(value)).filter(|text| parse(text).is_some());
        wrong("a size from 64KiB on such as `\"32MiB\"`", meant.map(quoted))
    })
}

/// Permission bits of a file.
pub(super) fn mode(value: &DeValue<'_>) -> Parsed<u32> {
    value.as_str().and_then(units::mode).ok_or_else(|| {
        let meant = Some(format!("{:0>4}", written(value))).filter(|text| units::mode(text).is_some());
        wrong("permission bits in octal such as `\"0660\"`", meant.map(quoted))
    })
}

// === places ===

/// Where a runtime socket is: a path or an address.
pub(super) fn socket(value: &DeValue<'_>) -> Parsed<RuntimeSocketAddress> {
    let text = value.as_str().filter(|text| !text.is_empty() && *text != "unix@");
    text.and_then(RuntimeSocketAddress::parse).ok_or_else(|| {
        wrong("a path such as `\"run/lb.sock\"` or an address such as `\"127.0.0.1:9999\"`", None)
    })
}

/// An address to listen on for clients.
pub(super) fn address(value: &DeValue<'_>) -> Parsed<SocketAddr> {
    address_at("0.0.0.0", value)
}

/// An address of the pages: a bare port is meant for this machine only, since the pages have commands.
pub(super) fn page_address(value: &DeValue<'_>) -> Parsed<SocketAddr> {
    address_at("127.0.0.1", value)
}

fn address_at(usual: &str, value: &DeValue<'_>) -> Parsed<SocketAddr> {
    let text = written(value);
    value.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| {
        let port = text.strip_prefix("*:").or(text.strip_prefix(':')).unwrap_or(&text);
        let meant = match (text.parse::<IpAddr>(), text.strip_prefix("localhost:")) {
            (Ok(ip), _) => SocketAddr::new(ip, 5000).to_string(),
            (_, Some(port)) => format!("127.0.0.1:{port}"),
            _ => format!("{usual}:{port}"),
        };
        let meant = Some(meant).filter(|text| text.parse::<SocketAddr>().is_ok());
        wrong("an IP address and a port such as `\"0.0.0.0:5000\"` or `\"[::]:5000\"`", meant.map(quoted))
    })
}

/// Where a name server is; its port is 53 unless it says another one.
pub(super) fn nameserver(value: &DeValue<'_>) -> Parsed<SocketAddr> {
    let text = value.as_str().unwrap_or_default();
    let ip = text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53));
    ip.ok().or_else(|| text.parse().ok()).ok_or_else(|| {
        wrong("an IP address, with a port if need be, such as `\"127.0.0.11\"` or `\"127.0.0.11:53\"`", None)
    })
}

/// Host and port of a server.
pub(super) fn endpoint(value: &DeValue<'_>) -> Parsed<(String, u16)> {
    value.as_str().and_then(units::endpoint).ok_or_else(|| {
        let text = written(value);
        let (ip, bracketed) = (text.rsplit_once(':'), |(ip, port)| format!("[{ip}]:{port}"));
        let host = text.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
        let guesses = [host.to_owned(), format!("{host}:80"), ip.map(bracketed).unwrap_or_default()];
        let meant = guesses.into_iter().find(|guess| units::endpoint(guess).is_some());
        wrong("a host and a port such as `\"api0:4000\"` or `\"[::1]:4000\"`", meant.map(quoted))
    })
}

/// An IP address.
pub(super) fn ip(value: &DeValue<'_>) -> Parsed<IpAddr> {
    value.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| {
        let text = written(value);
        let host = text.rsplit_once(':').map_or(text.as_str(), |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let meant = if host == "localhost" { "127.0.0.1" } else { host };
        let meant = Some(meant).filter(|text| text.parse::<IpAddr>().is_ok());
        wrong("an IP address such as `\"10.0.0.1\"` or `\"::1\"`", meant.map(quoted))
    })
}

/// A server, and its backend where that is said.
pub(super) fn tracked(value: &DeValue<'_>) -> Parsed<(Option<String>, String)> {
    let text = value.as_str().unwrap_or_default();
    let (backend, server) = match text.split_once('/') {
        Some((backend, server)) => (Some(backend), server),
        None => (None, text),
    };
    if backend.is_none_or(units::is_name) && units::is_name(server) {
        return Ok((backend.map(str::to_owned), server.to_owned()));
    }
    let meant = text.trim_matches('/').replace("//", "/");
    let fits = |text: &str| text.split('/').count() <= 2 && text.split('/').all(units::is_name);
    let meant = Some(meant).filter(|meant| fits(meant)).map(quoted);
    Err(wrong("a server such as `\"api0\"` or `\"api_nodes/api0\"`", meant))
}

/// Where a log goes, as it is written.
pub(super) enum LogTargetText {
    Stderr,
    Stdout,
    File(String),
    Udp(String, u16),
    Unix(String),
}

/// The target of a log.
pub(super) fn log_target(value: &DeValue<'_>) -> Parsed<LogTargetText> {
    const SYSLOG: u16 = 514;
    let text = value.as_str().unwrap_or_default();
    let daemon = |place: &str| {
        let host = |host: &str| units::is_host(host).then(|| (host.to_owned(), SYSLOG));
        let (host, port) = units::endpoint(place).or_else(|| host(place))?;
        Some(LogTargetText::Udp(host, port))
    };
    let found = match text.split_once("://") {
        _ if text.is_empty() => None,
        Some(("udp" | "syslog", place)) => daemon(place),
        Some(("unix", path)) => (!path.is_empty()).then(|| LogTargetText::Unix(path.to_owned())),
        Some(_) => None,
        // A relative path may begin with `./`.
        None if text == "syslog" || is_daemon(text) => None,
        None => Some(match text {
            "stderr" => LogTargetText::Stderr,
            "stdout" => LogTargetText::Stdout,
            // No file: the socket of the local daemon, wherever there is one.
            "/dev/log" => LogTargetText::Unix(text.to_owned()),
            path => LogTargetText::File(path.to_owned()),
        }),
    };
    found.ok_or_else(|| {
        wrong(
            "`\"stderr\"`, `\"stdout\"`, a file's path, `\"udp://127.0.0.1:514\"` or `\"unix:///dev/log\"`",
            match text.strip_prefix("tcp://") {
                Some(place) => Some(quoted(format!("udp://{place}"))),
                None if text == "syslog" => Some(quoted("unix:///dev/log")),
                None if text.parse::<IpAddr>().is_ok() => {
                    Some(quoted(format!("udp://{}", units::host_and_port(text, SYSLOG))))
                }
                None => is_daemon(text).then(|| quoted(format!("udp://{text}"))),
            },
        )
    })
}

/// Whether a text is an address, with or without a port, or a host with one: it can hardly be meant as a file's name.
fn is_daemon(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok() || units::endpoint(text).is_some()
}

/// The name of a program in syslog (RFC 3164 section 4.1.3).
pub(super) fn tag(value: &DeValue<'_>) -> Parsed<String> {
    let text = value.as_str().unwrap_or_default();
    let fits = |text: &str| {
        (1..=32).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'[' | b']' | b':'))
    };
    if fits(text) {
        return Ok(text.to_owned());
    }
    let meant: String =
        text.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-').take(32).collect();
    let meant = Some(meant).filter(|meant| fits(meant)).map(quoted);
    Err(wrong("a name of 1 to 32 visible ASCII characters without `[`, `]` and `:`", meant))
}

/// Path of a health check's GET (RFC 9112 3.2.1: origin form).
pub(super) fn origin_path(value: &DeValue<'_>) -> Parsed<String> {
    let is_path =
        |text: &str| text.starts_with('/') && text.bytes().all(|b| b.is_ascii_graphic() && b != b'#');
    value.as_str().filter(|text| is_path(text)).map(str::to_owned).ok_or_else(|| {
        let meant = value.as_str().map(|text| format!("/{text}")).filter(|text| is_path(text));
        wrong("a path that begins with `/` such as `\"/health\"`", meant.map(quoted))
    })
}

/// What goes into a `Host` field (RFC 9110 7.2).
pub(super) fn host(value: &DeValue<'_>) -> Parsed<String> {
    let is_host = |text: &&str| Authority::from_str(text).is_ok() && !text.contains('@');
    let host = value.as_str().filter(is_host).map(str::to_owned);
    host.ok_or_else(|| wrong("a host name, with a port if need be, such as `\"api.example.com\"`", None))
}

/// Name of a header field (RFC 9110 5.1).
pub(super) fn field_name(value: &DeValue<'_>) -> Parsed<String> {
    let text = value.as_str().unwrap_or_default();
    if HeaderName::from_str(text).is_ok() {
        return Ok(text.to_owned());
    }
    let meant = Some(text.trim_end_matches(':')).filter(|text| HeaderName::from_str(text).is_ok());
    Err(wrong("the name of a header field such as `\"User-Agent\"`", meant.map(quoted)))
}

/// Name of a cookie (RFC 6265 section 4.1.1).
pub(super) fn cookie_name(value: &DeValue<'_>) -> Parsed<String> {
    let name = value.as_str().filter(|text| HeaderName::from_str(text).is_ok());
    name.map(str::to_owned).ok_or_else(|| wrong("the name of a cookie such as `\"SRV\"`", None))
}

/// What a cookie's name begins with, or with `=` behind it all of the name.
pub(super) fn cookie_beginning(value: &DeValue<'_>) -> Parsed<String> {
    let fits = |text: &&str| HeaderName::from_str(text.strip_suffix('=').unwrap_or(text)).is_ok();
    let text = value.as_str().filter(fits);
    text.map(str::to_owned).ok_or_else(|| {
        wrong("what a cookie's name begins with, such as `\"SESSION\"`, or all of it, as in `\"SID=\"`", None)
    })
}

/// What stands for a server in a cookie: no letter that ends or divides one.
pub(super) fn server_cookie(value: &DeValue<'_>) -> Parsed<String> {
    let text = value.as_str().filter(|text| units::is_server_cookie(text));
    text.map(str::to_owned)
        .ok_or_else(|| wrong("visible ASCII characters without `\"`, `;`, `,`, `~`, `|` and `=`", None))
}

/// A domain or an attribute of a cookie.
pub(super) fn cookie_attribute(value: &DeValue<'_>) -> Parsed<String> {
    let fits = |byte: u8| matches!(byte, b' '..=b'~') && byte != b';';
    let text = value.as_str().filter(|text| !text.is_empty() && text.bytes().all(fits));
    text.map(str::to_owned).ok_or_else(|| wrong("visible ASCII characters without `;`", None))
}

/// What a table stores: `gpc0`, or `conn_rate(10s)`.
pub(super) fn stored(value: &DeValue<'_>) -> Parsed<Stored> {
    let text = value.as_str().unwrap_or_default();
    let (name, period) = match text.split_once('(') {
        Some((name, rest)) => (name, rest.strip_suffix(')').and_then(units::duration)),
        None => (text, Some(Duration::ZERO)),
    };
    let found = Datum::named(name).zip(period);
    let found = found.filter(|(kind, period)| kind.is_rate() == (!period.is_zero() && *period <= LONGEST));
    found.map(|(kind, period)| Stored { kind, period }).ok_or_else(|| {
        let meant = near(name, Datum::ALL.iter().map(|kind| kind.name())).and_then(Datum::named);
        let meant = meant.map(|kind| format!("{}{}", kind.name(), if kind.is_rate() { "(10s)" } else { "" }));
        wrong(
            "what HAProxy's tables store, such as `\"gpc0\"`, or `\"conn_rate(10s)\"` for a rate",
            meant.map(quoted),
        )
    })
}

/// Where a key comes from.
pub(super) fn key_source(value: &DeValue<'_>) -> Parsed<KeySource> {
    let text = value.as_str().unwrap_or_default();
    let name = |name: &str| HeaderName::from_str(name).ok();
    let found = match text.split_once(':') {
        None if text == "src" => Some(KeySource::Src),
        Some(("header", field)) => name(field).map(|name| KeySource::Header(name.as_str().to_owned())),
        Some(("cookie", cookie)) => name(cookie).map(|_| KeySource::Cookie(cookie.to_owned())),
        // HAProxy's notation.
        _ => match sample(text) {
            Some(("hdr" | "req.hdr", field)) => {
                name(field).map(|name| KeySource::Header(name.as_str().to_owned()))
            }
            Some(("cook" | "req.cook", cookie)) => name(cookie).map(|_| KeySource::Cookie(cookie.to_owned())),
            _ => None,
        },
    };
    found.ok_or_else(|| wrong("`\"src\"`, `\"header:NAME\"` or `\"cookie:NAME\"`", None))
}

/// How a server is picked.
pub(super) fn balance(value: &DeValue<'_>) -> Parsed<Balance> {
    let words = [
        ("roundrobin", Balance::RoundRobin),
        ("static-rr", Balance::StaticRr),
        ("leastconn", Balance::LeastConn),
        ("random", Balance::Random),
        ("first", Balance::First),
        ("source", Balance::Source),
        ("uri", Balance::Uri),
    ];
    let header = |name: &str| HeaderName::from_str(name).ok();
    let text = value.as_str().unwrap_or_default();
    // HAProxy's notation is the same.
    let named = sample(text).filter(|(fetch, _)| *fetch == "hdr").map(|(_, name)| name);
    if let Some(name) = text.strip_prefix("header:").or(named).and_then(header) {
        return Ok(Balance::Header(name.as_str().to_owned()));
    }
    one_of(&words)(value).map_err(|mut wrong| {
        wrong.wants.push_str(" or `\"header:NAME\"`");
        wrong
    })
}

/// The fetch and its one argument: `hdr(X-User)`.
fn sample(text: &str) -> Option<(&str, &str)> {
    text.strip_suffix(')')?.split_once('(')
}

/// What servers speak.
pub(super) fn protocol(value: &DeValue<'_>) -> Parsed<Protocol> {
    let words = [("http1", Protocol::Http1), ("h2c", Protocol::H2c)];
    one_of(&words)(value).map_err(|mut wrong| {
        // The names that others have for it; by its letters alone `http2` would be nearer to `http1`.
        let meant = match value.as_str().unwrap_or_default().to_ascii_lowercase().as_str() {
            "h2" | "http2" | "http/2" | "http/2.0" | "grpc" => Some("h2c"),
            "h1" | "http" | "http/1" | "http/1.1" | "http11" => Some("http1"),
            _ => None,
        };
        wrong.meant = meant.map(quoted).or(wrong.meant);
        wrong
    })
}

// === what was meant ===

fn wrong(wants: impl Into<String>, meant: Option<String>) -> Wrong {
    Wrong { wants: wants.into(), meant }
}

fn quoted(text: impl AsRef<str>) -> String {
    format!("{:?}", text.as_ref())
}

/// A string or a number as it was written, to guess from; empty for anything else.
fn written(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.to_string(),
        _ => String::new(),
    }
}
