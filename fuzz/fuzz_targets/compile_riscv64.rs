//! Cranelift for riscv64.
#![cfg_attr(fuzzing, no_main)]

wasm_brink_fuzz::recipe_target!(COMPILE_RISCV64);
