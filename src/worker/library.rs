//! Wasmtime behind its C API, in a library of any release.
//!
//! Each function is looked up by its name: what a release does not have makes the job not
//! applicable. A library compiles for its own machine, since its only way to an artifact is a
//! module that could run there; Pulley runs everywhere.
#![expect(unsafe_code, reason = "functions of a C library")]

use super::compiler::Configured;
use super::progress::Progress;
use super::refusals;
use crate::engines::{
    Collector, OptLevel, RegisterAllocation, SPECTRE_FLAGS, Strategy, Switch, Target,
};
use crate::job::{EdgeRun, Execution, Job, Shortage};
use crate::outcome::{EdgeCheck, ExecutionCheck, RefusalKind, ShortageCheck};
use crate::proposals::Proposal;
use std::ffi::{CString, c_char, c_void};
use std::path::Path;
use std::ptr::null_mut;

/// `wasm_byte_vec_t`.
#[repr(C)]
struct ByteVec {
    size: usize,
    data: *mut u8,
}

type Pointer = *mut c_void;
type Create = unsafe extern "C" fn() -> Pointer;
type EngineNew = unsafe extern "C" fn(Pointer) -> Pointer;
type Delete = unsafe extern "C" fn(Pointer);
type ModuleNew = unsafe extern "C" fn(Pointer, *const u8, usize, *mut Pointer) -> Pointer;
type Validate = unsafe extern "C" fn(Pointer, *const u8, usize) -> Pointer;
type Serialize = unsafe extern "C" fn(Pointer, *mut ByteVec) -> Pointer;
type Message = unsafe extern "C" fn(Pointer, *mut ByteVec);
type DeleteBytes = unsafe extern "C" fn(*mut ByteVec);
type SetBool = unsafe extern "C" fn(Pointer, bool);
type SetByte = unsafe extern "C" fn(Pointer, u8);
type SetText = unsafe extern "C" fn(Pointer, *const c_char) -> Pointer;
type SetFlag = unsafe extern "C" fn(Pointer, *const c_char, *const c_char);
type SetSize = unsafe extern "C" fn(Pointer, u64);
type EnableFlag = unsafe extern "C" fn(Pointer, *const c_char);

/// A loaded library with the functions that every release has.
pub(super) struct Library {
    library: libloading::Library,
    config_new: Create,
    config_delete: Delete,
    engine_new: EngineNew,
    engine_delete: Delete,
    module_new: ModuleNew,
    module_delete: Delete,
    module_validate: Validate,
    module_serialize: Serialize,
    error_message: Message,
    error_delete: Delete,
    bytes_delete: DeleteBytes,
}

impl Library {
    /// Loads a library, or says why it cannot be used.
    pub(super) fn load(file: &Path) -> Result<Library, String> {
        // SAFETY: its initialisers run; the person who added the library trusts it that far, and
        // this process is there to be broken.
        let library = unsafe { libloading::Library::new(file) }
            .map_err(|error| format!("load the library {}: {error}", file.display()))?;
        macro_rules! find {
            ($name:literal) => {
                // SAFETY: the type is that of the function in `wasmtime.h`.
                *unsafe { library.get($name) }.map_err(|_| {
                    format!(
                        "find {} in the library {}: it is no Wasmtime with the C API, or too old",
                        String::from_utf8_lossy($name),
                        file.display()
                    )
                })?
            };
        }
        Ok(Library {
            config_new: find!(b"wasm_config_new"),
            config_delete: find!(b"wasm_config_delete"),
            engine_new: find!(b"wasm_engine_new_with_config"),
            engine_delete: find!(b"wasm_engine_delete"),
            module_new: find!(b"wasmtime_module_new"),
            module_delete: find!(b"wasmtime_module_delete"),
            module_validate: find!(b"wasmtime_module_validate"),
            module_serialize: find!(b"wasmtime_module_serialize"),
            error_message: find!(b"wasmtime_error_message"),
            error_delete: find!(b"wasmtime_error_delete"),
            bytes_delete: find!(b"wasm_byte_vec_delete"),
            library,
        })
    }

    /// The engine, configured for a job, or why it cannot be. An engine that does not take its
    /// configuration panics, since the C API has no other way to say so; the worker knows.
    pub(super) fn configure(
        &self,
        job: &Job,
        checked: bool,
    ) -> Result<Box<dyn Configured + '_>, String> {
        // SAFETY: the function takes nothing and gives a new configuration.
        let config = Config { library: self, raw: unsafe { (self.config_new)() } };
        config.set(job, checked)?;
        let raw = config.raw;
        // The engine takes the configuration over.
        std::mem::forget(config);
        // SAFETY: a configuration that is given away.
        let engine = unsafe { (self.engine_new)(raw) };
        if engine.is_null() {
            return Err("the release does not take this configuration".to_owned());
        }
        Ok(Box::new(Engine { library: self, raw: engine }))
    }

    /// The message of an error, which is given away; `None` for no error.
    fn message(&self, error: Pointer) -> Option<String> {
        if error.is_null() {
            return None;
        }
        let mut bytes = self.bytes();
        // SAFETY: an error of this library, deleted once, and an empty vector to fill.
        unsafe {
            (self.error_message)(error, &raw mut bytes.raw);
            (self.error_delete)(error);
        }
        Some(String::from_utf8_lossy(bytes.as_ref()).into_owned())
    }

    fn bytes(&self) -> Bytes {
        Bytes { delete: self.bytes_delete, raw: ByteVec { size: 0, data: null_mut() } }
    }
}

