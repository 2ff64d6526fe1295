//! What the check of machine code costs, against decoding the same bytes and nothing else.
//!
//! `plain` is code in which every access is that of its own operator, `sunk` code in which every
//! load is sunk into its consumer, so that operands are traced back. One iteration is all of the
//! code; the ratios within one run are what counts.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use iced_x86::{Decoder, DecoderOptions, Instruction};
use object::{Object, ObjectSection};
use wasm_brink::ops::Unit;
use wasm_brink::recipe::Recipe;
use wasm_brink::{shapes, width};

/// Copies of the unit, in functions of a size that is usual.
const COUNT: u64 = 40_000;

fn module(unit: &str) -> Vec<u8> {
    let unit: Unit = unit.parse().expect("a unit");
    let recipe = Recipe::new("accesses").with("count", COUNT).with_unit(unit);
    shapes::build(&recipe).expect("the recipe fits its shape").bytes.to_vec()
}

fn compile(module: &[u8]) -> Vec<u8> {
    let mut config = wasmtime::Config::new();
    config.target("x86_64-unknown-linux-gnu").expect("a target");
    let engine = wasmtime::Engine::new(&config).expect("an engine");
    engine.precompile_module(module).expect("it compiles")
}

fn text(artifact: &[u8]) -> Vec<u8> {
    let file = object::File::parse(artifact).expect("an ELF file");
    file.section_by_name(".text").expect("code").data().expect("its bytes").to_vec()
}

fn decode(code: &[u8]) -> u64 {
    let mut decoder = Decoder::with_ip(64, code, 0, DecoderOptions::NONE);
    let mut instruction = Instruction::default();
    let mut count = 0;
    while decoder.can_decode() {
        decoder.decode_out(&mut instruction);
        count += instruction.len() as u64;
    }
    count
}

fn check(criterion: &mut Criterion) {
    let units = [
        ("plain", "f64.load(local) -> store"),
        ("sunk", "f64.load(local); f64.add(local, prev) -> store"),
    ];
    for (name, unit) in units {
        let module = module(unit);
        let artifact = compile(&module);
        let code = text(&artifact);
        let mut group = criterion.benchmark_group(format!("width/{name}"));
        group.sample_size(20).throughput(Throughput::Bytes(code.len() as u64));
        group.bench_function("decode", |bencher| bencher.iter(|| decode(&code)));
        group.bench_function("check", |bencher| {
            bencher.iter(|| {
                let checked = width::check(&module, &artifact, false);
                assert_eq!((checked.failure, checked.mismatch_count), (None, 0));
                checked.accesses
            });
        });
        group.finish();
    }
}

criterion_group!(benches, check);
criterion_main!(benches);
