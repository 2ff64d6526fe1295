//! Wasmtime: the only place that names it. A backend's description becomes a configured engine, a
//! module goes in, a verdict comes out.
#![expect(unsafe_code, reason = "Wasmtime marks its Cranelift flags unsafe")]

use super::passes;
use super::progress::Progress;
use super::unix::monotonic_ns;
use crate::engines::{Backend, Collector, OptLevel, RegisterAllocation, Strategy, Switch};
use crate::job::Job;
use crate::proposals::Proposal;
use crate::outcome::{Artifact, EngineVerdict, Phase, Refusal, RefusalKind, Validation, shorten};
use cranelift_codegen::CodegenError;
use object::{Object, ObjectSection};
use std::error::Error as StdError;
use wasmparser::BinaryReaderError;
use wasmtime::{Config, Engine, Module, WasmFeatures};
use wasmtime_environ::{CompileError, WasmError};

/// A second compilation, to compare, is made where the first took at most this long.
const REPEAT_US_MAX: u64 = 250_000;

/// The second compilation has Cranelift's verifier and the register allocation checker on, unless
/// the knobs say otherwise, where the first took at most this long: the checker costs up to a
/// hundred times the compilation. The first is always what an embedder gets.
const CHECKED_US_MAX: u64 = 10_000;

/// The section of an artifact that describes the engine's settings, which differ between a checked
/// compilation and a plain one.
const SETTINGS_SECTION: &str = ".wasmtime.engine";

/// How the sections of native debug information are called. Wasmtime numbers the names of generated
/// sources by a counter of the whole process, so they differ from compilation to compilation.
const DEBUG_SECTIONS: &str = ".debug_";

/// What came of one module.
pub(super) struct Compiled {
    pub(super) validation: Validation,
    pub(super) verdict: EngineVerdict,
}

/// Validates and compiles `module` as `job` says. `measured` is called when everything that is
/// measured has ended and a comparison may still follow.
pub(super) fn compile(
    job: &Job,
    module: &[u8],
    progress: &'static Progress,
    measured: &dyn Fn(),
) -> Compiled {
    let not_run = |verdict| Compiled { validation: Validation::NotRun, verdict };
    if let Some(reason) = job.backend.cannot() {
        return not_run(EngineVerdict::NotApplicable { reason });
    }
    let engine = match engine(job, false) {
        Ok(engine) => engine,
        Err(reason) => return not_run(EngineVerdict::NotApplicable { reason }),
    };
    progress.enter(Phase::Validate, monotonic_ns());
    let validation = match Module::validate(&engine, module) {
        Ok(()) => Validation::Valid,
        Err(error) => Validation::Invalid(shorten(&format!("{error:#}"))),
    };
    progress.enter(Phase::Compile, monotonic_ns());
    passes::install(progress);
    let started_ns = monotonic_ns();
    let compiled = engine.precompile_module(module);
    let took_us = (monotonic_ns() - started_ns) / 1_000;
    passes::uninstall();
    let artifact = match compiled {
        Ok(artifact) => artifact,
        Err(error) => {
            measured();
            let mut refusal = refusal(&error);
            if matches!(validation, Validation::Invalid(_)) {
                // Whatever words the compiler finds for it, the validator has said it already.
                refusal.kind = RefusalKind::Invalid;
            }
            return Compiled { validation, verdict: EngineVerdict::Refused { refusal } };
        }
    };
    measured();
    let mut described = Artifact {
        bytes: artifact.len() as u64,
        code_bytes: code_bytes(&artifact),
        hash: fingerprint(&artifact),
        repeat_hash: None,
    };
    drop(artifact);
    if job.repeat && took_us <= REPEAT_US_MAX {
        progress.enter(Phase::Repeat, monotonic_ns());
        let checked = took_us <= CHECKED_US_MAX;
        let again = match self::engine(job, checked) {
            Ok(engine) => engine.precompile_module(module),
            Err(reason) => return not_run(EngineVerdict::NotApplicable { reason }),
        };
        match again {
            Ok(again) => described.repeat_hash = Some(fingerprint(&again)),
            Err(error) => {
                let refusal = Refusal { phase: Phase::Repeat, ..refusal(&error) };
                return Compiled { validation, verdict: EngineVerdict::Refused { refusal } };
            }
        }
    }
    Compiled { validation, verdict: EngineVerdict::Accepted { artifact: described } }
}

