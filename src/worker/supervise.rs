//! Watches over one child: reads what it says, holds it to its wall time and output, and puts
//! together how it ended.

use super::child::{self, Completed, Message};
use super::compiler::Compiler;
use super::progress::Progress;
use super::{allocator, crash, unix, words};
use crate::job::Job;
use crate::outcome::{Clock, EngineVerdict, Outcome, Phase, Termination, Validation, shorten};
use crate::wire::{self, WireError};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::File;
use std::io::{self, Read};
use std::sync::atomic::Ordering::Relaxed;
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

/// Children that have said all they had to say and are being taken apart by the kernel, which takes
/// as long as a small job does; the next job need not wait for it.
#[derive(Default)]
pub(super) struct Leaving(Vec<unix::Pid>);

impl Leaving {
    /// Takes those that have ended off the kernel; with `wait`, all.
    fn reap(&mut self, wait: bool) {
        self.0.retain(|&pid| matches!(unix::reap(pid, wait), Ok(None)));
    }
}

/// A child larger than this, in bytes, is waited for, so that its memory is free for the next job.
const LEAVING_BYTES_MAX: u64 = 128 << 20;

/// At most this many children may be leaving.
const LEAVING_MAX: usize = 4;

/// Where children come from: one always stands by, forked and prepared while the one before it
/// worked, so that a job need not wait for the kernel to make it.
pub(super) struct Nursery {
    compiler: &'static Compiler,
    progress: &'static Progress,
    standby: Option<Watched>,
    leaving: Leaving,
}

impl Nursery {
    pub(super) fn new(compiler: &'static Compiler, progress: &'static Progress) -> Nursery {
        Nursery { compiler, progress, standby: None, leaving: Leaving::default() }
    }

    /// Runs `jobs` in a child that has run nothing before.
    pub(super) fn run(&mut self, jobs: &[Job]) -> Run {
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
                    let Completed { job, phase, termination, validation, measurements } =
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
                    });
                }
                Ok(Some(Message::Panicked { location, message, addresses })) => {
                    self.panic.get_or_insert((location, message, addresses));
                }
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

    /// How the job that did not complete ended.
    fn post_mortem(mut self, job: &Job, exit: &unix::Exit, progress: &Progress) -> Outcome {
        let mut measurements = progress.measurements(unix::monotonic_ns(), exit.cpu_ns);
        measurements.peak_resident_bytes = exit.peak_resident_bytes;
        let stderr_tail = self.take_stderr();
        Outcome {
            job: job.id,
            phase: progress.phase(),
            termination: self.termination(exit, progress, &stderr_tail),
            validation: Validation::NotRun,
            measurements,
            stderr_tail: shorten(&stderr_tail),
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
        if fault == libc::SIGABRT && stderr_tail.contains("memory allocation of ") {
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

fn infrastructure(message: &str) -> Termination {
    Termination::Infrastructure { message: message.to_owned() }
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