/// Bytes that the library allocated.
struct Bytes {
    delete: DeleteBytes,
    raw: ByteVec,
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        if self.raw.data.is_null() {
            return &[];
        }
        // SAFETY: the library says that so many bytes are there.
        unsafe { std::slice::from_raw_parts(self.raw.data, self.raw.size) }
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        // SAFETY: a vector that the library filled, or an empty one.
        unsafe { (self.delete)(&raw mut self.raw) };
    }
}

/// A configuration on its way to an engine.
struct Config<'a> {
    library: &'a Library,
    raw: Pointer,
}

impl Drop for Config<'_> {
    fn drop(&mut self) {
        // SAFETY: no engine has taken it.
        unsafe { (self.library.config_delete)(self.raw) };
    }
}

impl Config<'_> {
    fn set(&self, job: &Job, checked: bool) -> Result<(), String> {
        let (target, knobs) = (job.backend.target(), &job.backend.knobs);
        self.set_target(target)?;
        // One job is one thread. A release without the function has it so.
        let _ = self.bool("parallel_compilation", false);
        self.byte(
            "cranelift_opt_level",
            match knobs.opt {
                OptLevel::None => 0,
                OptLevel::Speed => 1,
                OptLevel::SpeedAndSize => 2,
            },
        )?;
        if knobs.regalloc == RegisterAllocation::SinglePass {
            self.byte("cranelift_regalloc_algorithm", 1)?;
        }
        if knobs.guest_debug {
            return Err("the C API does not offer debugging of guests".to_owned());
        }
        if knobs.collector != Collector::Auto {
            return Err("the C API does not offer a choice of collectors".to_owned());
        }
        for (name, value) in [
            ("debug_info", knobs.debug_info),
            ("consume_fuel", knobs.fuel),
            ("epoch_interruption", knobs.epochs),
        ] {
            if value {
                self.bool(name, true)?;
            }
        }
        if !knobs.signals {
            self.bool("signals_based_traps", false)?;
        }
        let check = |switch: Switch| match switch {
            Switch::Auto => checked,
            Switch::On => true,
            Switch::Off => false,
        };
        self.bool("cranelift_debug_verifier", check(knobs.verifier))?;
        if check(knobs.regalloc_checker) {
            self.flag("regalloc_checker")?;
        }
        if !knobs.guard {
            self.no_guard()?;
        }
        if !knobs.spectre {
            for flag in SPECTRE_FLAGS {
                self.flag_off(flag)?;
            }
        }
        for feature in job.backend.cpu_flags() {
            self.flag(feature)?;
        }
        for proposal in &job.proposals {
            // A release that has the proposal on, or does not have it, may lack the function.
            let _ = enabler(*proposal).map(|name| self.bool(name, true));
        }
        if !knobs.memory64 {
            self.bool("wasm_memory64", false)?;
        }
        Ok(())
    }

    fn set_target(&self, target: &Target) -> Result<(), String> {
        let own = target.triple.split('-').next() == Some(std::env::consts::ARCH)
            || target.triple == format!("pulley{}", usize::BITS);
        if target.strategy != Strategy::Cranelift || !own {
            return Err(format!("a library compiles for its own machine, not {}", target.title));
        }
        let set: SetText = self.find("target")?;
        let triple = c_text(target.triple);
        // SAFETY: a live configuration and a C string.
        let error = unsafe { set(self.raw, triple.as_ptr()) };
        self.library.message(error).map_or(Ok(()), Err)
    }

    fn bool(&self, name: &str, value: bool) -> Result<(), String> {
        let set: SetBool = self.find(name)?;
        // SAFETY: a live configuration.
        unsafe { set(self.raw, value) };
        Ok(())
    }

    fn byte(&self, name: &str, value: u8) -> Result<(), String> {
        let set: SetByte = self.find(name)?;
        // SAFETY: a live configuration; the value is one that every release knows.
        unsafe { set(self.raw, value) };
        Ok(())
    }

    /// Memories with nothing set aside for them. Releases before 25 had other settings for it.
    fn no_guard(&self) -> Result<(), String> {
        let settings = [
            ["memory_reservation", "memory_reservation_for_growth", "memory_guard_size"],
            ["static_memory_maximum_size", "dynamic_memory_guard_size", "static_memory_guard_size"],
        ];
        let [new, old] = settings.map(|names| names.map(|name| self.find::<SetSize>(name)));
        let setters = if new[0].is_ok() { new } else { old };
        for set in setters {
            // SAFETY: a live configuration.
            unsafe { set?(self.raw, 0) };
        }
        Ok(())
    }

    fn flag_off(&self, name: &str) -> Result<(), String> {
        // SAFETY: the type is that of the function in `wasmtime/config.h`.
        let set: SetFlag = unsafe { self.look_up("wasmtime_config_cranelift_flag_set")? };
        let name = c_text(name);
        // SAFETY: a live configuration and two C strings.
        unsafe { set(self.raw, name.as_ptr(), c"false".as_ptr()) };
        Ok(())
    }

    fn flag(&self, name: &str) -> Result<(), String> {
        // SAFETY: the type is that of the function in `wasmtime/config.h`.
        let enable: EnableFlag = unsafe { self.look_up("wasmtime_config_cranelift_flag_enable")? };
        let name = c_text(name);
        // SAFETY: a live configuration and a C string.
        unsafe { enable(self.raw, name.as_ptr()) };
        Ok(())
    }

    /// The function that sets `name`.
    fn find<T: Copy>(&self, name: &str) -> Result<T, String> {
        // SAFETY: the callers ask for the type that `wasmtime/config.h` gives.
        unsafe { self.look_up(&format!("wasmtime_config_{name}_set")) }
    }

    unsafe fn look_up<T: Copy>(&self, name: &str) -> Result<T, String> {
        // SAFETY: the caller's promise.
        let symbol = unsafe { self.library.library.get::<T>(name.as_bytes()) };
        symbol.map(|symbol| *symbol).map_err(|_| format!("this release has no {name}"))
    }
}

