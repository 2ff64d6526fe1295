//! How a child ended that did not say so itself, from all that it left behind.

use super::{Killed, Watched};
use crate::job::Job;
use crate::outcome::{
    Clock, EngineVerdict, Outcome, Phase, ShortageCheck, ShortageFault, Stage, Termination,
    Validation, shorten,
};
use crate::worker::progress::{Progress, SHORTAGE_STAGE_BITS};
use crate::worker::{allocator, crash, edge, unix, words};
use std::sync::atomic::Ordering::Relaxed;

/// Why a process was killed by SIGXFSZ, which is never the engine's doing: nothing that it is given
/// asks for files.
pub(in crate::worker) const FILE_TOO_LARGE: &str =
    "a file grew past what this session allows; raise that with `ulimit -f`";

impl Watched {
    /// How the job that did not complete ended.
    pub(super) fn post_mortem(
        mut self,
        job: &Job,
        exit: &unix::Exit,
        progress: &Progress,
    ) -> Outcome {
        let mut measurements = progress.measurements(unix::monotonic_ns(), exit.cpu_ns);
        measurements.peak_resident_bytes = exit.peak_resident_bytes;
        let stderr_tail = self.take_stderr();
        let termination = self.termination(exit, progress, &stderr_tail);
        let faulted =
            matches!(termination, Termination::Signaled { .. } | Termination::StackOverflow { .. });
        let run = job.edge.as_ref().filter(|_| faulted);
        Outcome {
            job: job.id,
            phase: progress.phase(),
            validation: match progress.valid.load(Relaxed) {
                0 => Validation::NotRun,
                _ => Validation::Valid,
            },
            measurements,
            stderr_tail: shorten(&stderr_tail),
            machine: None,
            edge: run.and_then(|run| edge::post_mortem(run, progress)),
            execution: None,
            shortage: match job.shortage {
                Some(_) => short_of_memory(&termination, progress, self.faults),
                None => None,
            },
            termination,
        }
    }

    /// The table of endings, most certain evidence first.
    fn termination(
        &mut self,
        exit: &unix::Exit,
        progress: &Progress,
        stderr_tail: &str,
    ) -> Termination {
        let requested = progress.out_of_memory.load(Relaxed);
        if requested > 0 {
            return Termination::OutOfMemory { requested_bytes: requested - 1 };
        }
        let refused = progress.refused_by_system.load(Relaxed);
        if refused > 0 {
            return infrastructure(&format!(
                "the system refused {} bytes although the job was within its budget; the machine \
                 is short of memory, or a limit of this session is (see ulimit)",
                refused - 1
            ));
        }
        if let Some((location, message, addresses)) = self.panic.take() {
            return Termination::Panicked { location, message, frames: crash::names(&addresses) };
        }
        if self.library
            && let Some(panic) = words::panic(stderr_tail)
        {
            if progress.phase() == Phase::Load {
                let reason = format!("the release does not take this: {}", shorten(&panic.message));
                let verdict = EngineVerdict::NotApplicable { reason };
                return Termination::Completed { verdict };
            }
            let words::Panic { location, message, frames } = panic;
            return Termination::Panicked { location, message: shorten(&message), frames };
        }
        let frames = || {
            let count = usize::try_from(progress.fault_frame_count.load(Relaxed)).unwrap_or(0);
            let cells = progress.fault_frames.iter().take(count);
            crash::names(&cells.map(|cell| cell.load(Relaxed)).collect::<Vec<_>>())
        };
        let fault = i32::try_from(progress.fault_signal.load(Relaxed)).unwrap_or(0);
        if fault != 0 && progress.fault_on_stack.load(Relaxed) == 1 {
            return Termination::StackOverflow { frames: frames() };
        }
        // The runtime's own words, for what the shared page does not show.
        let refused_on_purpose = progress.shortage.load(Relaxed) > 0;
        if fault == libc::SIGABRT
            && !refused_on_purpose
            && stderr_tail.contains("memory allocation of ")
        {
            return Termination::OutOfMemory { requested_bytes: 0 };
        }
        if fault != 0 {
            return Termination::Signaled { signal: fault, frames: frames() };
        }
        match self.killed {
            Some(Killed::WallTime) => return Termination::TimedOut { clock: Clock::Wall },
            Some(Killed::Output) => return Termination::OutputLimit,
            Some(Killed::Garbage) => {
                return infrastructure("its child sent bytes that are no message");
            }
            None => {}
        }
        if let Some(message) = self.failed.take() {
            return infrastructure(&format!("its child could not run the job: {message}"));
        }
        match (exit.signal, exit.code) {
            (Some(libc::SIGXCPU), _) => Termination::TimedOut { clock: Clock::Cpu },
            (Some(libc::SIGKILL), _) => Termination::Ambiguous,
            (Some(libc::SIGXFSZ), _) => infrastructure(FILE_TOO_LARGE),
            (Some(signal), _) => Termination::Signaled { signal, frames: Vec::new() },
            (None, Some(allocator::OUT_OF_MEMORY_EXIT)) => {
                Termination::OutOfMemory { requested_bytes: 0 }
            }
            (None, Some(code)) => infrastructure(&format!(
                "its child exited with code {code} and without a final message"
            )),
            (None, None) => {
                infrastructure("its child ended in a way that the kernel does not tell")
            }
        }
    }
}

