//! The memory that all jobs of a pool share: set aside before a job runs, given back after it.

use crate::outcome::{Outcome, Termination};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// The machine's memory as far as jobs may use it. Who asks first is served first, so that a hungry
/// job does not starve behind many that need little.
pub(super) struct Memory {
    state: Mutex<Ledger>,
    pub(super) total: u64,
    freed: Condvar,
}

#[derive(Default)]
struct Ledger {
    free: u64,
    next_ticket: u64,
    now_served: u64,
}

/// Memory set aside; given back when dropped.
pub(super) struct Reserved<'a> {
    memory: &'a Memory,
    bytes: u64,
}

impl Memory {
    pub(super) fn new(total: u64) -> Memory {
        let state = Mutex::new(Ledger { free: total, ..Ledger::default() });
        Memory { state, total, freed: Condvar::new() }
    }

    /// Sets `bytes` aside, or all there is where that is less; waits until they are free.
    pub(super) fn take(&self, bytes: u64, stop: &AtomicBool) -> Reserved<'_> {
        let bytes = bytes.min(self.total);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        while (state.now_served != ticket || state.free < bytes) && !stop.load(Relaxed) {
            let waited = self.freed.wait_timeout(state, Duration::from_millis(100));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let bytes = bytes.min(state.free);
        state.free -= bytes;
        state.now_served += 1;
        self.freed.notify_all();
        Reserved { memory: self, bytes }
    }
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        let mut state = self.memory.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.free += self.bytes;
        self.memory.freed.notify_all();
    }
}

/// A job that ran out of all the memory there is for jobs has not run out of its budget.
pub(super) fn within_total(outcome: Outcome, total_bytes: u64) -> Outcome {
    if !matches!(outcome.termination, Termination::OutOfMemory { .. }) {
        return outcome;
    }
    let message = format!(
        "it needs more than the {total_bytes} bytes that all jobs together may use, which is less \
         than its own budget; see --total-memory"
    );
    Outcome::infrastructure(outcome.job, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;

    #[test]
    fn hungry_jobs_wait_for_each_other() {
        let memory = Memory::new(10);
        let stop = AtomicBool::new(false);
        let first = memory.take(6, &stop);
        let running = AtomicU64::new(0);
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| {
                let second = memory.take(6, &stop);
                assert_eq!(running.load(Relaxed), 1, "memory was given out twice");
                second.bytes
            });
            std::thread::sleep(Duration::from_millis(50));
            running.store(1, Relaxed);
            drop(first);
            assert_eq!(waiter.join().unwrap(), 6);
        });
        assert_eq!(memory.state.lock().unwrap().free, 10);
    }

    #[test]
    fn a_hungry_job_does_not_starve_behind_small_ones() {
        let memory = Memory::new(10);
        let stop = AtomicBool::new(false);
        let small = memory.take(5, &stop);
        std::thread::scope(|scope| {
            let hungry = scope.spawn(|| memory.take(10, &stop).bytes);
            std::thread::sleep(Duration::from_millis(50));
            let late = scope.spawn(|| memory.take(5, &stop).bytes);
            std::thread::sleep(Duration::from_millis(50));
            assert!(!late.is_finished(), "a later small job went first");
            drop(small);
            assert_eq!((hungry.join().unwrap(), late.join().unwrap()), (10, 5));
        });
    }

    #[test]
    fn a_job_larger_than_the_machine_gets_the_whole_machine() {
        let memory = Memory::new(10);
        assert_eq!(memory.take(100, &AtomicBool::new(false)).bytes, 10);
    }
}
