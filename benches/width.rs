//! What the check of machine code costs, against decoding the same bytes and nothing else.
//!
//! `plain` is code in which every access is that of its own operator; in `mixed` code every tenth
//! load is sunk into its consumer, so that operands are traced back, and in `sunk` code every one.
//! One iteration is all of the code; the ratios within one run are what counts.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use iced_x86::{Decoder, DecoderOptions, Instruction};
use object::{Object, ObjectSection};
use wasm_brink::ops::{Addressing, Unit};
use wasm_brink::shapes::{self, Exported, MemoryForm};
use wasm_brink::width;

/// Functions, and the units that each runs: code of the size of a usual function.
const FUNCTIONS: usize = 1_000;
const UNITS: usize = 40;

/// A module in which every `sunk`-th unit has a load that is sunk into its consumer.
fn module(sunk: usize) -> Vec<u8> {
    let parse = |text: &str| text.parse::<Unit>().expect("a unit");
    // As many accesses for the code as in real modules: one for about fifty bytes.
    let rest = "; f64.mul(local, prev); f64.sub(local, prev); f64.div(local, prev); \
                f64.ceil(prev); f64.mul(local, prev); f64.sub(local, prev) -> store";
    let (plain, consumer) = (
        parse(&format!("f64.load(local); f64.neg(prev); f64.floor(prev){rest}")),
        parse(&format!("f64.load(local); f64.add(local, prev); f64.floor(prev){rest}")),
    );
    let unit = |at: usize| if (at + 1).is_multiple_of(sunk) { &consumer } else { &plain };
    let unit = |at| (unit(at).clone(), Addressing::default());
    let units: Vec<(Unit, Addressing)> = (0..UNITS).map(unit).collect();
    let functions = std::iter::repeat_n(&units[..], FUNCTIONS);
    shapes::accesses_batch(MemoryForm::Memory32, functions, Exported::None).bytes.to_vec()
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
    for (name, sunk) in [("plain", usize::MAX), ("mixed", 10), ("sunk", 1)] {
        let module = module(sunk);
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
