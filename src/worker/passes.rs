//! Cranelift's own pass timings, kept in the shared page as they happen.
//!
//! Each switch of passes charges the CPU time since the last switch to the pass that ran, so the
//! figures are exclusive (a pass without the passes within it) and complete at every moment, also
//! when the child is killed in the middle of one.

use super::progress::{NO_PASS, Progress};
use super::unix::thread_cpu_ns;
use cranelift_codegen::timing::{NUM_PASSES, Pass, Profiler, set_thread_profiler};
use std::any::Any;

/// Number of passes that Cranelift times.
pub(super) const PASS_COUNT: usize = NUM_PASSES;

/// Every pass by its number; a test holds this list against Cranelift's.
const PASSES: [Pass; NUM_PASSES] = [
    Pass::process_file,
    Pass::parse_text,
    Pass::wasm_translate_module,
    Pass::wasm_translate_function,
    Pass::verifier,
    Pass::compile,
    Pass::try_incremental_cache,
    Pass::store_incremental_cache,
    Pass::flowgraph,
    Pass::domtree,
    Pass::loop_analysis,
    Pass::preopt,
    Pass::egraph,
    Pass::gvn,
    Pass::licm,
    Pass::unreachable_code,
    Pass::remove_constant_phis,
    Pass::vcode_lower,
    Pass::vcode_emit,
    Pass::vcode_emit_finish,
    Pass::regalloc,
    Pass::regalloc_checker,
    Pass::layout_renumber,
    Pass::canonicalize_nans,
];

/// Names of the passes in the order of their numbers.
pub(super) fn names() -> impl Iterator<Item = String> {
    PASSES.iter().map(|pass| format!("{pass:?}"))
}

/// Lets Cranelift report its passes on this thread.
pub(super) fn install(progress: &'static Progress) {
    // From here on, so that earlier jobs of the same thread are not charged to a pass.
    progress.switch_pass(NO_PASS, thread_cpu_ns());
    set_thread_profiler(Box::new(Passes { progress }));
}

/// Stops keeping the passes of this thread.
pub(super) fn uninstall() {
    set_thread_profiler(Box::new(Silence));
}

struct Silence;

impl Profiler for Silence {
    fn start_pass(&self, _: Pass) -> Box<dyn Any> {
        Box::new(())
    }
}

struct Passes {
    progress: &'static Progress,
}

impl Profiler for Passes {
    fn start_pass(&self, pass: Pass) -> Box<dyn Any> {
        let outer = self.progress.switch_pass(pass as u64, thread_cpu_ns());
        Box::new(Running { progress: self.progress, outer })
    }
}

/// Returns to the pass around it when it ends.
struct Running {
    progress: &'static Progress,
    outer: u64,
}

impl Drop for Running {
    fn drop(&mut self) {
        // While unwinding, keep naming the innermost pass: that is the one that panicked.
        if !std::thread::panicking() {
            self.progress.switch_pass(self.outer, thread_cpu_ns());
        }
    }
}

const _: () = assert!((NUM_PASSES as u64) < NO_PASS);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_passes_is_in_the_order_of_their_numbers() {
        for (index, pass) in PASSES.iter().enumerate() {
            assert_eq!(*pass as usize, index, "{pass:?}");
        }
    }
}
