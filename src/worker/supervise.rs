//! Watches over one child: reads what it says, holds it to its wall time and output, and puts
//! together how it ended.

mod listen;
mod nursery;
mod post_mortem;

pub(super) use self::nursery::Nursery;
use self::nursery::{LEAVING_BYTES_MAX, Leaving};
pub(super) use self::post_mortem::{FILE_TOO_LARGE, counted, is_of_engine};
use super::child::{self, Completed, Message};
use super::compiler::Compiler;
use super::progress::Progress;
use super::unix;
use crate::job::Job;
use crate::outcome::{Outcome, ShortageFault, shorten};
use crate::wire::{self, WireError};
use std::fs::File;
use std::io;
use std::time::{Duration, Instant};

/// Waits no longer than this at once, so that a child that ended without closing its pipes (its
/// own child may hold them) is noticed.
const POLL_MAX: Duration = Duration::from_millis(200);

/// What came of a batch.
pub(super) struct Run {
    /// Jobs that completed, in order.
    pub(super) outcomes: Vec<Outcome>,
    /// The job after those, if the child died in it.
    pub(super) died: Option<Outcome>,
}

/// A running child.
struct Watched {
    pid: unix::Pid,
    /// Takes its jobs; closed when it has them.
    orders: Option<File>,
    pipe: Option<File>,
    stderr: Option<File>,
    buffer: Vec<u8>,
    stderr_tail: Vec<u8>,
    stderr_bytes: u64,
    panic: Option<(String, String, Vec<u64>)>,
    /// Faults of an engine short of memory.
    faults: Vec<ShortageFault>,
    failed: Option<String>,
    killed: Option<Killed>,
    /// Whether the engine is a library, whose panics are told by its own runtime.
    library: bool,
}

/// Why we killed it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Killed {
    WallTime,
    Output,
    Garbage,
}

impl Watched {
    /// Starts a child, which waits for its jobs.
    fn start(compiler: &'static Compiler, progress: &'static Progress) -> io::Result<Watched> {
        let (orders_reader, orders) = unix::pipe()?;
        let (reader, writer) = unix::pipe()?;
        let (stderr_reader, stderr_writer) = unix::pipe()?;
        let parent = unix::own_pid();
        let Some(pid) = unix::fork()? else {
            drop((orders, reader, stderr_reader));
            child::run(compiler, orders_reader, writer, &stderr_writer, parent, progress)
        };
        unix::make_group(pid);
        drop((orders_reader, writer, stderr_writer));
        Ok(Watched {
            pid,
            orders: Some(File::from(orders)),
            pipe: Some(File::from(reader)),
            stderr: Some(File::from(stderr_reader)),
            buffer: Vec::new(),
            stderr_tail: Vec::new(),
            stderr_bytes: 0,
            panic: None,
            faults: Vec::new(),
            failed: None,
            killed: None,
            library: compiler.is_library(),
        })
    }

    fn give(&mut self, jobs: &[Job]) -> Result<(), WireError> {
        self.orders.take().map_or(Ok(()), |mut orders| wire::send(&mut orders, &jobs))
    }

    fn watch(mut self, jobs: &[Job], progress: &'static Progress, leaving: &mut Leaving) -> Run {
        let mut outcomes: Vec<Outcome> = Vec::new();
        let mut deadline = Deadline::of(jobs.first());
        let exit = loop {
            let before = outcomes.len();
            self.wait(deadline.left());
            self.read_messages(jobs, &mut outcomes);
            if outcomes.len() > before {
                deadline = Deadline::of(jobs.get(outcomes.len()));
            }
            if outcomes.len() == jobs.len() {
                // It has nothing more to say, and whatever it started goes with it.
                unix::kill_group(self.pid);
                leaving.0.push(self.pid);
                let large = |outcome: &Outcome| {
                    outcome.measurements.peak_resident_bytes > LEAVING_BYTES_MAX
                };
                leaving.reap(outcomes.iter().any(large));
                return Run { outcomes, died: None };
            }
            if let Some(job) = jobs.get(outcomes.len()) {
                if self.stderr_bytes > job.budget.output_bytes {
                    self.kill(Killed::Output);
                } else if deadline.left().is_zero() {
                    self.kill(Killed::WallTime);
                }
            }
            match unix::reap(self.pid, false) {
                Ok(Some(exit)) => break exit,
                Ok(None) => {}
                Err(error) => {
                    let message = format!("could not wait for a child: {error}");
                    return self.lost(jobs, outcomes, message);
                }
            }
        };
        // Whatever the child started goes with it.
        unix::kill_group(self.pid);
        self.drain();
        self.read_messages(jobs, &mut outcomes);
        let died = jobs.get(outcomes.len()).map(|job| self.post_mortem(job, &exit, progress));
        Run { outcomes, died }
    }

    fn lost(self, jobs: &[Job], outcomes: Vec<Outcome>, message: String) -> Run {
        unix::kill_group(self.pid);
        let died = jobs.get(outcomes.len()).map(|job| Outcome::infrastructure(job.id, message));
        Run { outcomes, died }
    }

    fn kill(&mut self, why: Killed) {
        self.killed.get_or_insert(why);
        unix::kill_group(self.pid);
    }

    fn read_messages(&mut self, jobs: &[Job], outcomes: &mut Vec<Outcome>) {
        loop {
            match wire::take::<Message>(&mut self.buffer) {
                Ok(None) => return,
                Ok(Some(Message::Completed(completed))) => {
                    let Completed { job, phase, termination, validation, measurements, ran } =
                        *completed;
                    if jobs.get(outcomes.len()).is_none_or(|expected| expected.id != job) {
                        self.kill(Killed::Garbage);
                        return;
                    }
                    outcomes.push(Outcome {
                        job,
                        phase,
                        termination,
                        validation,
                        measurements,
                        stderr_tail: shorten(&self.take_stderr()),
                        machine: None,
                        edge: ran.edge,
                        execution: ran.execution,
                        shortage: ran.shortage,
                    });
                }
                Ok(Some(Message::Panicked { location, message, addresses })) => {
                    self.panic.get_or_insert((location, message, addresses));
                }
                Ok(Some(Message::Fault(fault))) => self.faults.push(fault),
                Ok(Some(Message::Failed(message))) => self.failed = Some(message),
                Err(_) => {
                    self.buffer.clear();
                    self.kill(Killed::Garbage);
                    return;
                }
            }
        }
    }

    fn take_stderr(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.stderr_tail)).into_owned()
    }
}

/// When a job must have ended.
struct Deadline(Option<Instant>);

impl Deadline {
    fn of(job: Option<&Job>) -> Deadline {
        Deadline(job.map(|job| Instant::now() + Duration::from_secs(job.budget.wall_s)))
    }

    fn left(&self) -> Duration {
        self.0.map_or(POLL_MAX, |at| at.saturating_duration_since(Instant::now()))
    }
}