/// The configured engine, or why there is none. `checked` turns on the checks that are not turned
/// off by the knobs.
fn engine(job: &Job, checked: bool) -> Result<Engine, String> {
    let config = config(job, checked)?;
    Engine::new(&config).map_err(|error| shorten(&format!("{error:#}")))
}

/// The engine's configuration, or why there is none.
fn config(job: &Job, checked: bool) -> Result<Config, String> {
    let Backend { knobs, .. } = &job.backend;
    let target = job.backend.target();
    let cranelift = target.strategy == Strategy::Cranelift;
    let mut config = Config::new();
    config.target(target.triple).map_err(|error| shorten(&format!("{error:#}")))?;
    config.strategy(match target.strategy {
        Strategy::Cranelift => wasmtime::Strategy::Cranelift,
        Strategy::Winch => wasmtime::Strategy::Winch,
    });
    config.debug_info(knobs.debug_info);
    config.consume_fuel(knobs.fuel);
    config.epoch_interruption(knobs.epochs);
    if knobs.guest_debug {
        config.guest_debug(true);
    }
    if !knobs.signals {
        config.signals_based_traps(false);
    }
    match knobs.collector {
        Collector::Auto => {}
        Collector::Copying => drop(config.collector(wasmtime::Collector::Copying)),
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
            RegisterAllocation::SinglePass => wasmtime::RegallocAlgorithm::SinglePass,
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
    for feature in target.cpu {
        // SAFETY: the code for these features is compiled and looked at, never run.
        unsafe { config.cranelift_flag_enable(feature) };
    }
    features(&mut config, job);
    Ok(config)
}

/// Proposals: Wasmtime's defaults for the backend, those it has off that the module needs, and
/// the knob.
fn features(config: &mut Config, job: &Job) {
    config.wasm_features(WasmFeatures::CUSTOM_PAGE_SIZES, true);
    config.wasm_features(WasmFeatures::WIDE_ARITHMETIC, true);
    if job.proposals.contains(&Proposal::StackSwitching) {
        // Only where it is needed: it turns other things off.
        config.wasm_stack_switching(true);
    }
    if job.backend.target().lacks.contains(&Proposal::Simd) {
        config.wasm_relaxed_simd(false);
        config.wasm_simd(false);
    }
    if !job.backend.knobs.memory64 {
        config.wasm_memory64(false);
    }
}

/// Sorts an engine's error by its types.
fn refusal(error: &wasmtime::Error) -> Refusal {
    let kind = error.chain().find_map(kind_of).unwrap_or(RefusalKind::Internal);
    Refusal { phase: Phase::Compile, kind, message: shorten(&format!("{error:#}")) }
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
        CompileError::Codegen(message) => Some(codegen_kind(message)),
        CompileError::DebugInfoNotSupported => Some(RefusalKind::Unsupported),
    }
}

/// By here the code generator's error is only its text; Cranelift's are compared with the texts of
/// its own types, and Winch's, which has no types outside its crate, by what it calls them.
fn codegen_kind(message: &str) -> RefusalKind {
    let says = |error: CodegenError| message.contains(&error.to_string());
    let first_line = message.lines().next().unwrap_or_default();
    if says(CodegenError::CodeTooLarge) || says(CodegenError::ImplLimitExceeded) {
        RefusalKind::ImplementationLimit
    } else if says(CodegenError::Unsupported(String::new()))
        || ["Unimplemented ", "Unsupported ", "Instruction not implemented"]
            .iter()
            .any(|start| first_line.starts_with(start))
    {
        RefusalKind::Unsupported
    } else {
        RefusalKind::Internal
    }
}

/// Blake3, in hexadecimal, of everything in an artifact but the description of the settings.
fn fingerprint(artifact: &[u8]) -> String {
    let mut hasher = blake3::Hasher::new();
    match object::File::parse(artifact) {
        Ok(file) => {
            let counts = |name: &str| name != SETTINGS_SECTION && !name.starts_with(DEBUG_SECTIONS);
            for section in file.sections().filter(|s| s.name().is_ok_and(counts)) {
                hasher.update(section.name_bytes().unwrap_or_default());
                hasher.update(section.data().unwrap_or_default());
            }
        }
        // Whatever it is, its bytes can be compared.
        Err(_) => drop(hasher.update(artifact)),
    }
    hasher.finalize().to_hex().to_string()
}

/// Size of the machine code in an artifact, which is an ELF file.
fn code_bytes(artifact: &[u8]) -> u64 {
    object::File::parse(artifact)
        .ok()
        .and_then(|file| file.section_by_name(".text").map(|section| section.size()))
        .unwrap_or(0)
}
