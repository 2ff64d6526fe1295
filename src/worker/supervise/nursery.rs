//! Where children come from and where they go.

use super::{Run, Watched};
use crate::job::Job;
use crate::outcome::Outcome;
use crate::wire::WireError;
use crate::worker::compiler::Compiler;
use crate::worker::progress::Progress;
use crate::worker::unix;

/// Children that have said all they had to say and are being taken apart by the kernel, which takes
/// as long as a small job does; the next job need not wait for it.
#[derive(Default)]
pub(super) struct Leaving(pub(super) Vec<unix::Pid>);

impl Leaving {
    /// Takes those that have ended off the kernel; with `wait`, all.
    pub(super) fn reap(&mut self, wait: bool) {
        self.0.retain(|&pid| matches!(unix::reap(pid, wait), Ok(None)));
    }
}

/// A child larger than this, in bytes, is waited for, so that its memory is free for the next job.
pub(super) const LEAVING_BYTES_MAX: u64 = 128 << 20;

/// At most this many children may be leaving.
const LEAVING_MAX: usize = 4;

/// Where children come from: one always stands by, forked and prepared while the one before it
/// worked, so that a job need not wait for the kernel to make it.
pub(in crate::worker) struct Nursery {
    compiler: &'static Compiler,
    progress: &'static Progress,
    standby: Option<Watched>,
    leaving: Leaving,
}

impl Nursery {
    pub(in crate::worker) fn new(
        compiler: &'static Compiler,
        progress: &'static Progress,
    ) -> Nursery {
        Nursery { compiler, progress, standby: None, leaving: Leaving::default() }
    }

    /// Runs `jobs` in a child that has run nothing before.
    pub(in crate::worker) fn run(&mut self, jobs: &[Job]) -> Run {
        self.leaving.reap(self.leaving.0.len() >= LEAVING_MAX);
        match self.hand_over(jobs) {
            Ok(watched) => {
                // Without a child standing by, the next job starts its own and says what is wrong.
                self.standby = Watched::start(self.compiler, self.progress).ok();
                watched.watch(jobs, self.progress, &mut self.leaving)
            }
            Err(error) => {
                let message = format!("could not start a child for a job: {error}");
                let died = jobs.first().map(|job| Outcome::infrastructure(job.id, message));
                Run { outcomes: Vec::new(), died }
            }
        }
    }

    /// Gives `jobs` to the child that stands by, or to a new one where that has gone.
    fn hand_over(&mut self, jobs: &[Job]) -> Result<Watched, WireError> {
        self.progress.begin_job(0, unix::monotonic_ns());
        if let Some(mut standby) = self.standby.take() {
            if standby.give(jobs).is_ok() {
                return Ok(standby);
            }
            unix::kill_group(standby.pid);
            self.leaving.0.push(standby.pid);
        }
        let mut fresh = Watched::start(self.compiler, self.progress)?;
        fresh.give(jobs)?;
        Ok(fresh)
    }
}
