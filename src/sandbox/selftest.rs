//! Proof that the alarm rings: faults committed on purpose, each of which must be told exactly.
//!
//! A campaign that cannot see a crash finds nothing and looks like success, so every long run does
//! this first and refuses to start when one fault is missed.

use super::{Host, Seat, SeatError, WorkerExe};
use crate::engines::{Backend, TARGETS};
use crate::job::{Budget, Job, ModuleSource, Planted};
use crate::outcome::{Clock, EngineVerdict, Outcome, Termination};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Sender, channel};

/// The result of one planted fault.
#[derive(Debug)]
pub struct Check {
    /// The fault.
    pub planted: Planted,
    /// What it must be told as.
    pub expected: &'static str,
    /// What came.
    pub outcome: Outcome,
    /// Whether that is it.
    pub passed: bool,
}

/// A planted fault, and what it must be told as.
type Plant = (Planted, &'static str);

/// The quick ones.
const QUICK: &[Plant] = &[
    (Planted::Nothing, "completes"),
    (Planted::Panic, "a panic with its place, message and frames"),
    (Planted::Abort, "signal 6 with frames"),
    (Planted::Fault, "signal 11 with frames"),
    (Planted::Allocate, "out of memory, within the budget"),
    (Planted::AllocateAtOnce, "out of memory, with the size asked for"),
    (Planted::MapMemory, "out of memory, behind the allocator's back"),
    (Planted::StackOverflow, "a stack overflow with frames"),
    (Planted::Write, "too much output"),
    (Planted::ExitSilently, "an infrastructure failure"),
    (Planted::BadFrame, "an infrastructure failure"),
    (Planted::KilledFromOutside, "ambiguous"),
];

/// Those that last until their time is up.
const SLOW: &[Plant] = &[
    (Planted::Loop, "a timeout by CPU time"),
    (Planted::Sleep, "a timeout by wall time"),
    (Planted::IgnoreSignals, "a timeout by wall time, children and all"),
];

/// Every fault.
fn plants() -> impl Iterator<Item = &'static Plant> {
    QUICK.iter().chain(SLOW)
}

