//! Runs what was compiled, at the end of memory.
#![cfg_attr(fuzzing, no_main)]

wasm_brink_fuzz::recipe_target!(EDGE, accesses);
