//! Work on text: the fields of a browser's request made a server's, and commands of the runtime socket.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderName, HeaderValue};
use lb::config::Level;

const BROWSER: &[(&str, &str)] = &[
    ("host", "shop.example"),
    ("connection", "keep-alive"),
    ("cache-control", "max-age=0"),
    (
        "user-agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36",
    ),
    ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("accept-language", "en-GB,en;q=0.9"),
    ("cookie", "session=0123456789abcdef0123456789abcdef; theme=dark"),
    ("upgrade-insecure-requests", "1"),
    ("sec-fetch-mode", "navigate"),
];

fn fields(criterion: &mut Criterion) {
    let pair = |(name, value): &(&'static str, &'static str)| {
        (HeaderName::from_static(name), HeaderValue::from_static(value))
    };
    let head: HeaderMap = BROWSER.iter().map(pair).collect();
    let peer = HeaderValue::from_static("203.0.113.7");
    criterion.bench_function("fields of a request", |bencher| {
        bencher.iter_batched(
            || head.clone(),
            |mut head| {
                lb::proxy::strip_hop_by_hop(&mut head);
                lb::proxy::forwarded(&mut head, peer.clone());
                head
            },
            BatchSize::SmallInput,
        );
    });
}

fn commands(criterion: &mut Criterion) {
    for line in [
        "show stat",
        "disable server api_nodes/api1",
        "set server api_nodes/api1 state ready; show info; quit",
    ] {
        criterion.bench_function(&format!("command: {line}"), |bencher| {
            bencher.iter(|| lb::admin::recognise(black_box(line.as_bytes()), Level::Admin));
        });
    }
}

criterion_group!(all, fields, commands);
criterion_main!(all);
