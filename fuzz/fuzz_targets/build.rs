//! Every recipe builds, and what it promises is true of its bytes. Compiles nothing.
#![cfg_attr(fuzzing, no_main)]

wasm_brink_fuzz::recipe_target!(BUILD);
