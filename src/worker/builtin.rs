//! The built-in Wasmtime: the only place that names it. A backend's description becomes a configured
//! engine.
#![expect(unsafe_code, reason = "Wasmtime marks its Cranelift flags unsafe")]

use super::compiler::Configured;
use super::edge::AtTheEdge;
use super::progress::Progress;
use super::{compat, edge, execution, refusals};
use crate::engines::{
    Backend, Collector, OptLevel, RegisterAllocation, SPECTRE_FLAGS, Strategy, Switch,
};
use crate::job::{EdgeRun, Execution, Job, Shortage};
use crate::outcome::{EdgeCheck, ExecutionCheck, RefusalKind, ShortageCheck, shorten};
use crate::proposals::Proposal;
use std::error::Error as StdError;
use std::sync::Arc;
use wasmtime::{Config, Engine, Module};
use wasmtime_environ::wasmparser::BinaryReaderError;
use wasmtime_environ::{CompileError, WasmError};

/// The backend that what is run is held against.
const INTERPRETER: &str = "pulley64:opt=none,guard=off";

/// The engine, configured for a job.
struct Builtin(Engine);

/// The configured engine, or why there is none.
pub(super) fn configure(job: &Job, checked: bool) -> Result<Box<dyn Configured>, String> {
    let config = config(&job.backend, job, checked)?;
    let engine = Engine::new(&config).map_err(|error| shorten(&format!("{error:#}")))?;
    Ok(Box::new(Builtin(engine)))
}

impl Configured for Builtin {
    fn validate(&self, module: &[u8]) -> Result<(), String> {
        Module::validate(&self.0, module).map_err(|error| format!("{error:#}"))
    }

    fn run(
        &self,
        job: &Job,
        run: &EdgeRun,
        module: &[u8],
        artifact: &[u8],
        progress: &Progress,
    ) -> Option<EdgeCheck> {
        let compiled = match load(&self.0, artifact) {
            Ok(compiled) => compiled,
            Err(error) => {
                let reason = shorten(&format!("load the code: {error:#}"));
                return Some(EdgeCheck::failed(reason));
            }
        };
        let interpreter = interpreter(job, module);
        let reference = interpreter.as_ref().map(|(engine, module)| (engine, module));
        Some(edge::run(&self.0, &compiled, reference, run, progress))
    }

    fn execute(&self, job: &Job, execution: &Execution, artifact: &[u8]) -> Option<ExecutionCheck> {
        Some(match load(&self.0, artifact) {
            Ok(module) => execution::run(&self.0, &module, job, execution),
            Err(error) => {
                let refusal = Some(shorten(&format!("load the code: {error:#}")));
                ExecutionCheck { refusal, ..ExecutionCheck::default() }
            }
        })
    }

    #[cfg(not(wasmtime_before_48))]
    fn run_short(
        &self,
        job: &Job,
        shortage: &Shortage,
        artifact: &[u8],
        progress: &Progress,
    ) -> Option<ShortageCheck> {
        let config = config(&job.backend, job, false).ok()?;
        Some(super::shortage::run(config, artifact, shortage, progress))
    }

    #[cfg(wasmtime_before_48)]
    fn run_short(&self, _: &Job, _: &Shortage, _: &[u8], _: &Progress) -> Option<ShortageCheck> {
        // What these releases promise is not known.
        None
    }

    fn compile(&self, module: &[u8]) -> Result<Box<dyn AsRef<[u8]>>, (RefusalKind, String)> {
        match self.0.precompile_module(module) {
            Ok(artifact) => Ok(Box::new(artifact)),
            Err(error) => Err(refusal(&error)),
        }
    }
}

/// Loads an artifact that an engine of the same configuration has just made.
pub(super) fn load(engine: &Engine, artifact: &[u8]) -> wasmtime::Result<Module> {
    // SAFETY: it is what a compiler of this release wrote, and nobody has changed it since.
    unsafe { Module::deserialize(engine, artifact) }
}

/// The same module on the engine that interprets, which knows nothing of instructions and their
/// widths; none where it does not take the module, or may compute otherwise.
fn interpreter(job: &Job, module: &[u8]) -> Option<(Engine, Module)> {
    if job.proposals.contains(&Proposal::RelaxedSimd) {
        return None;
    }
    let backend: Backend = INTERPRETER.parse().ok()?;
    let config = config(&backend, job, false).ok()?;
    let engine = Engine::new(&config).ok()?;
    let module = Module::new(&engine, module).ok()?;
    Some((engine, module))
}

