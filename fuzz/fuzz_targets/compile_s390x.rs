//! Cranelift for s390x.
#![cfg_attr(fuzzing, no_main)]

wasm_brink_fuzz::recipe_target!(COMPILE_S390X);
