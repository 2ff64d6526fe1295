//! Engines that are programs: a `wasmtime` executable, V8 behind `node`, JavaScriptCore behind
//! `jsc`.
//!
//! The job's child starts the program, waits for it, and tells how it ended as if it were the
//! program: one process more than the other engines need, and the same record of what happened.

mod executable;
mod web;

use super::progress::Progress;
use super::supervise::FILE_TOO_LARGE;
use super::unix::{self, Pid};
use super::words;
use crate::engines::Code;
use crate::job::{Job, ModuleSource};
use crate::outcome::{
    Clock, EngineVerdict, Phase, Refusal, RefusalKind, Termination, Validation, shorten,
};
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// How often a running program is looked at, at first and at most.
const LOOK_MIN: Duration = Duration::from_micros(500);
const LOOK_MAX: Duration = Duration::from_millis(20);

/// What is read of a program's words, in bytes.
const WORDS_BYTES_MAX: u64 = 64 << 10;

/// A program that compiles modules.
#[derive(Debug)]
pub(super) enum Program {
    /// `wasmtime compile`.
    Wasmtime(PathBuf),
    /// `node`.
    Node(PathBuf),
    /// `jsc`.
    Jsc(PathBuf),
}

/// How a program's job ended.
pub(super) struct Ended {
    pub(super) phase: Phase,
    pub(super) termination: Termination,
    pub(super) validation: Validation,
}

impl Program {
    /// The program of an engine, where it is one.
    pub(super) fn of(code: &Code) -> Option<Program> {
        Some(match code {
            Code::Builtin | Code::Library(_) | Code::Worker(_) => return None,
            Code::Executable(file) => Program::Wasmtime(file.clone()),
            Code::Node(file) => Program::Node(file.clone()),
            Code::Jsc(file) => Program::Jsc(file.clone()),
        })
    }

    /// Runs a job. The figures go into `progress`.
    pub(super) fn run(&self, job: &Job, module: &[u8], progress: &Progress) -> io::Result<Ended> {
        // Files that only this process and its children see; nothing is left behind.
        let input = memory_file("module", module)?;
        let (output, words) = (memory_file("artifact", &[])?, memory_file("words", &[])?);
        let path = |file: &File| format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
        let own_module = path(&input);
        let module_path = match &job.module {
            ModuleSource::File(path) => path.as_path(),
            ModuleSource::Inline(_) | ModuleSource::Planted(_) => Path::new(&own_module),
        };
        let mut command = match self {
            Program::Wasmtime(file) => match executable::command(file, job) {
                Ok(mut command) => {
                    command.arg("-o").arg(path(&output)).arg(module_path);
                    command
                }
                Err(reason) => return Ok(not_applicable(reason)),
            },
            Program::Node(file) => web::node(file, job, module_path),
            Program::Jsc(file) => match web::jsc(file, job, module_path) {
                Ok(command) => command,
                Err(reason) => return Ok(not_applicable(reason)),
            },
        };
        command.stdin(Stdio::null()).stdout(words.try_clone()?).stderr(words.try_clone()?);
        unix::die_with_thread(&mut command);
        progress.enter(Phase::Compile, unix::monotonic_ns());
        let child = command.spawn()?;
        let pid = Pid::try_from(child.id()).map_err(io::Error::other)?;
        let (exit, killed) = watch(pid, job, &words)?;
        progress.cpu_ns.store(exit.cpu_ns, Relaxed);
        progress.peak_resident.store(exit.peak_resident_bytes, Relaxed);
        let said = read_all(words)?;
        if let Some(termination) = killed {
            return Ok(Ended {
                phase: Phase::Compile,
                termination,
                validation: Validation::NotRun,
            });
        }
        Ok(match self {
            Program::Wasmtime(_) => executable::ended(&exit, &said, output, job)?,
            Program::Node(_) | Program::Jsc(_) => web::ended(&exit, &said, &job.budget),
        })
    }
}

/// Waits for a program's end; kills it when it takes more memory or says more than it may.
fn watch(pid: Pid, job: &Job, words: &File) -> io::Result<(unix::Exit, Option<Termination>)> {
    let (mut pause, mut killed) = (LOOK_MIN, None);
    loop {
        if let Some(exit) = unix::reap(pid, false)? {
            return Ok((exit, killed));
        }
        let resident = unix::resident_bytes_of(pid);
        let over = if resident > job.budget.memory_bytes {
            Some(Termination::OutOfMemory { requested_bytes: 0 })
        } else if words.metadata()?.len() > job.budget.output_bytes {
            Some(Termination::OutputLimit)
        } else {
            None
        };
        if over.is_some() && killed.is_none() {
            killed = over;
            unix::kill(pid);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(LOOK_MAX);
    }
}

/// A job that its engine has answered.
fn answered(verdict: EngineVerdict) -> Ended {
    Ended {
        phase: Phase::Done,
        termination: Termination::Completed { verdict },
        validation: Validation::NotRun,
    }
}

fn refused(kind: RefusalKind, message: &str) -> EngineVerdict {
    let message = shorten(message);
    EngineVerdict::Refused { refusal: Refusal { phase: Phase::Compile, kind, message } }
}

fn not_applicable(reason: String) -> Ended {
    let verdict = EngineVerdict::NotApplicable { reason: shorten(reason.trim()) };
    Ended {
        phase: Phase::Load,
        termination: Termination::Completed { verdict },
        validation: Validation::NotRun,
    }
}

/// Exit code of a Rust program whose main thread panicked.
const PANIC_EXIT: i32 = 101;

/// How a program ended that did not end by itself.
fn crashed(exit: &unix::Exit, said: &str) -> Option<Termination> {
    match (exit.signal, exit.code) {
        (Some(libc::SIGXCPU), _) => Some(Termination::TimedOut { clock: Clock::Cpu }),
        (Some(libc::SIGKILL), _) => Some(Termination::Ambiguous),
        (Some(libc::SIGXFSZ), _) => {
            Some(Termination::Infrastructure { message: FILE_TOO_LARGE.to_owned() })
        }
        (None, Some(code)) if code != PANIC_EXIT => None,
        (signal, _) => Some(if said.contains("memory allocation of ") {
            Termination::OutOfMemory { requested_bytes: 0 }
        } else if said.contains("has overflowed its stack") {
            Termination::StackOverflow { frames: Vec::new() }
        } else if let Some(words::Panic { location, message, frames }) = words::panic(said) {
            Termination::Panicked { location, message: shorten(&message), frames }
        } else {
            Termination::Signaled { signal: signal.unwrap_or(0), frames: Vec::new() }
        }),
    }
}

/// A file in memory that starts with `content`; small modules have no file of their own.
fn memory_file(name: &str, content: &[u8]) -> io::Result<File> {
    let mut file = File::from(rustix::fs::memfd_create(name, rustix::fs::MemfdFlags::CLOEXEC)?);
    file.write_all(content)?;
    Ok(file)
}

fn rewound(mut file: File) -> io::Result<File> {
    file.rewind()?;
    Ok(file)
}

/// The beginning of what a program said.
fn read_all(words: File) -> io::Result<String> {
    let mut bytes = Vec::new();
    rewound(words)?.take(WORDS_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
