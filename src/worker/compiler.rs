//! What a worker compiles with, and how a compilation goes: configure, validate, compile, and
//! compile again to compare.

use super::command::Program;
use super::progress::Progress;
use super::unix::monotonic_ns;
use super::{artifact, builtin, library, passes, plant};
use crate::engines::{Code, Installed};
use crate::job::{EdgeRun, Execution, Job, Shortage};
use crate::outcome::{
    Artifact, EdgeCheck, EngineVerdict, ExecutionCheck, Phase, Refusal, RefusalKind, ShortageCheck,
    Validation, shorten,
};
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::atomic::Ordering::Relaxed;

/// A second compilation, to compare, is made where the first took at most this long.
const REPEAT_US_MAX: u64 = 250_000;

/// The second compilation has Cranelift's verifier and the register allocation checker on, unless
/// the knobs say otherwise, where the first took at most this long: the checker costs up to a
/// hundred times the compilation. The first is always what an embedder gets.
const CHECKED_US_MAX: u64 = 10_000;

/// The engine of a worker.
pub(super) struct Compiler {
    engine: Installed,
    code: Loaded,
}

enum Loaded {
    Builtin,
    Library(library::Library),
    Program(Program),
}

/// An engine that is configured for a job.
pub(super) trait Configured {
    /// Validates; the error is the engine's message.
    fn validate(&self, module: &[u8]) -> Result<(), String>;

    /// Runs an artifact of `module` as `run` says; `None` where this engine is not run.
    fn run(
        &self,
        job: &Job,
        run: &EdgeRun,
        module: &[u8],
        artifact: &[u8],
        progress: &Progress,
    ) -> Option<EdgeCheck>;

    /// Instantiates an artifact and calls it; `None` where this engine is not run.
    fn execute(&self, job: &Job, execution: &Execution, artifact: &[u8]) -> Option<ExecutionCheck>;

    /// Fails allocations while an artifact is loaded and called; `None` where that cannot be done.
    fn run_short(
        &self,
        job: &Job,
        shortage: &Shortage,
        artifact: &[u8],
        progress: &Progress,
    ) -> Option<ShortageCheck>;

    /// Compiles to an artifact; the error is the kind of the refusal and the engine's message.
    fn compile(&self, module: &[u8]) -> Result<Box<dyn AsRef<[u8]>>, (RefusalKind, String)>;
}

/// What came of one module.
pub(super) struct Compiled {
    pub(super) validation: Validation,
    pub(super) verdict: EngineVerdict,
    pub(super) ran: Ran,
}

/// What came of running what was compiled.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Ran {
    pub(super) edge: Option<EdgeCheck>,
    pub(super) execution: Option<ExecutionCheck>,
    pub(super) shortage: Option<ShortageCheck>,
}

impl Compiler {
    /// Makes an engine's code ready, or says why it cannot be.
    pub(super) fn load(engine: Installed) -> Result<Compiler, String> {
        let code = match (&engine.code, Program::of(&engine.code)) {
            (_, Some(program)) => Loaded::Program(program),
            (Code::Library(file), _) => Loaded::Library(library::Library::load(file)?),
            // A worker of its own has its engine built in.
            (..) => Loaded::Builtin,
        };
        Ok(Compiler { engine, code })
    }

    /// Whether the engine's code is a library, which reports panics in its own way.
    pub(super) fn is_library(&self) -> bool {
        matches!(self.code, Loaded::Library(_))
    }

    /// The program, where the engine is one.
    pub(super) fn program(&self) -> Option<&Program> {
        match &self.code {
            Loaded::Program(program) => Some(program),
            Loaded::Builtin | Loaded::Library(_) => None,
        }
    }

    /// Why a job cannot be asked of the engine at all, if it cannot.
    pub(super) fn cannot(&self, job: &Job) -> Option<String> {
        job.backend.cannot().or_else(|| self.engine.cannot(&job.backend, &job.proposals))
    }

