//! Costs that grow faster than the module, by counters that repeat exactly.
#![cfg_attr(fuzzing, no_main)]

wasm_brink_fuzz::recipe_target!(GROWTH);