/// Whether a function, by its name, is one of the engine.
pub(in crate::worker) fn is_of_engine(name: &str) -> bool {
    name.contains("wasmtime")
}

/// A check with what the shared page has counted.
pub(in crate::worker) fn counted(check: ShortageCheck, progress: &Progress) -> ShortageCheck {
    let [rounds, errors, survived, granted] =
        progress.shortage_counts.each_ref().map(|cell| cell.load(Relaxed));
    ShortageCheck { rounds, errors, survived, granted, ..check }
}

/// What is known of rounds with a failing allocation of which the last ended the process, and of the
/// faults in those before it.
fn short_of_memory(
    termination: &Termination,
    progress: &Progress,
    mut faults: Vec<ShortageFault>,
) -> Option<ShortageCheck> {
    let Some(last) = last_round(termination, progress) else {
        let failure = Some(format!("the rounds ended as {}", termination.name()));
        let check = ShortageCheck { failure, ..ShortageCheck::default() };
        return (!faults.is_empty()).then(|| counted(ShortageCheck { faults, ..check }, progress));
    };
    faults.push(last);
    let mut check = counted(ShortageCheck { faults, ..ShortageCheck::default() }, progress);
    check.rounds += 1;
    Some(check)
}

/// The fault of the round that ended the process, where that is what happened.
fn last_round(termination: &Termination, progress: &Progress) -> Option<ShortageFault> {
    let at = progress.shortage.load(Relaxed);
    let allocation = at >> SHORTAGE_STAGE_BITS;
    let stage = usize::try_from(at & ((1 << SHORTAGE_STAGE_BITS) - 1)).ok()?;
    let stage = *Stage::ALL.get(stage).filter(|_| allocation > 0)?;
    let function = |frames: &[String]| {
        let frame = frames.iter().find(|frame| is_of_engine(frame));
        frame.cloned().unwrap_or_else(|| "a function that left no name".to_owned())
    };
    let mut aborted_in = None;
    let what = match termination {
        Termination::Signaled { signal: libc::SIGABRT, frames } => {
            let name = function(frames);
            aborted_in = Some(name.clone());
            format!("it aborted in {name}")
        }
        Termination::Signaled { signal, frames } => {
            format!("it was killed by signal {signal} in {}", function(frames))
        }
        Termination::Panicked { message, frames, .. } => {
            format!("it panicked in {}: {message}", function(frames))
        }
        Termination::StackOverflow { frames } => {
            format!("it ran over its stack in {}", function(frames))
        }
        // Nothing that the engine did.
        Termination::Completed { .. }
        | Termination::TimedOut { .. }
        | Termination::OutOfMemory { .. }
        | Termination::OutputLimit
        | Termination::Ambiguous
        | Termination::Infrastructure { .. } => return None,
    };
    Some(ShortageFault { allocation, stage, what: shorten(&what), aborted_in })
}

fn infrastructure(message: &str) -> Termination {
    Termination::Infrastructure { message: message.to_owned() }
}
