//! Figures of a run, for whoever compares targets: how many inputs there were, how large what they
//! expand to is, and how much work that makes.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use wasm_brink::outcome::Outcome;

/// Asks for the figures.
const ASKED: &str = "BRINK_FUZZ_STATS";

static WANTED: LazyLock<bool> = LazyLock::new(|| std::env::var_os(ASKED).is_some());
static INPUTS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);
static ALLOCATED_BYTES: AtomicU64 = AtomicU64::new(0);

/// Counts an input that expanded to so many bytes. Prints a line at every hundred, so that the last of
/// them is near the end of the run.
pub(crate) fn count(module_bytes: u64) {
    if !*WANTED {
        return;
    }
    let inputs = INPUTS.fetch_add(1, Relaxed) + 1;
    let bytes = BYTES.fetch_add(module_bytes, Relaxed) + module_bytes;
    if inputs.is_multiple_of(100) {
        let (bytes, work) = (bytes / inputs, (ALLOCATED_BYTES.load(Relaxed) / inputs) >> 10);
        eprintln!(
            "brink: {inputs} inputs of {bytes} bytes expanded on average, for which the compiler \
             allocates {work} KiB"
        );
    }
}

/// Counts the work of an input.
pub(crate) fn compiled(outcome: &Outcome) {
    ALLOCATED_BYTES.fetch_add(outcome.measurements.allocated_bytes, Relaxed);
}
