//! Work on text: heads and chunks as the engine reads and writes them, and commands of the runtime socket.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use lb::config::Level;
use lb::config::{Balance, Forwarded};
use lb::http::chunk::{ChunkItem, Decoder};
use lb::http::head::Limits;
use lb::http::response::ResponseContext;
use lb::proxy::h1::{request, response};

const BROWSER: &[u8] = b"GET /shop/cart?item=17 HTTP/1.1\r\nHost: shop.example\r\nConnection: keep-alive\r\n\
Cache-Control: max-age=0\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
Chrome/142.0 Safari/537.36\r\nAccept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8\r\n\
Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: en-GB,en;q=0.9\r\n\
Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\nUpgrade-Insecure-Requests: 1\r\n\
Sec-Fetch-Mode: navigate\r\n\r\n";

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 10:00:00 GMT\r\nContent-Type: text/html; charset=utf-8\r\n\
Content-Length: 5120\r\nCache-Control: no-store\r\nSet-Cookie: session=0123456789abcdef; HttpOnly\r\nVary: Accept\r\n\r\n";

const LIMITS: Limits = Limits { max_head: 16 * 1024, max_fields: 101 };

fn heads(criterion: &mut Criterion) {
    let towards = request::RewriteContext {
        forwarded: Forwarded::Append,
        balance: &Balance::RoundRobin,
        peer: b"203.0.113.7",
        jar: None,
        keys: [None; 2],
    };
    let mut out = Vec::with_capacity(4096);
    criterion.bench_function("head of a request, read and written", |bencher| {
        bencher.iter(|| {
            out.clear();
            request::parse(black_box(BROWSER), LIMITS, towards, &mut out)
        });
    });
    let towards = ResponseContext { is_head: false, old: false, keep: true, upgrade: None };
    criterion.bench_function("head of a response, read and written", |bencher| {
        bencher.iter(|| {
            out.clear();
            response::parse(black_box(ANSWER), LIMITS, towards, None, &mut out)
        });
    });
}

fn chunks(criterion: &mut Criterion) {
    let body = format!("4000\r\n{}\r\n", "x".repeat(0x4000)).repeat(4) + "0\r\n\r\n";
    criterion.bench_function("chunked body of 64 KiB, read", |bencher| {
        bencher.iter(|| {
            let (mut decoder, mut at) = (Decoder::new(8192), 0);
            while let Ok(ChunkItem::Data(range)) = decoder.next(&black_box(body.as_bytes())[at..]) {
                at += range.end;
            }
            assert!(decoder.is_done());
        });
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

criterion_group!(all, heads, chunks, commands);
criterion_main!(all);
