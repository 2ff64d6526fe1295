//! The child's side: sets its own limits and runs the jobs of one batch, one thread each.

mod telling;

use self::telling::{FAILED_EXIT, PIPE, tell};
use super::command::Ended;
use super::compiler::{Compiled, Compiler, Ran};
use super::progress::Progress;
use super::{allocator, crash, plant, unix};
use crate::job::{Job, ModuleSource};
use crate::outcome::{EngineVerdict, Phase, Termination, Validation, shorten};
use crate::wire::{self, WireError};
use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering::Relaxed;

pub(super) use self::telling::{Completed, Message, send_garbage, tell_of};

/// Address space over what is mapped at the start and the job's memory: stacks, mapped modules,
/// fragmentation. The allocator's own limit is the exact one; this one is for what goes past it.
const ADDRESS_SPACE_SLACK_BYTES: u64 = 2 << 30;

/// The same for a library, whose allocations nobody counts: this limit is the only one it has.
const LIBRARY_SLACK_BYTES: u64 = 256 << 20;

/// What memories that are run at their ends set aside beside that: two of them, each with all the
/// guards that an engine asks for.
const EDGE_SLACK_BYTES: u64 = 32 << 30;

/// What is set aside for a hundred memories and tables of any size, with their guards: address space
/// alone, of which next to nothing is touched.
const EXECUTION_SLACK_BYTES: u64 = 4 << 40;

/// Waits for jobs on `orders`, runs them and ends the process. `parent` is the worker.
pub(super) fn run(
    compiler: &'static Compiler,
    orders: OwnedFd,
    pipe: OwnedFd,
    stderr: &OwnedFd,
    parent: unix::Pid,
    progress: &'static Progress,
) -> ! {
    if let Ok(mut slot) = PIPE.lock() {
        *slot = Some(File::from(pipe));
    }
    let result = prepare(stderr, parent, progress).and_then(|()| {
        let mut orders = File::from(orders);
        let jobs: Vec<Job> = match wire::receive(&mut orders) {
            // The worker has ended, and there was nothing to do.
            Err(WireError::Closed) => unix::exit_now(0),
            jobs => jobs.map_err(io::Error::other)?,
        };
        let small = |job: &Job| !matches!(job.module, ModuleSource::File(_));
        if jobs.iter().all(small) {
            unix::avoid_huge_pages();
        }
        let stack = |job: &Job| job.backend.knobs.stack_bytes;
        let mut runs = jobs.chunk_by(|a, b| stack(a) == stack(b));
        runs.try_for_each(|jobs| run_with_one_stack(compiler, jobs, progress))
    });
    if let Err(error) = result {
        tell(&Message::Failed(error.to_string()));
        unix::exit_now(FAILED_EXIT);
    }
    unix::exit_now(0)
}

fn prepare(stderr: &OwnedFd, parent: unix::Pid, progress: &'static Progress) -> io::Result<()> {
    unix::detach_from(parent)?;
    unix::redirect_streams(stderr)?;
    unix::forbid_core_files()?;
    crash::watch_faults(progress)?;
    std::panic::set_hook(Box::new(|info| {
        // Nothing from here on belongs to the job's cost.
        allocator::count_in(None);
        let payload = info.payload();
        let message = payload
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without a message".to_owned());
        let location = info.location().map(ToString::to_string).unwrap_or_default();
        tell(&Message::Panicked {
            location,
            message: shorten(&message),
            addresses: crash::addresses(),
        });
    }));
    Ok(())
}

/// Runs jobs that ask for the same stack on one thread that has it.
fn run_with_one_stack(
    compiler: &'static Compiler,
    jobs: &[Job],
    progress: &'static Progress,
) -> io::Result<()> {
    let stack = jobs.first().map_or(0, |job| job.backend.knobs.stack_bytes);
    let stack = usize::try_from(stack).map_err(io::Error::other)?;
    let ended = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("compile".to_owned()).stack_size(stack);
        let thread = thread.spawn_scoped(scope, || {
            crash::watch_stack();
            jobs.iter().try_for_each(|job| run_one(compiler, job, progress))
        })?;
        Ok::<_, io::Error>(thread.join())
    })?;
    // The hook has told of a panic; the process may be in disorder, so it ends here.
    ended.unwrap_or_else(|_| unix::exit_now(FAILED_EXIT))
}

