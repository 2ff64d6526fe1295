//! Seats side by side: keeps every seat busy, and the machine's memory from running out.

mod memory;

use self::memory::{Memory, within_total};
use super::{Host, Seat, SeatError, StoredModule};
use crate::engines::EngineId;
use crate::job::Job;
use crate::outcome::{Outcome, Termination};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a seat with nothing to do waits before it asks again.
const IDLE: Duration = Duration::from_millis(5);

/// Workers of as many engines are kept by a seat.
const ENGINES_MAX: usize = 4;

/// Jobs of one engine for one seat, to run in order, in one child while all goes well.
#[derive(Debug)]
pub struct Task {
    /// The jobs.
    pub jobs: Vec<Job>,
    /// Keeps the module of the jobs.
    pub module: StoredModule,
}

/// What a source of tasks has to say.
#[derive(Debug)]
pub enum Next {
    /// A task.
    Task(Task),
    /// Nothing now; running tasks may lead to more.
    Wait,
    /// Nothing any more.
    Done,
}

/// Where a pool gets its work and puts its results; called from all seats at once.
pub trait Tasks: Sync {
    /// The next task for a seat.
    fn next(&self) -> Next;

    /// A job has ended.
    fn ended(&self, outcome: Outcome);

    /// A seat has no worker and is given up.
    fn seat_failed(&self, error: SeatError);
}

/// How many seats there are and what they may use.
#[derive(Clone, Debug)]
pub struct Pool {
    /// The engines that jobs may ask for.
    pub hosts: Vec<Host>,
    /// Number of seats.
    pub seats: usize,
    /// Memory for all jobs together, in bytes.
    pub total_memory_bytes: u64,
}

/// How well a pool was used.
#[derive(Clone, Copy, Debug, Default)]
pub struct PoolStats {
    /// Wall time of the whole run.
    pub wall: Duration,
    /// CPU time of all jobs, in microseconds, as their children measured it.
    pub jobs_cpu_us: u64,
    /// CPU time of workers and their children as the kernel accounts it, in microseconds.
    pub children_cpu_us: u64,
}

impl PoolStats {
    /// Adds those of a run that came after.
    pub fn add(&mut self, other: &PoolStats) {
        self.wall += other.wall;
        self.jobs_cpu_us += other.jobs_cpu_us;
        self.children_cpu_us += other.children_cpu_us;
    }
}

impl Pool {
    /// Runs everything that `tasks` has, until it is done or `stop` turns true.
    pub fn run(&self, tasks: &dyn Tasks, stop: &AtomicBool) -> PoolStats {
        let started = Instant::now();
        let children_before = children_cpu_us();
        let memory = Memory::new(self.total_memory_bytes);
        let cpu_us = AtomicU64::new(0);
        match rayon::ThreadPoolBuilder::new().num_threads(self.seats).build() {
            Ok(threads) => {
                threads.broadcast(|_| self.sit(tasks, stop, &memory, &cpu_us));
            }
            Err(error) => {
                tasks.seat_failed(SeatError::Spawn(std::io::Error::other(error)));
            }
        }
        PoolStats {
            wall: started.elapsed(),
            jobs_cpu_us: cpu_us.into_inner(),
            children_cpu_us: children_cpu_us().saturating_sub(children_before),
        }
    }

    fn sit(&self, tasks: &dyn Tasks, stop: &AtomicBool, memory: &Memory, cpu_us: &AtomicU64) {
        let mut workers = Workers { hosts: &self.hosts, seats: Vec::new() };
        let share = self.total_memory_bytes / u64::try_from(self.seats.max(1)).unwrap_or(1);
        while !stop.load(Relaxed) {
            match tasks.next() {
                Next::Done => return,
                Next::Wait => std::thread::sleep(IDLE),
                Next::Task(task) => {
                    let each = |outcome: Outcome| {
                        cpu_us.fetch_add(outcome.measurements.cpu_us, Relaxed);
                        tasks.ended(outcome);
                    };
                    let run = workers
                        .of(&task)
                        .and_then(|seat| run_task(seat, task, share, memory, stop, &each));
                    if let Err(error) = run {
                        return tasks.seat_failed(error);
                    }
                }
            }
        }
    }
}

