//! A page of memory that a job's child shares with the worker: what it is doing and what it cost.
//!
//! A killed child can send nothing any more, and a message for each of thousands of passes would
//! cost more than the passes. So the child keeps the figures here as it goes, and the worker reads
//! them however the child ended. All fields are plain atomics: the page outlives every kind of
//! crash.

use super::passes::PASS_COUNT;
use super::unix;
use crate::outcome::{Measurements, Phase};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Frames kept of a faulting thread's stack, innermost first.
pub(super) const FRAMES_MAX: usize = 64;

/// Low bits of [`Progress::shortage`] that are the stage; the others are the allocation.
pub(super) const SHORTAGE_STAGE_BITS: u32 = 8;

/// No pass is running.
pub(super) const NO_PASS: u64 = u64::MAX;

/// The shared page. Times are nanoseconds of the monotonic clock, sizes are bytes.
pub(super) struct Progress {
    phase: AtomicU64,
    phase_started_ns: AtomicU64,
    phases_ns: [AtomicU64; Phase::ALL.len()],
    pass: AtomicU64,
    /// CPU time of the thread when the running pass began.
    pass_switched_ns: AtomicU64,
    passes_ns: [AtomicU64; PASS_COUNT],
    /// The sum of allocations when the running pass began.
    pass_switched_bytes: AtomicU64,
    passes_bytes: [AtomicU64; PASS_COUNT],
    /// CPU time of the job's thread when everything that is measured had ended.
    pub(super) cpu_ns: AtomicU64,
    /// Bytes that may be live at once; 0 for no limit.
    pub(super) memory_limit: AtomicU64,
    pub(super) live: AtomicU64,
    pub(super) peak_live: AtomicU64,
    pub(super) allocated: AtomicU64,
    /// `VmHWM` at the job's end.
    pub(super) peak_resident: AtomicU64,
    pub(super) module_bytes: AtomicU64,
    /// 1 once the engine's validator has called the module valid.
    pub(super) valid: AtomicU64,
    /// One more than the bytes of the request that broke the memory limit; 0 for none.
    pub(super) out_of_memory: AtomicU64,
    /// The same for a request that the system refused within the job's limits.
    pub(super) refused_by_system: AtomicU64,
    /// Address space that the job may have, in bytes.
    pub(super) address_space_limit: AtomicU64,
    /// The signal that the fault handler saw; 0 for none.
    pub(super) fault_signal: AtomicU64,
    /// Whether the fault lay at the end of the compile thread's stack.
    pub(super) fault_on_stack: AtomicU64,
    pub(super) fault_frame_count: AtomicU64,
    /// The call that runs at the end of memory; 0 for none.
    pub(super) edge_call: AtomicU64,
    /// The allocation that is refused, and the stage that the round is in; 0 for none.
    pub(super) shortage: AtomicU64,
    /// Rounds in which an allocation was refused, those that ended with the error that is promised,
    /// those that went well all the same, and those in which it was granted.
    pub(super) shortage_counts: [AtomicU64; 4],
    pub(super) fault_frames: [AtomicU64; FRAMES_MAX],
}

