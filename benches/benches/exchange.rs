//! A whole exchange over loopback: client, balancer, origin and back, on a kept connection, by size of the answer.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn exchange(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("exchange");
    for (name, size) in [("128 B", 128), ("10 KB", 10 * 1024), ("1 MB", 1 << 20)] {
        let balancer = benches::Balancer::start(size).expect("loopback has room for a balancer");
        let mut client = balancer.connect().expect("the balancer listens");
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter(|| client.get().expect("the balancer answers"));
        });
    }
    group.finish();
}

criterion_group!(all, exchange);
criterion_main!(all);
