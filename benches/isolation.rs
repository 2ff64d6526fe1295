//! What running a job in a child costs, against compiling the same module in this process.
//!
//! With engines in the cache that `BRINK_CACHE` names, also what a job on the newest release costs,
//! against one on the built-in engine.
//!
//! One iteration is one job (`child`), or one job of a batch of a hundred (`batch`). The ratios
//! within one run are what counts; absolute times are the machine's.
#![expect(clippy::print_stdout, reason = "figures are what it is for")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};
use wasm_brink::engines::{Backend, Code, EngineId, Installed};
use wasm_brink::job::{Budget, Job};
use wasm_brink::outcome::{EngineVerdict, Termination};
use wasm_brink::provision::Cache;
use wasm_brink::recipe::Recipe;
use wasm_brink::sandbox::{Host, Seat, StoredModule, WorkerExe};
use wasm_brink::shapes;

/// Jobs in a batch.
const BATCH: u64 = 100;

/// Copies of the unit in a module that compiles in well over 100 ms.
const LARGE: u64 = 20_000;

fn module(count: u64) -> Vec<u8> {
    let shape = shapes::shape("repeat").expect("the shape exists");
    let recipe: Recipe = shapes::default_recipe(shape).with("count", count).with("fence", 0);
    shapes::build(&recipe).expect("the recipe fits its shape").bytes.to_vec()
}

/// No checks of its own by the engine, so that both sides do the same work.
fn backend() -> Backend {
    "x86_64:verifier=off,regalloc-checker=off".parse().expect("a backend")
}

/// The newest release that is there as a library.
fn release() -> Option<Installed> {
    let cache = Cache::at(Path::new(&std::env::var_os("BRINK_CACHE")?));
    let engines = cache.list().ok()?;
    engines.into_iter().rfind(|engine| matches!(engine.code, Code::Library(_)))
}

fn jobs(module: &StoredModule, count: u64) -> Vec<Job> {
    jobs_on(&EngineId::builtin(), module, count)
}

fn jobs_on(engine: &EngineId, module: &StoredModule, count: u64) -> Vec<Job> {
    let job = |id| Job {
        id,
        module: module.source(),
        proposals: BTreeSet::new(),
        backend: backend().on(engine),
        budget: Budget::new(60, 4 << 30),
        artifact: None,
        repeat: false,
        edge: None,
        execution: None,
        shortage: None,
    };
    (0..count).map(job).collect()
}

fn run(seat: &mut Seat, jobs: Vec<Job>) {
    seat.run(jobs, &|| false, &mut |outcome| {
        let accepted = matches!(
            &outcome.termination,
            Termination::Completed { verdict: EngineVerdict::Accepted { .. } }
        );
        assert!(accepted, "{:?}", outcome.termination);
    })
    .expect("the worker lives");
}

/// Everything that a job does, in this process: configure, validate, compile, hash.
fn in_process(module: &[u8]) {
    let mut config = wasmtime::Config::new();
    config.target("x86_64-unknown-linux-gnu").expect("a target");
    let engine = wasmtime::Engine::new(&config).expect("an engine");
    wasmtime::Module::validate(&engine, module).expect("a valid module");
    let artifact = engine.precompile_module(module).expect("it compiles");
    std::hint::black_box(blake3::hash(&artifact));
}

fn isolation(c: &mut Criterion) {
    let exe = WorkerExe::at(Path::new(env!("CARGO_BIN_EXE_brink")));
    let mut seat = Seat::start(&Host::builtin(&exe)).expect("a worker");
    for (name, count) in [("tiny", 1), ("large", LARGE)] {
        let bytes = module(count);
        let stored = StoredModule::new(&shapes::Rope::from(bytes.clone())).expect("stored");
        let mut group = c.benchmark_group(format!("isolation/{name}"));
        group.throughput(Throughput::Elements(1)).sample_size(if count == 1 { 50 } else { 10 });
        group.measurement_time(Duration::from_secs(10));
        group.bench_function("in-process", |b| b.iter(|| in_process(&bytes)));
        group.bench_function("child", |b| b.iter(|| run(&mut seat, jobs(&stored, 1))));
        if let Some(engine) = release() {
            let id = engine.id.clone();
            let mut seat = Seat::start(&Host::new(&exe, engine)).expect("a worker");
            group.bench_function(format!("child-on-{id}"), |b| {
                b.iter(|| run(&mut seat, jobs_on(&id, &stored, 1)));
            });
        }
        if count == 1 {
            group.bench_function("batch", |b| {
                b.iter_custom(|iterations| {
                    let started = Instant::now();
                    let mut left = iterations;
                    while left > 0 {
                        let now = left.min(BATCH);
                        run(&mut seat, jobs(&stored, now));
                        left -= now;
                    }
                    started.elapsed()
                });
            });
        }
        group.finish();
    }
}

/// One job of each kind in turn, so that a machine whose speed wanders slows both alike; prints the
/// median of the ratios. Runs with all the others where no option is given, or alone as
/// `cargo bench --bench isolation pairs`.
fn in_pairs(_: &mut Criterion) {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    words.retain(|word| word != "pairs");
    if words != ["--bench"] {
        return;
    }
    let exe = WorkerExe::at(Path::new(env!("CARGO_BIN_EXE_brink")));
    let mut seat = Seat::start(&Host::builtin(&exe)).expect("a worker");
    for (name, count, pairs) in [("tiny", 1, 2001), ("large", LARGE, 41)] {
        let bytes = module(count);
        let stored = StoredModule::new(&shapes::Rope::from(bytes.clone())).expect("stored");
        let timed = |work: &mut dyn FnMut()| {
            let started = Instant::now();
            work();
            started.elapsed().as_secs_f64()
        };
        let mut measured: Vec<[f64; 3]> = (0..pairs)
            .map(|pair| {
                let alone = || timed(&mut || in_process(&bytes));
                let mut child = || timed(&mut || run(&mut seat, jobs(&stored, 1)));
                // Neither is always the first.
                let (alone, child) = if pair % 2 == 0 {
                    let alone = alone();
                    (alone, child())
                } else {
                    let child = child();
                    (alone(), child)
                };
                [child / alone, alone * 1e3, child * 1e3]
            })
            .collect();
        let [ratio, alone, child] = [0, 1, 2].map(|column| {
            measured.sort_by(|a, b| a[column].total_cmp(&b[column]));
            measured[measured.len() / 2][column]
        });
        println!(
            "isolation/{name}/in-pairs: {alone:.3} ms in process, {child:.3} ms in a child; \
             the median of {pairs} ratios is {ratio:.3}\n"
        );
    }
}

criterion_group!(benches, isolation, in_pairs);
criterion_main!(benches);
