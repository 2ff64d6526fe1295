//! Each machine access is exactly as wide as the Wasm asked.
#![cfg_attr(fuzzing, no_main)]

wasm_brink_fuzz::recipe_target!(LOAD_WIDTH, accesses);