/// Plants every fault and hands over the results as they come, until `stop` turns true. The quick
/// ones share a worker; each of the others has its own, and all run at the same time. After each,
/// the same worker must still do a plain job.
pub fn self_test(
    exe: &WorkerExe,
    stop: &AtomicBool,
    each: &mut dyn FnMut(Check),
) -> Result<(), SeatError> {
    let run = |plants: &[Plant], checks: &Sender<Check>| {
        let mut seat = Seat::start(&Host::builtin(exe))?;
        for &(planted, expected) in plants {
            let mut told = Vec::new();
            plant(&mut seat, planted, expected, stop, &mut |check| told.push(check))?;
            plant(&mut seat, Planted::Nothing, "completes after a fault", stop, &mut |after| {
                told.extend((!after.passed).then_some(after));
            })?;
            for check in told.into_iter().filter(|_| !stop.load(Relaxed)) {
                // The receiver outlives this.
                let _ = checks.send(check);
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let (sender, receiver) = channel();
        let all = std::iter::once(QUICK).chain(SLOW.chunks(1));
        let runs: Vec<_> = all
            .map(|plants| {
                let sender = sender.clone();
                scope.spawn(move || run(plants, &sender))
            })
            .collect();
        drop(sender);
        receiver.into_iter().for_each(each);
        runs.into_iter()
            .try_for_each(|run| run.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// Plants one fault.
///
/// # Panics
///
/// When the fault is not in the table, which a test rules out.
pub fn plant_one(exe: &WorkerExe, planted: Planted) -> Result<Check, SeatError> {
    let &(_, expected) =
        plants().find(|(other, _)| *other == planted).expect("the table has every fault");
    let mut result = None;
    let mut seat = Seat::start(&Host::builtin(exe))?;
    let never = AtomicBool::new(false);
    plant(&mut seat, planted, expected, &never, &mut |check| result = Some(check))?;
    Ok(result.expect("a seat that is not stopped hands over every outcome"))
}

fn plant(
    seat: &mut Seat,
    planted: Planted,
    expected: &'static str,
    stop: &AtomicBool,
    each: &mut dyn FnMut(Check),
) -> Result<(), SeatError> {
    let job = Job {
        id: 0,
        module: ModuleSource::Planted(planted),
        proposals: BTreeSet::new(),
        backend: Backend::new(&TARGETS[0]),
        budget: budget(planted),
        artifact: None,
        repeat: false,
        edge: None,
        execution: None,
        shortage: None,
    };
    seat.run(vec![job], &|| stop.load(Relaxed), &mut |outcome| {
        let passed = recognised(planted, &outcome);
        each(Check { planted, expected, outcome, passed });
    })
}

/// Small budgets, since every fault would use all of any budget.
fn budget(planted: Planted) -> Budget {
    const MEMORY_BYTES: u64 = 256 << 20;
    let budget = Budget { wall_s: 30, ..Budget::new(1, MEMORY_BYTES) };
    match planted {
        Planted::Sleep | Planted::IgnoreSignals => Budget { wall_s: 1, ..budget },
        Planted::MapMemory => Budget { cpu_s: 20, ..budget },
        Planted::Nothing
        | Planted::Panic
        | Planted::Abort
        | Planted::Fault
        | Planted::Loop
        | Planted::Allocate
        | Planted::AllocateAtOnce
        | Planted::StackOverflow
        | Planted::Write
        | Planted::ExitSilently
        | Planted::BadFrame
        | Planted::KilledFromOutside
        | Planted::Cost { .. } => budget,
    }
}

fn recognised(planted: Planted, outcome: &Outcome) -> bool {
    let names = |frames: &[String], name: &str| frames.iter().any(|frame| frame.contains(name));
    match (planted, &outcome.termination) {
        (
            Planted::Nothing,
            Termination::Completed { verdict: EngineVerdict::Accepted { artifact } },
        ) => artifact.hash == "planted",
        (Planted::Panic, Termination::Panicked { location, message, frames }) => {
            location.contains("plant.rs")
                && message == "planted panic"
                && names(frames, "plant_panic")
        }
        (Planted::Abort, Termination::Signaled { signal: 6, frames }) => names(frames, "commit"),
        (Planted::Fault, Termination::Signaled { signal: 11, frames }) => !frames.is_empty(),
        (Planted::Allocate, Termination::OutOfMemory { requested_bytes }) => {
            let measured = &outcome.measurements;
            *requested_bytes == 1 << 20 && measured.peak_live_bytes <= (256 << 20) + (1 << 20)
        }
        (Planted::AllocateAtOnce, Termination::OutOfMemory { requested_bytes }) => {
            *requested_bytes == 1 << 46
        }
        (Planted::MapMemory, Termination::OutOfMemory { .. }) => true,
        (Planted::StackOverflow, Termination::StackOverflow { frames }) => names(frames, "recurse"),
        (Planted::Write, Termination::OutputLimit)
        | (Planted::ExitSilently | Planted::BadFrame, Termination::Infrastructure { .. })
        | (Planted::KilledFromOutside, Termination::Ambiguous)
        | (Planted::Loop, Termination::TimedOut { clock: Clock::Cpu })
        | (Planted::Sleep | Planted::IgnoreSignals, Termination::TimedOut { clock: Clock::Wall }) => {
            true
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_fault_is_never_taken_for_another() {
        for &(planted, _) in plants() {
            let other = Outcome::infrastructure(0, "x".to_owned());
            let infrastructure = matches!(planted, Planted::ExitSilently | Planted::BadFrame);
            assert_eq!(recognised(planted, &other), infrastructure, "{planted:?}");
        }
    }
}
