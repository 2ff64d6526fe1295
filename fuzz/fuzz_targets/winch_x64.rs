//! Winch for x86-64.
#![cfg_attr(fuzzing, no_main)]

wasm_brink_fuzz::recipe_target!(WINCH_X64);