/// The workers of one seat: one for each engine that it was asked for, the latest last.
struct Workers<'a> {
    hosts: &'a [Host],
    seats: Vec<(EngineId, Seat)>,
}

/// One seat of a pool that is asked directly, for what must know one outcome before it knows the
/// next job. Its workers die with the thread that asks first, so ask from one thread.
pub struct Bench<'p> {
    workers: Workers<'p>,
    memory: Memory,
}

impl<'p> Bench<'p> {
    /// A bench with the engines and the memory of the pool.
    pub fn new(pool: &'p Pool) -> Bench<'p> {
        let workers = Workers { hosts: &pool.hosts, seats: Vec::new() };
        Bench { workers, memory: Memory::new(pool.total_memory_bytes) }
    }

    /// Runs a task; where `stop` turns true, outcomes are missing.
    pub fn run(&mut self, task: Task, stop: &AtomicBool) -> Result<Vec<Outcome>, SeatError> {
        let outcomes = Mutex::new(Vec::new());
        let each = |outcome: Outcome| {
            outcomes.lock().unwrap_or_else(PoisonError::into_inner).push(outcome);
        };
        let seat = self.workers.of(&task)?;
        run_task(seat, task, self.memory.total, &self.memory, stop, &each)?;
        Ok(outcomes.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

impl std::fmt::Debug for Bench<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bench").finish_non_exhaustive()
    }
}

impl Workers<'_> {
    /// The worker for a task, started where there is none yet.
    fn of(&mut self, task: &Task) -> Result<&mut Seat, SeatError> {
        let engine =
            task.jobs.first().map_or_else(EngineId::builtin, |job| job.backend.engine().clone());
        let seat = match self.seats.iter().position(|(id, _)| *id == engine) {
            Some(at) => self.seats.remove(at).1,
            None => {
                let host = self.hosts.iter().find(|host| *host.id() == engine);
                let host = host.ok_or_else(|| SeatError::NoHost(engine.to_string()))?;
                if self.seats.len() >= ENGINES_MAX {
                    self.seats.remove(0);
                }
                Seat::start(host)?
            }
        };
        self.seats.push((engine, seat));
        Ok(&mut self.seats.last_mut().expect("one was just pushed").1)
    }
}

/// Runs a task within this seat's share of the memory first. A job that needs more than the share
/// and has a larger budget runs once more, with all of its budget set aside for it, so that jobs
/// that need little are not kept waiting for memory that hardly any job uses.
fn run_task(
    seat: &mut Seat,
    task: Task,
    share: u64,
    memory: &Memory,
    stop: &AtomicBool,
    each: &dyn Fn(Outcome),
) -> Result<(), SeatError> {
    let Task { jobs, module } = task;
    let mut first = jobs.clone();
    for job in &mut first {
        job.budget.memory_bytes = job.budget.memory_bytes.min(share);
    }
    let reserve = first.iter().map(|job| job.budget.memory_bytes).max().unwrap_or(0);
    let mut hungry = Vec::new();
    let stopped = || stop.load(Relaxed);
    let reserved = memory.take(reserve, stop);
    seat.run(first, &stopped, &mut |outcome| {
        let job = jobs.iter().find(|job| job.id == outcome.job);
        match (job, &outcome.termination) {
            (Some(job), Termination::OutOfMemory { .. }) if job.budget.memory_bytes > share => {
                hungry.push(job.clone());
            }
            _ => each(outcome),
        }
    })?;
    drop(reserved);
    for mut job in hungry {
        let capped = job.budget.memory_bytes > memory.total;
        job.budget.memory_bytes = job.budget.memory_bytes.min(memory.total);
        let reserved = memory.take(job.budget.memory_bytes, stop);
        seat.run(vec![job], &stopped, &mut |outcome| {
            each(if capped { within_total(outcome, memory.total) } else { outcome });
        })?;
        drop(reserved);
    }
    drop(module);
    Ok(())
}

/// CPU time of all children that have ended and of theirs, in microseconds.
fn children_cpu_us() -> u64 {
    // Fields 16 and 17, counted after the name, which may itself hold spaces.
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let ticks: u64 =
        fields.split_whitespace().skip(13).take(2).filter_map(|f| f.parse::<u64>().ok()).sum();
    ticks * 1_000_000 / rustix::param::clock_ticks_per_second().max(1)
}