fn run_one(compiler: &'static Compiler, job: &Job, progress: &'static Progress) -> io::Result<()> {
    progress.begin_job(job.budget.memory_bytes, unix::monotonic_ns());
    progress.enter(Phase::Load, unix::monotonic_ns());
    let spent_s = unix::process_cpu_s();
    unix::limit_cpu(spent_s.saturating_add(job.budget.cpu_s))?;
    let mut job = Cow::Borrowed(job);
    if compiler.program().is_none() {
        // Programs may set aside what they never use; their resident memory is watched.
        let mut limit = address_space_bytes(compiler, &job);
        if job.execution.is_some() && limit > unix::address_space_bytes_max()? {
            // This session may not have so much; the compilation does without.
            job.to_mut().execution = None;
            limit = address_space_bytes(compiler, &job);
        }
        unix::limit_address_space(limit)?;
        progress.address_space_limit.store(limit, Relaxed);
    }
    let module: &[u8] = match &job.module {
        ModuleSource::Inline(bytes) => bytes,
        ModuleSource::File(path) => unix::map_file(&File::open(path)?)?,
        ModuleSource::Planted(_) => &[],
    };
    progress.module_bytes.store(module.len() as u64, Relaxed);
    tell(&ask(compiler, &job, module, progress)?);
    Ok(())
}

/// The address space that a job may come to.
fn address_space_bytes(compiler: &Compiler, job: &Job) -> u64 {
    let slack = if compiler.is_library() { LIBRARY_SLACK_BYTES } else { ADDRESS_SPACE_SLACK_BYTES };
    let slack = slack + if job.edge.is_some() { EDGE_SLACK_BYTES } else { 0 };
    let slack = slack + if job.execution.is_some() { EXECUTION_SLACK_BYTES } else { 0 };
    let slack = slack + if job.shortage.is_some() { EDGE_SLACK_BYTES } else { 0 };
    let room = job.budget.memory_bytes.saturating_add(slack);
    unix::address_space_bytes().saturating_add(room)
}

/// Asks the engine for a job, where it can be asked.
pub(super) fn ask(
    compiler: &Compiler,
    job: &Job,
    module: &[u8],
    progress: &'static Progress,
) -> io::Result<Message> {
    Ok(match (compiler.program(), compiler.cannot(job), &job.module) {
        (_, _, ModuleSource::Planted(_)) | (None, None, _) => {
            compile(compiler, job, module, progress)?
        }
        (_, Some(reason), _) => {
            let verdict = EngineVerdict::NotApplicable { reason };
            let termination = Termination::Completed { verdict };
            Message::Completed(Box::new(completed(
                job,
                Phase::Done,
                termination,
                Validation::NotRun,
                progress,
            )))
        }
        (Some(program), None, _) => {
            let Ended { phase, termination, validation } = program.run(job, module, progress)?;
            Message::Completed(Box::new(completed(job, phase, termination, validation, progress)))
        }
    })
}

fn compile(
    compiler: &Compiler,
    job: &Job,
    module: &[u8],
    progress: &'static Progress,
) -> io::Result<Message> {
    let started_ns = unix::thread_cpu_ns();
    let measured = || {
        allocator::count_in(None);
        progress.cpu_ns.store(unix::thread_cpu_ns() - started_ns, Relaxed);
        progress.peak_resident.store(unix::peak_resident_bytes(), Relaxed);
    };
    // A library allocates by itself; what little is seen here of it would only mislead.
    allocator::count_in((!compiler.is_library()).then_some(progress));
    let Compiled { validation, verdict, ran } = if let ModuleSource::Planted(planted) = &job.module
    {
        let verdict = plant::commit(*planted);
        measured();
        Compiled { validation: Validation::NotRun, verdict, ran: Ran::default() }
    } else {
        compiler.compile(job, module, progress, &measured)?
    };
    allocator::count_in(None);
    let termination = Termination::Completed { verdict };
    let mut completed = completed(job, Phase::Done, termination, validation, progress);
    completed.ran = ran;
    Ok(Message::Completed(Box::new(completed)))
}

/// A job that has been told all about.
fn completed(
    job: &Job,
    phase: Phase,
    termination: Termination,
    validation: Validation,
    progress: &Progress,
) -> Completed {
    let now_ns = unix::monotonic_ns();
    progress.enter(Phase::Done, now_ns);
    let measurements = progress.measurements(now_ns, progress.cpu_ns.load(Relaxed));
    let job = job.id;
    Completed { job, phase, termination, validation, measurements, ran: Ran::default() }
}
