//! What a hunt finds, against what wasm-smith's modules find: the same worker, oracles, budget,
//! backends and time, one after the other on this machine.
//!
//!     cargo bench --bench baseline -- 600
//!
//! Each side gets that many seconds (60 where none are given), and is told in buckets: signatures
//! of violations that were seen three times out of three. wasm-smith runs with everything that it
//! can bound at 1,000, its own ceiling, and with entropy from 1 KiB to 1 MiB for a module.

#![expect(clippy::print_stdout, reason = "figures are what it is for")]

use arbitrary::Unstructured;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use wasm_brink::campaign::{
    CONFIRMATIONS, Case, Court, Event, Hunt, HuntOptions, Observer, Repro, reproduce,
};
use wasm_brink::engines::{Backend, Installed};
use wasm_brink::job::Budget;
use wasm_brink::outcome::Outcome;
use wasm_brink::sandbox::{Host, Next, Pool, SeatError, Task, Tasks, WorkerExe};
use wasm_brink::triage::Signature;

/// What chance is drawn from, on both sides.
const SEED: u64 = 1;

/// The limits of a job, as `brink hunt` has them.
const BUDGET: Budget = Budget::new(10, 2 << 30);

/// Least and most entropy of a module, in bytes: powers of two.
const ENTROPY_LOG2: std::ops::RangeInclusive<u32> = 10..=20;

/// wasm-smith at its largest.
fn largest() -> wasm_smith::Config {
    const CEILING: usize = 1_000;
    wasm_smith::Config {
        max_data_segments: CEILING,
        max_element_segments: CEILING,
        max_elements: CEILING,
        max_exports: CEILING,
        max_funcs: CEILING,
        max_globals: CEILING,
        max_imports: CEILING,
        max_instructions: CEILING,
        max_memories: 100,
        max_nesting_depth: CEILING,
        max_tables: 100,
        max_tags: CEILING,
        max_types: CEILING,
        max_values: CEILING,
        // The engine does not know them.
        compact_imports_enabled: false,
        ..Default::default()
    }
}

/// Modules of wasm-smith, each on every backend.
struct Smith<'a> {
    backends: &'a [Backend],
    deadline: Instant,
    state: Mutex<State>,
}

struct State {
    next_job: u64,
    /// What runs: the case and the place of its backend.
    running: BTreeMap<u64, (Case, usize)>,
    /// First sight of each signature.
    seen: BTreeMap<Signature, (Case, Backend)>,
    jobs: u64,
    modules: u64,
    module_bytes: u64,
}

impl<'a> Smith<'a> {
    fn new(backends: &'a [Backend], time: Duration) -> Smith<'a> {
        let state = State {
            next_job: 0,
            running: BTreeMap::new(),
            seen: BTreeMap::new(),
            jobs: 0,
            modules: 0,
            module_bytes: 0,
        };
        Smith { backends, deadline: Instant::now() + time, state: Mutex::new(state) }
    }
}

/// What a module is made from, of a size that is as likely to be small as large.
fn entropy(module: u64) -> Vec<u8> {
    let mut source = blake3::Hasher::new();
    source.update(&SEED.to_le_bytes()).update(&module.to_le_bytes());
    let mut source = source.finalize_xof();
    let mut chance = [0];
    source.fill(&mut chance);
    let sizes = ENTROPY_LOG2.end() - ENTROPY_LOG2.start() + 1;
    let mut entropy = vec![0; 1 << (ENTROPY_LOG2.start() + u32::from(chance[0]) % sizes)];
    source.fill(&mut entropy);
    entropy
}

impl Tasks for Smith<'_> {
    fn next(&self) -> Next {
        if Instant::now() >= self.deadline {
            return Next::Done;
        }
        let number = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.modules += 1;
            state.modules
        };
        let entropy = entropy(number);
        let module = wasm_smith::Module::new(largest(), &mut Unstructured::new(&entropy));
        let Ok(module) = module else { return Next::Wait };
        let bytes = module.to_bytes();
        let length = bytes.len() as u64;
        let case = Case::of_module(&format!("module {number}"), bytes).expect("room for a module");
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.module_bytes += length;
        let mut jobs = Vec::new();
        for (place, backend) in self.backends.iter().enumerate() {
            let id = state.next_job;
            state.next_job += 1;
            jobs.push(case.job(id, backend, BUDGET));
            state.running.insert(id, (case.clone(), place));
        }
        Next::Task(Task { jobs, module: case.module })
    }

    fn ended(&self, outcome: Outcome) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.jobs += 1;
        let Some((case, place)) = state.running.remove(&outcome.job) else { return };
        let backend = &self.backends[place];
        for judged in Court::judge(&case, backend, &BUDGET, &outcome, None).0 {
            state.seen.entry(judged.signature).or_insert_with(|| (case.clone(), backend.clone()));
        }
    }

    fn seat_failed(&self, error: SeatError) {
        panic!("a seat has no worker: {error}");
    }
}

