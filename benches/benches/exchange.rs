//! A whole exchange over loopback: client, balancer, origin and back, on a kept connection, by size of the answer.

use std::time::Duration;

use benches::client::Buffer;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

#[path = "support/balancer.rs"]
mod balancer;

use balancer::Balancer;

fn exchange(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("exchange");
    group.sample_size(30).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    for (name, size) in [("128 B", 128), ("10 KB", 10 * 1024), ("1 MB", 1 << 20)] {
        let balancer = Balancer::start(size).expect("loopback has room for a balancer");
        let mut client = balancer.connect().expect("the balancer listens");
        let (path, mut buffer) = (format!("/{size}"), Buffer::default());
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter(|| {
                let answer = client.get(&path, &mut buffer, |_| ()).expect("the balancer answers");
                assert_eq!((answer.status, answer.length), (200, size));
            });
        });
    }
    group.finish();
}

criterion_group!(all, exchange);
criterion_main!(all);
