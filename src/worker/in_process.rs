//! Jobs in this process, for a fuzzer that watches over its own: the same compiler, counters and
//! measurements as in a child, and no fork.
//!
//! Nothing is limited here. What a job cost is held against its budget afterwards, so that a fuzzer
//! learns of it as a violation long before its own hard limits end the process. A panic is caught
//! where the caller spares it; where he does not, the hook that was there before has its way with the
//! engine's stack still in place.

use super::child::{self, Message};
use super::compiler::Compiler;
use super::progress::Progress;
use super::{allocator, crash, unix};
use crate::engines::Installed;
use crate::job::{Budget, Job, ModuleSource};
use crate::outcome::{Clock, Outcome, Phase, Termination, Validation, shorten};
use std::borrow::Cow;
use std::cell::RefCell;
use std::io;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Once;
use std::sync::atomic::Ordering::Relaxed;

/// Says of the outcome of a job that panics whether the process may live on.
pub type Spare = Box<dyn Fn(&Outcome) -> bool>;

/// The built-in engine, in this process. One for each process: jobs share its counters.
pub struct InProcess {
    compiler: Compiler,
    progress: &'static Progress,
}

/// The job that runs on this thread.
struct Running {
    id: u64,
    progress: &'static Progress,
    started_cpu_ns: u64,
    spare: Spare,
    panicked: Option<Outcome>,
}

thread_local! {
    static RUNNING: RefCell<Option<Running>> = const { RefCell::new(None) };
}

impl InProcess {
    /// Makes the engine ready. From now on panics of jobs are heard by a hook of this process.
    pub fn start() -> io::Result<InProcess> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                if !is_spared(info) {
                    before(info);
                }
            }));
        });
        let compiler = Compiler::load(Installed::builtin()).map_err(io::Error::other)?;
        Ok(InProcess { compiler, progress: Progress::shared()? })
    }

    /// Runs a job on this thread.
    pub fn run(&mut self, job: &Job, spare: Spare) -> Outcome {
        let failed = |error: &io::Error| Outcome::infrastructure(job.id, error.to_string());
        let module = match &job.module {
            ModuleSource::Inline(bytes) => Cow::Borrowed(bytes.as_slice()),
            ModuleSource::File(path) => match std::fs::read(path) {
                Ok(bytes) => Cow::Owned(bytes),
                Err(error) => return failed(&error),
            },
            ModuleSource::Planted(_) => Cow::Borrowed(&[][..]),
        };
        let progress = self.progress;
        // No limit: it would end the process.
        progress.begin_job(0, unix::monotonic_ns());
        progress.enter(Phase::Load, unix::monotonic_ns());
        progress.module_bytes.store(module.len() as u64, Relaxed);
        let started_cpu_ns = unix::thread_cpu_ns();
        RUNNING.set(Some(Running { id: job.id, progress, started_cpu_ns, spare, panicked: None }));
        let compiler = &self.compiler;
        let ended = catch_unwind(AssertUnwindSafe(|| child::ask(compiler, job, &module, progress)));
        allocator::count_in(None);
        let running = RUNNING.take();
        match ended {
            Ok(Ok(Message::Completed(done))) => held_against(
                &job.budget,
                Outcome {
                    job: done.job,
                    phase: done.phase,
                    termination: done.termination,
                    validation: done.validation,
                    measurements: done.measurements,
                    stderr_tail: String::new(),
                    machine: None,
                    edge: done.ran.edge,
                    execution: done.ran.execution,
                    shortage: done.ran.shortage,
                },
            ),
            Ok(Ok(Message::Panicked { .. } | Message::Fault(_) | Message::Failed(_))) => {
                failed(&io::Error::other("a job told what only a child can"))
            }
            Ok(Err(error)) => failed(&error),
            Err(_) => running
                .and_then(|running| running.panicked)
                .unwrap_or_else(|| failed(&io::Error::other("a panic that no hook heard"))),
        }
    }
}

/// The outcome of a job that ended by itself, as one that ran over its budget where it did.
fn held_against(budget: &Budget, mut outcome: Outcome) -> Outcome {
    let measured = &mut outcome.measurements;
    let over = if measured.peak_live_bytes > budget.memory_bytes {
        measured.last_pass = measured.passes_bytes.first().map(|(pass, _)| pass.clone());
        Termination::OutOfMemory { requested_bytes: measured.peak_live_bytes }
    } else if measured.cpu_us > budget.cpu_s.saturating_mul(1_000_000) {
        Termination::TimedOut { clock: Clock::Cpu }
    } else {
        return outcome;
    };
    Outcome { phase: Phase::Compile, termination: over, ..outcome }
}

/// Takes a panic down as the end of the running job; whether that is spared.
fn is_spared(info: &PanicHookInfo<'_>) -> bool {
    allocator::count_in(None);
    let addresses = crash::addresses();
    RUNNING.with_borrow_mut(|running| {
        let Some(running) = running else { return false };
        let payload = info.payload();
        let message = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let message = message.or_else(|| payload.downcast_ref::<String>().cloned());
        let termination = Termination::Panicked {
            location: info.location().map(ToString::to_string).unwrap_or_default(),
            message: shorten(&message.unwrap_or_else(|| "a panic without a message".to_owned())),
            frames: crash::resolve(&addresses),
        };
        let phase = running.progress.phase();
        let cpu_ns = unix::thread_cpu_ns().saturating_sub(running.started_cpu_ns);
        let outcome = Outcome {
            job: running.id,
            phase,
            termination,
            validation: Validation::NotRun,
            measurements: running.progress.measurements(unix::monotonic_ns(), cpu_ns),
            stderr_tail: String::new(),
            machine: None,
            edge: None,
            execution: None,
            shortage: None,
        };
        let spared = (running.spare)(&outcome);
        running.panicked = Some(outcome);
        spared
    })
}
