//! Any bytes make a recipe, every recipe builds, and what it promises is true of its bytes as far
//! as they can be counted. Compiles nothing: it fuzzes the generator.
#![cfg_attr(fuzzing, no_main)]

use arbitrary::{Arbitrary, Unstructured};
use wasm_brink::recipe::Recipe;
use wasm_brink::{limits, shapes};

/// Modules above this many bytes take longer than an input should.
const MODULE_BYTES_MAX: u64 = 1 << 20;

/// Draws a recipe from `data`, builds it and holds it against its own bytes. `false` for input
/// that is no use to a corpus.
fn build(data: &[u8]) -> bool {
    let Ok(recipe) = Recipe::arbitrary(&mut Unstructured::new(data)) else { return false };
    let module = shapes::build(&recipe).expect("an arbitrary recipe fits its shape");
    if module.bytes.len() > MODULE_BYTES_MAX {
        return false;
    }
    let compact = shapes::to_bytes(&recipe).expect("an arbitrary recipe has a compact form");
    assert_eq!(shapes::from_bytes(&compact).expect("it reads again"), recipe);
    if let Ok(counted) = limits::headroom(&module.bytes.to_vec()) {
        let stated = module.facts.usage.get("functions");
        assert_eq!(stated, counted.get("functions"), "functions of {recipe}");
    }
    true
}

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| -> libfuzzer_sys::Corpus {
    if build(data) { libfuzzer_sys::Corpus::Keep } else { libfuzzer_sys::Corpus::Reject }
});

#[cfg(not(fuzzing))]
fn main() {
    build(&[]);
}

#[cfg(test)]
mod tests {
    use super::build;

    #[test]
    fn a_thousand_inputs_build() {
        let mut state = 1u64;
        let mut built = 0;
        for _ in 0..1_000 {
            let mut data = [0u8; 192];
            for byte in &mut data {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                *byte = state.to_be_bytes()[0];
            }
            built += u32::from(build(&data));
        }
        assert!(built > 100, "only {built} of 1,000 inputs made a small module");
        build(&[]);
    }
}
