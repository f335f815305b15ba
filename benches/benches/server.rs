//! Counting an exchange in and out on a server, alone and with another thread doing the same.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use criterion::{Criterion, criterion_group, criterion_main};

#[path = "support/servers.rs"]
mod servers;

use servers::servers;

fn claim(criterion: &mut Criterion) {
    let server = &servers(1)[0];
    criterion.bench_function("claim and release", |bencher| bencher.iter(|| drop(black_box(server.claim()))));

    let stop = Arc::new(AtomicBool::new(false));
    let other = {
        let (server, stop) = (Arc::clone(server), Arc::clone(&stop));
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                drop(black_box(server.claim()));
            }
        })
    };
    criterion.bench_function("claim and release, contended", |bencher| {
        bencher.iter(|| drop(black_box(server.claim())));
    });
    stop.store(true, Ordering::Relaxed);
    // It ends with the flag; a panic in it has been printed.
    let _ = other.join();
}

criterion_group!(all, claim);
criterion_main!(all);
