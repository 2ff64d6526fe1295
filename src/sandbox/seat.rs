//! One seat at the table: a worker process and the conversation with it.

use super::Host;
use crate::engines::Code;
use crate::job::Job;
use crate::outcome::Outcome;
use crate::wire::{self, Hello, Reply, Request, WIRE_VERSION, WORKER_COMMAND, WireError};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::io;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use thiserror::Error;

/// How long a worker may take to start. The machine may be swamped; a broken executable fails at
/// once anyway.
const START_MAX: Duration = Duration::from_secs(30);

/// How long past the children's own limits a worker may stay silent before it is given up.
const GRACE: Duration = Duration::from_secs(30);

/// Longest batch that is waited for, in seconds: a year, so that no sum of limits runs over.
const WALL_MAX_S: u64 = 365 * 86_400;

/// How the worker's memory is managed: in huge pages where a job allows it, in one heap that is not
/// given back before the child ends; blocks of a megabyte and more are mapped, so that they grow by
/// moving pages and resident memory stays true. Other C libraries ignore it.
const MALLOC: &str = "glibc.malloc.hugetlb=1:glibc.malloc.arena_max=1:\
                      glibc.malloc.trim_threshold=1099511627776:\
                      glibc.malloc.mmap_threshold=1048576";

/// A worker's own limits are the children's; here only a hung worker must be noticed.
const POLL_STEP: Duration = Duration::from_millis(250);

/// Why there is no worker.
#[derive(Debug, Error)]
pub enum SeatError {
    /// The process did not start.
    #[error("start a worker process: {0}")]
    Spawn(#[source] io::Error),
    /// It started and did not say that it is ready.
    #[error("start a worker process: it ended or fell silent before it was ready ({0})")]
    NotReady(String),
    /// It cannot run its engine.
    #[error("start a worker process for {engine}: {reason}")]
    Cannot {
        /// What the engine is called.
        engine: String,
        /// Why not.
        reason: String,
    },
    /// A job asks for an engine that nobody provided.
    #[error("find the engine {0}: it was not made ready for this run")]
    NoHost(String),
}

/// A worker process; it is killed when this is dropped.
#[derive(Debug)]
pub struct Seat {
    host: Host,
    process: Child,
    input: ChildStdin,
    output: ChildStdout,
}

impl Seat {
    /// Starts a worker and waits until it is ready.
    ///
    /// The worker dies with the *thread* that calls this, so call it from the thread that uses it.
    pub fn start(host: &Host) -> Result<Seat, SeatError> {
        let mut command = Command::new(host.exe.path());
        command.arg(WORKER_COMMAND);
        if let Code::Library(_) = host.engine.code {
            // The only trace that a panic in a library leaves of where it was.
            command.env("RUST_BACKTRACE", "1");
        } else {
            // A backtrace in each error would cost time and differ from run to run.
            command.env_remove("RUST_BACKTRACE");
        }
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .env("RUST_LIB_BACKTRACE", "0")
            .env("GLIBC_TUNABLES", MALLOC)
            .spawn()
            .map_err(SeatError::Spawn)?;
        let (Some(input), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
            return Err(SeatError::NotReady("its pipes are missing".to_owned()));
        };
        let mut seat = Seat { host: host.clone(), process, input, output };
        let hello = Hello { version: WIRE_VERSION, engine: host.engine.clone() };
        let answer = wire::send(&mut seat.input, &hello)
            .and_then(|()| seat.receive(Instant::now() + START_MAX, &|| false));
        match answer {
            Ok(Reply::Ready) => Ok(seat),
            Ok(Reply::Cannot(reason)) => {
                Err(SeatError::Cannot { engine: host.id().title(), reason })
            }
            Ok(Reply::Ended(_)) => Err(SeatError::NotReady("it spoke out of turn".to_owned())),
            Err(error) => Err(SeatError::NotReady(error.to_string())),
        }
    }

    /// Runs `jobs` in order, in one child as long as it lives, and hands over the outcomes. When
    /// the worker itself fails, the jobs that are left end as infrastructure failures and a new
    /// worker takes the seat; the error is that none would start. When `stop` turns true, the rest
    /// is dropped.
    pub fn run(
        &mut self,
        jobs: Vec<Job>,
        stop: &dyn Fn() -> bool,
        each: &mut dyn FnMut(Outcome),
    ) -> Result<(), SeatError> {
        let ids: Vec<u64> = jobs.iter().map(|job| job.id).collect();
        // Twice, since a job of a batch may run again alone.
        let wall_s: u64 = jobs.iter().map(|job| job.budget.wall_s.saturating_mul(2)).sum();
        let deadline = Duration::from_secs(wall_s.min(WALL_MAX_S)) + GRACE;
        let deadline = Instant::now() + deadline;
        let mut ended = 0;
        let result = wire::send(&mut self.input, &Request { jobs }).and_then(|()| {
            while ended < ids.len() {
                match self.receive(deadline, stop)? {
                    Reply::Ended(outcome) if outcome.job == ids[ended] => {
                        ended += 1;
                        each(*outcome);
                    }
                    Reply::Ended(_) | Reply::Ready | Reply::Cannot(_) => {
                        return Err(WireError::Malformed("an answer to another question".into()));
                    }
                }
            }
            Ok(())
        });
        let Err(error) = result else { return Ok(()) };
        self.end();
        if !stop() {
            for &id in &ids[ended..] {
                let message = format!("the worker process failed: {error}");
                each(Outcome::infrastructure(id, message));
            }
        }
        let host = self.host.clone();
        *self = Seat::start(&host)?;
        Ok(())
    }

    /// Takes the next reply; gives up at `deadline` or when `stop` turns true.
    fn receive(&mut self, deadline: Instant, stop: &dyn Fn() -> bool) -> Result<Reply, WireError> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || stop() {
                return Err(WireError::Io(io::ErrorKind::TimedOut.into()));
            }
            let mut fds = [PollFd::new(&self.output, PollFlags::IN)];
            let step = Timespec::try_from(left.min(POLL_STEP)).ok();
            match poll(&mut fds, step.as_ref()) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => return wire::receive(&mut self.output),
                Err(error) => return Err(WireError::Io(error.into())),
            }
        }
    }

    /// Kills the worker and what its children have started; they themselves are killed by the kernel
    /// when it dies. Each leads a group.
    fn end(&mut self) {
        let worker = Pid::from_child(&self.process);
        // All fail only when the process is already gone. Stopped, it starts no more.
        let _ = kill_process(worker, Signal::STOP);
        for child in children_of(worker) {
            let _ = kill_process_group(child, Signal::KILL);
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.end();
    }
}

/// The children of a process; none where the kernel does not tell.
fn children_of(pid: Pid) -> Vec<Pid> {
    let pid = pid.as_raw_nonzero();
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().filter_map(|child| Pid::from_raw(child.parse().ok()?)).collect()
}