/// Hears of findings and jobs.
#[derive(Default)]
struct Listener {
    found: Mutex<BTreeSet<Signature>>,
    jobs: Mutex<u64>,
}

impl Observer for Listener {
    fn observe(&self, event: Event) {
        if let Event::Found { finding } = event {
            let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            found.insert(finding.signature);
        } else if let Event::JobEnded { .. } = event {
            *self.jobs.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        }
    }
}

/// Runs wasm-smith's modules, and what went wrong twice more; gives what went wrong each time.
fn smith(pool: &Pool, backends: &[Backend], time: Duration) -> BTreeSet<Signature> {
    let work = Smith::new(backends, time);
    let stop = AtomicBool::new(false);
    let stats = pool.run(&work, &stop);
    let state = work.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!(
        "wasm-smith: {} modules of {} bytes on average, {} jobs, {:.0} s of CPU",
        state.modules,
        state.module_bytes / state.modules.max(1),
        state.jobs,
        stats.children_cpu_us as f64 / 1e6
    );
    let stands = |(signature, (case, backend)): (Signature, (Case, Backend))| {
        let repro = Repro {
            case,
            backends: vec![backend],
            budget: BUDGET,
            times: CONFIRMATIONS,
            keep_artifacts: false,
        };
        let report = reproduce(&repro, pool, &stop, &Listener::default());
        let each = |run: &wasm_brink::campaign::ReproRun| {
            run.violations.iter().any(|judged| judged.signature == signature)
        };
        let all = report.runs.len() == CONFIRMATIONS as usize && report.runs.iter().all(each);
        all.then_some(signature)
    };
    state.seen.into_iter().filter_map(stands).collect()
}

fn hunt(pool: &Pool, backends: &[Backend], time: Duration) -> BTreeSet<Signature> {
    let options = HuntOptions {
        backends: backends.to_vec(),
        budget: BUDGET,
        time: Some(time),
        cases: None,
        seed: SEED,
        shard: (1, 1),
        first: 0,
        known: Vec::new(),
        past: Vec::new(),
        open: Vec::new(),
        found: Vec::new(),
    };
    let (listener, stop) = (Listener::default(), AtomicBool::new(false));
    let end = Hunt::new(options, &listener, &stop).run(pool).expect("the hunt runs");
    assert!(!stop.load(Relaxed) && end.complete, "the hunt was stopped");
    println!(
        "hunt: {} jobs, {:.0} s of CPU",
        listener.jobs.into_inner().unwrap_or_else(PoisonError::into_inner),
        end.stats.children_cpu_us as f64 / 1e6
    );
    listener.found.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn main() {
    let seconds = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let time = Duration::from_secs(seconds.unwrap_or(60));
    let backends = Installed::builtin().default_set();
    let exe = WorkerExe::at(Path::new(env!("CARGO_BIN_EXE_brink")));
    let pool = Pool {
        hosts: vec![Host::builtin(&exe)],
        seats: std::thread::available_parallelism().map_or(1, usize::from),
        total_memory_bytes: 8 << 30,
    };
    for (name, found) in
        [("wasm-smith", smith(&pool, &backends, time)), ("hunt", hunt(&pool, &backends, time))]
    {
        println!("{name}: {} buckets", found.len());
        found.iter().for_each(|signature| println!("    {signature}"));
    }
}