/// The engine's configuration, or why there is none.
fn config(backend: &Backend, job: &Job, checked: bool) -> Result<Config, String> {
    let Backend { knobs, .. } = backend;
    let target = backend.target();
    let cranelift = target.strategy == Strategy::Cranelift;
    let mut config = Config::new();
    config.target(target.triple).map_err(|error| shorten(&format!("{error:#}")))?;
    config.strategy(match target.strategy {
        Strategy::Cranelift => wasmtime::Strategy::Cranelift,
        Strategy::Winch => wasmtime::Strategy::Winch,
        Strategy::Web => return Err("Wasmtime has no such compiler".to_owned()),
    });
    config.debug_info(knobs.debug_info);
    config.consume_fuel(knobs.fuel);
    config.epoch_interruption(knobs.epochs);
    if knobs.guest_debug {
        compat::guest_debug(&mut config)?;
    }
    if !knobs.signals {
        config.signals_based_traps(false);
    }
    match knobs.collector {
        Collector::Auto => {}
        Collector::Copying => drop(config.collector(compat::copying_collector()?)),
        Collector::Drc => drop(config.collector(wasmtime::Collector::DeferredReferenceCounting)),
        Collector::Null => drop(config.collector(wasmtime::Collector::Null)),
    }
    if cranelift {
        config.cranelift_opt_level(match knobs.opt {
            OptLevel::None => wasmtime::OptLevel::None,
            OptLevel::Speed => wasmtime::OptLevel::Speed,
            OptLevel::SpeedAndSize => wasmtime::OptLevel::SpeedAndSize,
        });
        config.cranelift_regalloc_algorithm(match knobs.regalloc {
            RegisterAllocation::Backtracking => wasmtime::RegallocAlgorithm::Backtracking,
            RegisterAllocation::SinglePass => compat::single_pass()?,
        });
        let check = |switch: Switch| match switch {
            Switch::Auto => checked,
            Switch::On => true,
            Switch::Off => false,
        };
        config.cranelift_debug_verifier(check(knobs.verifier));
        if check(knobs.regalloc_checker) {
            // SAFETY: the checker only looks at what the register allocator did.
            unsafe { config.cranelift_flag_enable("regalloc_checker") };
        }
    }
    if !knobs.guard {
        config.memory_reservation(0).memory_reservation_for_growth(0).memory_guard_size(0);
    }
    if !knobs.spectre {
        for flag in SPECTRE_FLAGS {
            // SAFETY: the mitigation is about what a processor guesses, not about what code does.
            unsafe { config.cranelift_flag_set(flag, "false") };
        }
    }
    for feature in backend.cpu_flags() {
        // SAFETY: code for features that this machine lacks is looked at and not run; an engine
        // that is to run something asks the machine itself.
        unsafe { config.cranelift_flag_enable(feature) };
    }
    if let Some(run) = &job.edge {
        compat::no_backtraces(&mut config);
        config.with_host_memory(Arc::new(AtTheEdge { memory_bytes: run.memory_bytes }));
    }
    if let Some(execution) = &job.execution {
        execution::configure(&mut config, job, execution);
    }
    if job.shortage.is_some() {
        compat::no_concurrency(&mut config);
    }
    features(&mut config, backend, job);
    Ok(config)
}

/// Proposals: Wasmtime's defaults for the backend, those it has off that the module needs, and
/// the knob.
fn features(config: &mut Config, backend: &Backend, job: &Job) {
    config.wasm_custom_page_sizes(true);
    config.wasm_wide_arithmetic(true);
    compat::turn_on(config, &job.proposals);
    if job.proposals.contains(&Proposal::StackSwitching) {
        // Only where it is needed: it turns other things off.
        config.wasm_stack_switching(true);
    }
    if backend.target().lacks.contains(&Proposal::Simd) {
        config.wasm_relaxed_simd(false);
        config.wasm_simd(false);
    }
    if !backend.knobs.memory64 {
        config.wasm_memory64(false);
    }
}

/// Sorts an engine's error by its types.
fn refusal(error: &wasmtime::Error) -> (RefusalKind, String) {
    let kind = error.chain().find_map(kind_of).unwrap_or(RefusalKind::Internal);
    (kind, format!("{error:#}"))
}

fn kind_of(cause: &(dyn StdError + 'static)) -> Option<RefusalKind> {
    if cause.is::<BinaryReaderError>() {
        return Some(RefusalKind::Invalid);
    }
    if let Some(error) = cause.downcast_ref::<WasmError>() {
        return Some(match error {
            WasmError::InvalidWebAssembly { .. } => RefusalKind::Invalid,
            WasmError::Unsupported(_) => RefusalKind::Unsupported,
            WasmError::ImplLimitExceeded => RefusalKind::ImplementationLimit,
            WasmError::User(_) => RefusalKind::Internal,
        });
    }
    match cause.downcast_ref::<CompileError>()? {
        // The cause below it says more.
        CompileError::Wasm(_) => None,
        CompileError::Codegen(message) => Some(refusals::codegen_kind(message)),
        CompileError::DebugInfoNotSupported => Some(RefusalKind::Unsupported),
    }
}