    /// The engine, configured; `checked` turns on the checks that the knobs do not turn off.
    fn configure(&self, job: &Job, checked: bool) -> Result<Box<dyn Configured + '_>, String> {
        match &self.code {
            Loaded::Builtin => builtin::configure(job, checked),
            Loaded::Library(library) => library.configure(job, checked),
            Loaded::Program(_) => Err("a program is run, not configured".to_owned()),
        }
    }

    /// Validates and compiles `module` as `job` says. `measured` is called when everything that is
    /// measured has ended and a comparison may still follow.
    pub(super) fn compile(
        &self,
        job: &Job,
        module: &[u8],
        progress: &'static Progress,
        measured: &dyn Fn(),
    ) -> io::Result<Compiled> {
        let not_run =
            |verdict| Ok(Compiled { validation: Validation::NotRun, verdict, ran: Ran::default() });
        let engine = match self.configure(job, false) {
            Ok(engine) => engine,
            Err(reason) => return not_run(EngineVerdict::NotApplicable { reason }),
        };
        progress.enter(Phase::Validate, monotonic_ns());
        let validation = match engine.validate(module) {
            Ok(()) => {
                progress.valid.store(1, Relaxed);
                Validation::Valid
            }
            Err(message) => Validation::Invalid(shorten(&message)),
        };
        progress.enter(Phase::Compile, monotonic_ns());
        passes::install(progress);
        let started_ns = monotonic_ns();
        plant::bug(module);
        let compiled = engine.compile(module);
        let took_us = (monotonic_ns() - started_ns) / 1_000;
        passes::uninstall();
        let artifact = match compiled {
            Ok(artifact) => artifact,
            Err((mut kind, message)) => {
                measured();
                if matches!(validation, Validation::Invalid(_)) {
                    // Whatever words the compiler finds for it, the validator has said it already.
                    kind = RefusalKind::Invalid;
                }
                let refusal = Refusal { phase: Phase::Compile, kind, message: shorten(&message) };
                let verdict = EngineVerdict::Refused { refusal };
                return Ok(Compiled { validation, verdict, ran: Ran::default() });
            }
        };
        measured();
        let bytes = (*artifact).as_ref();
        artifact::keep(bytes, job)?;
        let mut described = Artifact {
            bytes: bytes.len() as u64,
            code_bytes: artifact::code_bytes(bytes),
            hash: artifact::fingerprint(bytes),
            repeat_hash: None,
        };
        let ran = Ran {
            edge: job.edge.as_ref().and_then(|run| {
                progress.enter(Phase::Run, monotonic_ns());
                engine.run(job, run, module, bytes, progress)
            }),
            execution: job.execution.as_ref().and_then(|execution| {
                progress.enter(Phase::Execute, monotonic_ns());
                engine.execute(job, execution, bytes)
            }),
            shortage: job.shortage.as_ref().and_then(|shortage| {
                progress.enter(Phase::Execute, monotonic_ns());
                engine.run_short(job, shortage, bytes, progress)
            }),
        };
        drop(artifact);
        if job.repeat && took_us <= REPEAT_US_MAX {
            progress.enter(Phase::Repeat, monotonic_ns());
            match self.again(job, module, took_us <= CHECKED_US_MAX) {
                Ok(hash) => described.repeat_hash = Some(hash),
                Err(verdict) => return Ok(Compiled { validation, verdict, ran }),
            }
        }
        let verdict = EngineVerdict::Accepted { artifact: described };
        Ok(Compiled { validation, verdict, ran })
    }

    /// The fingerprint of a second compilation, or what the engine said instead.
    fn again(&self, job: &Job, module: &[u8], checked: bool) -> Result<String, EngineVerdict> {
        let engine = self
            .configure(job, checked)
            .map_err(|reason| EngineVerdict::NotApplicable { reason })?;
        match engine.compile(module) {
            Ok(again) => Ok(artifact::fingerprint((*again).as_ref())),
            Err((kind, message)) => {
                let refusal = Refusal { phase: Phase::Repeat, kind, message: shorten(&message) };
                Err(EngineVerdict::Refused { refusal })
            }
        }
    }
}