fn c_text(text: &str) -> CString {
    CString::new(text).expect("the tables have no zero bytes")
}

/// The setting that turns a proposal on, where there is one.
fn enabler(proposal: Proposal) -> Option<&'static str> {
    Some(match proposal {
        Proposal::Mvp
        | Proposal::SignExtension
        | Proposal::SaturatingFloatToInt
        | Proposal::ExtendedConst => return None,
        Proposal::MultiValue => "wasm_multi_value",
        Proposal::BulkMemory => "wasm_bulk_memory",
        Proposal::ReferenceTypes => "wasm_reference_types",
        Proposal::GcTypes => "gc_support",
        Proposal::TailCall => "wasm_tail_call",
        Proposal::Threads => "wasm_threads",
        Proposal::Simd => "wasm_simd",
        Proposal::RelaxedSimd => "wasm_relaxed_simd",
        Proposal::Exceptions => "wasm_exceptions",
        Proposal::Gc => "wasm_gc",
        Proposal::FunctionReferences => "wasm_function_references",
        Proposal::Memory64 => "wasm_memory64",
        Proposal::WideArithmetic => "wasm_wide_arithmetic",
        Proposal::StackSwitching => "wasm_stack_switching",
        Proposal::MultiMemory => "wasm_multi_memory",
        Proposal::CustomPageSizes => "wasm_custom_page_sizes",
    })
}

/// A configured engine.
struct Engine<'a> {
    library: &'a Library,
    raw: Pointer,
}

impl Drop for Engine<'_> {
    fn drop(&mut self) {
        // SAFETY: our own engine, deleted once.
        unsafe { (self.library.engine_delete)(self.raw) };
    }
}

impl Configured for Engine<'_> {
    fn validate(&self, module: &[u8]) -> Result<(), String> {
        let Library { module_validate, .. } = self.library;
        // SAFETY: a live engine and live bytes.
        let error = unsafe { module_validate(self.raw, module.as_ptr(), module.len()) };
        self.library.message(error).map_or(Ok(()), Err)
    }

    fn run(&self, _: &Job, _: &EdgeRun, _: &[u8], _: &[u8], _: &Progress) -> Option<EdgeCheck> {
        None
    }

    fn execute(&self, _: &Job, _: &Execution, _: &[u8]) -> Option<ExecutionCheck> {
        None
    }

    fn run_short(&self, _: &Job, _: &Shortage, _: &[u8], _: &Progress) -> Option<ShortageCheck> {
        None
    }

    fn compile(&self, module: &[u8]) -> Result<Box<dyn AsRef<[u8]>>, (RefusalKind, String)> {
        let Library { module_new, module_serialize, module_delete, .. } = self.library;
        let mut compiled = null_mut();
        // SAFETY: a live engine, live bytes, and a place for the module.
        let error =
            unsafe { module_new(self.raw, module.as_ptr(), module.len(), &raw mut compiled) };
        if let Some(message) = self.library.message(error) {
            return Err((refusals::message_kind(&message), message));
        }
        let mut artifact = self.library.bytes();
        // SAFETY: a live module, deleted once, and an empty vector to fill.
        let error = unsafe {
            let error = module_serialize(compiled, &raw mut artifact.raw);
            module_delete(compiled);
            error
        };
        match self.library.message(error) {
            None => Ok(Box::new(artifact)),
            Some(message) => Err((RefusalKind::Internal, message)),
        }
    }
}
