//! Wasmtime behind its C API, in a library of any release.
//!
//! Each function is looked up by its name: what a release does not have makes the job not
//! applicable. A library compiles for its own machine, since its only way to an artifact is a
//! module that could run there; Pulley runs everywhere.
#![expect(unsafe_code, reason = "functions of a C library")]

mod config;

use self::config::Config;
use super::compiler::Configured;
use super::progress::Progress;
use super::refusals;
use crate::job::{EdgeRun, Execution, Job, Shortage};
use crate::outcome::{EdgeCheck, ExecutionCheck, RefusalKind, ShortageCheck};
use std::ffi::c_void;
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
        let config = Config::of(self, job, checked)?;
        // SAFETY: a configuration that is given away.
        let engine = unsafe { (self.engine_new)(config.into_raw()) };
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
