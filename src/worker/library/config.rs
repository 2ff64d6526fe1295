//! A configuration made of a job's backend: which function of the C API says what.
#![expect(unsafe_code, reason = "functions of a C library")]

use super::{Library, Pointer};
use crate::engines::{
    Collector, OptLevel, RegisterAllocation, SPECTRE_FLAGS, Strategy, Switch, Target,
};
use crate::job::Job;
use crate::proposals::Proposal;
use std::ffi::{CString, c_char};

type SetBool = unsafe extern "C" fn(Pointer, bool);
type SetByte = unsafe extern "C" fn(Pointer, u8);
type SetText = unsafe extern "C" fn(Pointer, *const c_char) -> Pointer;
type SetFlag = unsafe extern "C" fn(Pointer, *const c_char, *const c_char);
type SetSize = unsafe extern "C" fn(Pointer, u64);
type EnableFlag = unsafe extern "C" fn(Pointer, *const c_char);

/// A configuration on its way to an engine.
pub(super) struct Config<'a> {
    library: &'a Library,
    raw: Pointer,
}

impl Drop for Config<'_> {
    fn drop(&mut self) {
        // SAFETY: no engine has taken it.
        unsafe { (self.library.config_delete)(self.raw) };
    }
}

impl<'a> Config<'a> {
    /// What a job asks for, or why the release cannot have it so.
    pub(super) fn of(library: &'a Library, job: &Job, checked: bool) -> Result<Config<'a>, String> {
        // SAFETY: the function takes nothing and gives a new configuration.
        let config = Config { library, raw: unsafe { (library.config_new)() } };
        config.set(job, checked)?;
        Ok(config)
    }

    /// For the engine, which takes it over.
    pub(super) fn into_raw(self) -> Pointer {
        let raw = self.raw;
        std::mem::forget(self);
        raw
    }

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