impl Progress {
    /// A page of zeroes, shared with every child forked from now on.
    pub(super) fn shared() -> std::io::Result<&'static Progress> {
        unix::shared_zeroed()
    }

    /// Clears everything of the last job.
    pub(super) fn begin_job(&self, memory_limit: u64, now_ns: u64) {
        let counts = self.shortage_counts.iter();
        let times = self.phases_ns.iter().chain(&self.passes_ns).chain(&self.passes_bytes);
        for cell in times.chain(counts) {
            cell.store(0, Relaxed);
        }
        let zeroed = [
            &self.phase,
            &self.cpu_ns,
            &self.live,
            &self.peak_live,
            &self.allocated,
            &self.peak_resident,
            &self.pass_switched_ns,
            &self.pass_switched_bytes,
            &self.module_bytes,
            &self.valid,
            &self.out_of_memory,
            &self.refused_by_system,
            &self.address_space_limit,
            &self.fault_signal,
            &self.fault_on_stack,
            &self.fault_frame_count,
            &self.edge_call,
            &self.shortage,
        ];
        for cell in zeroed {
            cell.store(0, Relaxed);
        }
        self.pass.store(NO_PASS, Relaxed);
        self.phase_started_ns.store(now_ns, Relaxed);
        self.memory_limit.store(memory_limit, Relaxed);
    }

    /// Enters a phase; the time since the last call belongs to the phase that ends.
    pub(super) fn enter(&self, phase: Phase, now_ns: u64) {
        let ended = self.phase.swap(phase_index(phase) as u64, Relaxed);
        let since = now_ns.saturating_sub(self.phase_started_ns.swap(now_ns, Relaxed));
        if let Some(cell) = usize::try_from(ended).ok().and_then(|i| self.phases_ns.get(i)) {
            cell.fetch_add(since, Relaxed);
        }
    }

    /// Switches the running pass at `cpu_ns` of the thread's CPU time and returns the pass that
    /// ran until then, which is charged with the time and the allocations since the last switch.
    pub(super) fn switch_pass(&self, pass: u64, cpu_ns: u64) -> u64 {
        let ended = self.pass.swap(pass, Relaxed);
        let since = cpu_ns.saturating_sub(self.pass_switched_ns.swap(cpu_ns, Relaxed));
        let allocated = self.allocated.load(Relaxed);
        let bytes = allocated.saturating_sub(self.pass_switched_bytes.swap(allocated, Relaxed));
        let ended_pass = usize::try_from(ended).ok();
        if let Some((ns, sum)) =
            ended_pass.and_then(|i| Some((self.passes_ns.get(i)?, self.passes_bytes.get(i)?)))
        {
            ns.fetch_add(since, Relaxed);
            sum.fetch_add(bytes, Relaxed);
        }
        ended
    }

    /// The phase that the job is in.
    pub(super) fn phase(&self) -> Phase {
        let index = usize::try_from(self.phase.load(Relaxed)).unwrap_or(0);
        Phase::ALL.get(index).copied().unwrap_or(Phase::Start)
    }

    /// The figures of a job that has ended, by itself or not; `now_ns` on the clock and `cpu_ns` of
    /// CPU time close what was running.
    pub(super) fn measurements(&self, now_ns: u64, cpu_ns: u64) -> Measurements {
        let phase = self.phase();
        self.enter(phase, now_ns);
        let last_pass = self.switch_pass(NO_PASS, cpu_ns);
        let us = |cell: &AtomicU64| cell.load(Relaxed) / 1_000;
        let phases = Phase::ALL.iter().zip(&self.phases_ns).map(|(phase, ns)| (*phase, us(ns)));
        let phases_us: Vec<(Phase, u64)> = phases.filter(|(_, us)| *us > 0).collect();
        // A second compilation is no part of what the job costs, nor is what it runs.
        let counts = |phase: &Phase| !matches!(phase, Phase::Repeat | Phase::Run | Phase::Execute);
        let measured = phases_us.iter().filter(|(phase, _)| counts(phase));
        let wall_us = measured.map(|(_, us)| us).sum();
        let bytes = |cell: &AtomicU64| cell.load(Relaxed);
        let done = phase == Phase::Done;
        Measurements {
            module_bytes: self.module_bytes.load(Relaxed),
            cpu_us: cpu_ns / 1_000,
            wall_us,
            allocated_bytes: self.allocated.load(Relaxed),
            peak_live_bytes: self.peak_live.load(Relaxed),
            peak_resident_bytes: self.peak_resident.load(Relaxed),
            phases_us,
            passes_us: by_pass(&self.passes_ns, us),
            passes_bytes: by_pass(&self.passes_bytes, bytes),
            last_pass: usize::try_from(last_pass)
                .ok()
                .filter(|_| !done)
                .and_then(|index| super::passes::names().nth(index)),
        }
    }
}

/// Figures by the names of the passes, greatest first, without those that are nothing.
fn by_pass(cells: &[AtomicU64], read: impl Fn(&AtomicU64) -> u64) -> Vec<(String, u64)> {
    let named = super::passes::names().zip(cells).map(|(name, cell)| (name, read(cell)));
    let mut figures: Vec<(String, u64)> = named.filter(|(_, figure)| *figure > 0).collect();
    figures.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    figures
}

fn phase_index(phase: Phase) -> usize {
    Phase::ALL.iter().position(|&p| p == phase).expect("ALL has every phase")
}
