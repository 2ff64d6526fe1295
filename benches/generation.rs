//! What generating a body at its limit costs beside copying as many bytes.
//!
//! Repeats are meant to be written as bytes copied, so generation is to stay near the speed of a
//! copy; whatever is slower would be paid on each of the millions of runs of a campaign.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use wasm_brink::recipe::Proximity;
use wasm_brink::shapes::{build, default_recipe, resolve, shape};

fn generation(criterion: &mut Criterion) {
    let repeat = shape("repeat").expect("the registry has `repeat`");
    let body_bytes = &repeat.axes()[0];
    let recipe = resolve(repeat, body_bytes, Proximity::At, &default_recipe(repeat))
        .expect("`repeat` reaches the limit of a body");
    let bytes = build(&recipe).expect("a resolved recipe builds").bytes.to_vec();

    let mut group = criterion.benchmark_group("body at its limit");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("generate", |bencher| {
        bencher
            .iter(|| build(black_box(&recipe)).expect("a resolved recipe builds").bytes.to_vec());
    });
    // Measured in the same way: both allocate, fill and free in each turn, on equally warm pages.
    group.bench_function("copy", |bencher| {
        bencher.iter(|| black_box(&bytes).clone());
    });
    group.finish();
}

criterion_group!(benches, generation);
criterion_main!(benches);
