//! The cases of `corpus/regressions`, each a test of its own, on the built-in engine. Those that take
//! long are ignored; `cargo test --test regressions -- --ignored` runs them.
#![expect(clippy::unwrap_used, reason = "these are tests")]

use libtest_mimic::{Arguments, Failed, Trial};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use wasm_brink::campaign::{Check, Seen, regress};
use wasm_brink::corpus::{Corpus, Entry};
use wasm_brink::engines::{Installed, VERSION};
use wasm_brink::sandbox::{Host, Pool, WorkerExe};

/// Memory for the jobs of all tests that run at once, in bytes.
const MEMORY_BYTES: u64 = 8 << 30;

/// How many tests run at once where nothing else is asked for.
const THREADS: usize = 2;

fn main() -> ExitCode {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/regressions");
    let corpus = Corpus::read(&[directory]);
    let faults = corpus.faults.iter().map(|fault| {
        let message = format!("failed to {fault}");
        Trial::test("a_folder_that_is_no_case", move || Err(Failed::from(message)))
    });
    let mut trials: Vec<Trial> = faults.collect();
    let mut arguments = Arguments::from_args();
    let threads = *arguments.test_threads.get_or_insert(THREADS);
    // Each test has a pool of its own, so each gets its part.
    let memory_bytes = MEMORY_BYTES / u64::try_from(threads.max(1)).unwrap();
    for entry in corpus.entries {
        let (slug, slow) = (entry.slug.clone(), entry.expectations.slow);
        trials.push(Trial::test(slug, move || holds(&entry, memory_bytes)).with_ignored_flag(slow));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Runs a case on all its backends and holds it to what is expected of this version.
fn holds(entry: &Entry, memory_bytes: u64) -> Result<(), Failed> {
    let exe = WorkerExe::at(&PathBuf::from(env!("CARGO_BIN_EXE_brink")));
    let pool = Pool {
        hosts: vec![Host::new(&exe, Installed::builtin())],
        seats: 1,
        total_memory_bytes: memory_bytes,
    };
    let version = VERSION.parse().unwrap();
    let expectations = &entry.expectations;
    let asked = expectations.budget().memory_bytes;
    if asked > memory_bytes {
        let words = format!(
            "it asks for {asked} bytes of memory, and a test has {memory_bytes}; run fewer at once \
             with --test-threads, or lower its memory-limit-mib"
        );
        return Err(Failed::from(words));
    }
    let mut checks = Vec::new();
    for backend in &expectations.backends {
        let Some(expect) = expectations.of(Some(&version), backend) else {
            let words = format!("on {backend}: nothing is expected of {VERSION}: run it and bless");
            return Err(Failed::from(words));
        };
        checks.push(Check { entry, backend: backend.clone(), expect });
    }
    let all = regress(&checks, &pool, &AtomicBool::new(false), &|_, _| {})?;
    let mut wrong = Vec::new();
    for (check, checked) in checks.iter().zip(all) {
        let Check { backend, expect, .. } = check;
        match checked.map(|checked| checked.seen) {
            Some(Seen::AsExpected) => {}
            Some(Seen::Differs(_, words)) => {
                wrong.push(format!("on {backend}: expected {expect}, but {words}"));
            }
            // Nothing was seen, so nothing can be held against it but that.
            Some(Seen::Unclear(reason)) => wrong.push(format!("on {backend}: unclear: {reason}")),
            Some(Seen::NotApplicable(reason)) => {
                wrong.push(format!("on {backend}: not applicable: {reason}"));
            }
            None => wrong.push(format!("on {backend}: it was not run")),
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(Failed::from(wrong.join("\n"))) }
}
