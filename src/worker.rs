//! The worker: a small resident process with the engine's code in it, which forks a child for each
//! job (or batch), watches over it, and reports how it ended.
//!
//! Forking from here rather than starting the executable anew saves most of the cost of a job, and
//! keeps the memory figures of children true: nothing big ever lived in this process. It has one
//! thread, runs no engine code itself, and dies with the process that started it, as its children
//! die with it.

mod allocator;
mod artifact;
mod builtin;
mod child;
mod command;
mod compat;
mod compiler;
mod crash;
mod edge;
mod execution;
mod in_process;
mod library;
mod passes;
mod plant;
mod progress;
mod refusals;
#[cfg(not(wasmtime_before_48))]
mod shortage;
mod supervise;
mod unix;
mod words;

use self::compiler::Compiler;
use crate::job::Job;
use crate::outcome::{Outcome, Termination};
use crate::wire::{self, Hello, Reply, Request, WIRE_VERSION, WireError};
use std::io;

pub use self::allocator::CountingAllocator;
pub use self::in_process::{InProcess, Spare};
pub use self::plant::{PLANTED_BUG, plant_bug};

/// Serves requests from standard input until it is closed.
pub fn serve() -> Result<(), WireError> {
    outlive_large_files();
    unix::die_with_parent(unix::parent_pid())?;
    // Ctrl-C goes to the whole foreground group; what it means is the parent's to say.
    unix::ignore(libc::SIGINT);
    let progress = progress::Progress::shared()?;
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let hello = wire::receive::<Hello>(&mut input)?;
    let loaded = if hello.version == WIRE_VERSION {
        Compiler::load(hello.engine)
    } else {
        Err(format!(
            "it was made by another version of brink (it speaks version {WIRE_VERSION}, and {} is \
             needed)",
            hello.version
        ))
    };
    let compiler = match loaded {
        // It serves as long as the process lives, and the jobs' threads need it.
        Ok(compiler) => &*Box::leak(Box::new(compiler)),
        Err(reason) => return wire::send(&mut output, &Reply::Cannot(reason)),
    };
    wire::send(&mut output, &Reply::Ready)?;
    // When the machine runs out of memory, a job is to go, not the run; children inherit this, and
    // theirs is the memory. Not everybody may say so.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    let mut nursery = supervise::Nursery::new(compiler, progress);
    loop {
        let request: Request = match wire::receive(&mut input) {
            Err(WireError::Closed) => return Ok(()),
            request => request?,
        };
        let mut reply = |outcome| wire::send(&mut output, &Reply::Ended(Box::new(outcome)));
        serve_batch(&request.jobs, &mut nursery, &mut reply)?;
    }
}

/// Has a file that grows past a limit of this session (`ulimit -f`) fail to be written, which can be
/// told, rather than end the process. Children inherit this.
pub fn outlive_large_files() {
    unix::ignore(libc::SIGXFSZ);
}

/// Runs the jobs in one child as long as it lives. The job in which it died runs again alone, so
/// that what the jobs before it left behind is not held against it; the rest go on as a batch.
fn serve_batch(
    mut jobs: &[Job],
    nursery: &mut supervise::Nursery,
    reply: &mut impl FnMut(Outcome) -> Result<(), WireError>,
) -> Result<(), WireError> {
    while !jobs.is_empty() {
        let run = nursery.run(jobs);
        let done = run.outcomes.len();
        run.outcomes.into_iter().try_for_each(&mut *reply)?;
        jobs = &jobs[done..];
        let Some(last) = run.died else { continue };
        let (dead, rest) = jobs.split_first().expect("the job in which the child died");
        // One more try alone, also for a lone job that a stranger killed.
        let stranger = matches!(last.termination, Termination::Ambiguous);
        let last = if done > 0 || stranger {
            let again = nursery.run(std::slice::from_ref(dead));
            again.outcomes.into_iter().next().or(again.died).unwrap_or(last)
        } else {
            last
        };
        reply(last)?;
        jobs = rest;
    }
    Ok(())
}
