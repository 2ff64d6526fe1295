//! Any bytes as a module, on every backend.
#![cfg_attr(fuzzing, no_main)]

wasm_brink_fuzz::module_target!(RAW_MODULE);
