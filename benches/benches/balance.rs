//! Picking a server and giving it back, by algorithm and number of servers; and reading the snapshot that holds the rotation.

use std::hint::black_box;
use std::sync::atomic::AtomicUsize;

use arc_swap::ArcSwap;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use lb::balance::{Rotation, Tried, hash};
use lb::config::Balance;

#[path = "support/servers.rs"]
mod servers;

use servers::servers;

fn pick(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pick and release");
    let algorithms = [
        ("roundrobin", Balance::RoundRobin),
        ("leastconn", Balance::LeastConn),
        ("random", Balance::Random),
        ("first", Balance::First),
        ("source", Balance::Source),
    ];
    for (name, balance) in algorithms {
        for count in [3, 1000] {
            let rotation = Rotation::new(&balance, &servers(count));
            let (cursor, tried) = (AtomicUsize::new(0), Tried::default());
            let mut key = 0u64;
            group.bench_function(BenchmarkId::new(name, count), |bencher| {
                bencher.iter(|| {
                    key = key.wrapping_add(0x9e37_79b9_7f4a_7c15);
                    black_box(rotation.pick(&cursor, key, &tried))
                });
            });
        }
    }
    group.finish();
    criterion.bench_function("hash a client's address", |bencher| {
        bencher.iter(|| hash(black_box(b"203.0.113.7")));
    });
}

fn snapshot(criterion: &mut Criterion) {
    let swap = ArcSwap::from_pointee(Rotation::new(&Balance::RoundRobin, &servers(3)));
    criterion.bench_function("snapshot load", |bencher| bencher.iter(|| black_box(swap.load().weight())));
}

fn rebuild(criterion: &mut Criterion) {
    let thousand = servers(1000);
    criterion.bench_function("rotation of 1000 servers made anew", |bencher| {
        bencher.iter(|| Rotation::new(black_box(&Balance::RoundRobin), &thousand));
    });
}

criterion_group!(all, pick, snapshot, rebuild);
criterion_main!(all);
