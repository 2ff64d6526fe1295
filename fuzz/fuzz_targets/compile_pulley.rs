//! Cranelift for Pulley, 64 and 32 bits.
#![cfg_attr(fuzzing, no_main)]

wasm_brink_fuzz::recipe_target!(COMPILE_PULLEY);
