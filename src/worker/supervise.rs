//! Watches over one child: reads what it says, holds it to its wall time and output, and puts
//! together how it ended.

mod nursery;
mod post_mortem;

pub(super) use self::nursery::Nursery;
use self::nursery::{LEAVING_BYTES_MAX, Leaving};
pub(super) use self::post_mortem::{counted, is_of_engine};
use super::child::{self, Completed, Message};
use super::compiler::Compiler;
use super::progress::Progress;
use super::unix;
use crate::job::Job;
use crate::outcome::{Outcome, ShortageFault, shorten};
use crate::wire::{self, WireError};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::File;
use std::io::{self, Read};
use std::time::{Duration, Instant};

/// Bytes of standard error that are kept.
const STDERR_TAIL_BYTES: usize = 64 * 1024;

/// Waits no longer than this at once, so that a child that ended without closing its pipes (its
/// own child may hold them) is noticed.
const POLL_MAX: Duration = Duration::from_millis(200);

/// Reads what an ended child left for at most this long.
const DRAIN_MAX: Duration = Duration::from_secs(1);

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

    /// Waits for something to read, at most `left`, and reads it.
    fn wait(&mut self, left: Duration) {
        let open: Vec<&File> = [&self.pipe, &self.stderr].into_iter().flatten().collect();
        if open.is_empty() {
            // Both pipes are closed, so the end itself is all that is left to wait for.
            std::thread::sleep(left.min(Duration::from_micros(50)));
            return;
        }
        let mut fds: Vec<PollFd<'_>> =
            open.iter().map(|file| PollFd::new(*file, PollFlags::IN)).collect();
        let timeout = Timespec::try_from(left.min(POLL_MAX)).ok();
        // An interrupted or failed wait is only a short one.
        if poll(&mut fds, timeout.as_ref()).is_err() {
            return;
        }
        let ready: Vec<bool> = fds.iter().map(|fd| !fd.revents().is_empty()).collect();
        let mut ready = ready.into_iter();
        if self.pipe.is_some() && ready.next() == Some(true) {
            self.read_pipe();
        }
        if self.stderr.is_some() && ready.next() == Some(true) {
            self.read_stderr();
        }
    }

    fn read_pipe(&mut self) {
        let mut chunk = [0; 16 * 1024];
        let Some(pipe) = &mut self.pipe else { return };
        match pipe.read(&mut chunk) {
            Ok(0) | Err(_) => self.pipe = None,
            Ok(n) => self.buffer.extend_from_slice(&chunk[..n]),
        }
    }

    fn read_stderr(&mut self) {
        let mut chunk = [0; 16 * 1024];
        let Some(stderr) = &mut self.stderr else { return };
        match stderr.read(&mut chunk) {
            Ok(0) | Err(_) => self.stderr = None,
            Ok(n) => {
                self.stderr_bytes += n as u64;
                self.stderr_tail.extend_from_slice(&chunk[..n]);
                let surplus = self.stderr_tail.len().saturating_sub(STDERR_TAIL_BYTES);
                self.stderr_tail.drain(..surplus);
            }
        }
    }

    /// Reads what a child that has ended left in its pipes. A process that it started outside of
    /// its group may hold the other ends for ever, so only what is there now is read.
    fn drain(&mut self) {
        let until = Instant::now() + DRAIN_MAX;
        while (self.pipe.is_some() || self.stderr.is_some()) && Instant::now() < until {
            let before = (self.buffer.len(), self.stderr_bytes, self.open_pipes());
            self.wait(Duration::ZERO);
            if before == (self.buffer.len(), self.stderr_bytes, self.open_pipes()) {
                return;
            }
        }
    }

    fn open_pipes(&self) -> usize {
        usize::from(self.pipe.is_some()) + usize::from(self.stderr.is_some())
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
