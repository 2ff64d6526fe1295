//! Steps from input to input: those of recipes, and now and then those of bytes.

use arbitrary::Unstructured;
use std::sync::{LazyLock, Once};
use wasm_brink::campaign::FUZZED_BYTES_MAX;
use wasm_brink::recipe::Recipe;
use wasm_brink::shapes;
use wasm_brink::shrink::{guarded, is_guarded};
use wasm_mutate::WasmMutate;

/// libFuzzer's own mutator: changes `data`, of which so many bytes are the input, and may grow it;
/// returns the new length.
pub type Fallback = dyn Fn(&mut [u8], usize, usize) -> usize;

/// Bytes of randomness for one step: a unit of sixteen operators and all its sources.
const ENTROPY_BYTES: usize = 4 << 10;

/// One step in so many changes bytes rather than recipes, which also tries the decoder.
const BYTES_EVERY: u32 = 32;

/// The sizes up to which steps lead: this, or half of it, and so on, so many times. One module in 300 was
/// larger, and these took a quarter of a compiler's time.
const BYTES_MAX: u64 = FUZZED_BYTES_MAX / 2;
const HALVINGS_MAX: u32 = 4;

/// A mutation of a compact recipe. Equal seeds take equal steps.
pub fn recipe(data: &mut [u8], size: usize, max: usize, seed: u32, fallback: &Fallback) -> usize {
    if !seed.is_multiple_of(BYTES_EVERY)
        && let Ok(parent) = shapes::from_bytes(&data[..size])
        && let Some(length) = step(&parent, None, seed, &mut data[..max])
    {
        return length;
    }
    fallback(data, size, max)
}

/// The same for targets that take units of loads and what they feed: half of the steps go to another of
/// the matrix, since hardly any of the others comes to one.
pub fn accesses(data: &mut [u8], size: usize, max: usize, seed: u32, fallback: &Fallback) -> usize {
    static ALL: LazyLock<Vec<Recipe>> = LazyLock::new(wasm_brink::campaign::accesses);
    if seed.is_multiple_of(2) && !seed.is_multiple_of(BYTES_EVERY) {
        let entropy = entropy(seed);
        let other = Unstructured::new(&entropy).choose(&ALL).ok().cloned();
        let compact = other.and_then(|other| shapes::to_bytes(&other).ok());
        if let Some(length) = compact.and_then(|bytes| put(&bytes, &mut data[..max])) {
            return length;
        }
    }
    recipe(data, size, max, seed, fallback)
}

/// A child of two compact recipes; 0, which is none, where they are not two recipes.
pub fn cross(first: &[u8], second: &[u8], out: &mut [u8], seed: u32) -> usize {
    let (Ok(parent), Ok(other)) = (shapes::from_bytes(first), shapes::from_bytes(second)) else {
        return 0;
    };
    step(&parent, Some(&other), seed, out).unwrap_or(0)
}

fn step(parent: &Recipe, other: Option<&Recipe>, seed: u32, out: &mut [u8]) -> Option<usize> {
    let entropy = entropy(seed);
    let mut u = Unstructured::new(&entropy);
    // Small modules show most, and in the time that a compiler needs for a large one it is through
    // many of them: of two sizes the smaller.
    let halvings = [(); 2].map(|()| u.int_in_range(0..=HALVINGS_MAX));
    let bytes_max = BYTES_MAX >> halvings.into_iter().flatten().max()?;
    let bytes_max = bytes_max.max(shapes::small(parent, FUZZED_BYTES_MAX).unwrap_or(0));
    let child = shapes::mutate(parent, other, bytes_max, &mut u).ok()?;
    put(&shapes::to_bytes(&child).ok()?, out)
}

/// A mutation of a module.
pub fn module(data: &mut [u8], size: usize, max: usize, seed: u32, fallback: &Fallback) -> usize {
    /// Work that one mutation may be, in the units of wasm-mutate.
    const FUEL: u64 = 1_000;
    if !seed.is_multiple_of(BYTES_EVERY) {
        let mutated = fenced(|| {
            let mut mutate = WasmMutate::default();
            mutate.seed(seed.into()).fuel(FUEL);
            mutate.run(&data[..size]).ok().and_then(|mut all| all.next()?.ok())
        });
        if let Some(length) = mutated.flatten().and_then(|bytes| put(&bytes, &mut data[..max])) {
            return length;
        }
    }
    fallback(data, size, max)
}

/// What code of others returns, or `None` where it panics: that is not what this fuzzes.
fn fenced<T>(work: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !is_guarded() {
                before(info);
            }
        }));
    });
    guarded(work)
}

/// `bytes` at the front of `out`, where they fit.
fn put(bytes: &[u8], out: &mut [u8]) -> Option<usize> {
    out.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(bytes.len())
}

/// Bytes that look random, the same for equal seeds (splitmix64).
fn entropy(seed: u32) -> Vec<u8> {
    let mut state = u64::from(seed);
    let mut bytes = Vec::with_capacity(ENTROPY_BYTES);
    while bytes.len() < ENTROPY_BYTES {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.extend((z ^ (z >> 31)).to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn first(bytes: &[u8]) -> Vec<u8> {
        let mut data = vec![0; 4 << 10];
        data[..bytes.len()].copy_from_slice(bytes);
        data
    }

    #[test]
    fn steps_lead_from_recipes_to_other_recipes_of_the_size() {
        let start = shapes::to_bytes(&shapes::default_recipe(shapes::SHAPES[0])).unwrap();
        let never: &Fallback = &|_, _, _| panic!("no step of recipes was found");
        let mut changed = 0;
        for seed in (1..200).filter(|seed: &u32| !seed.is_multiple_of(BYTES_EVERY)) {
            let mut data = first(&start);
            let max = data.len();
            let length = recipe(&mut data, start.len(), max, seed, never);
            let child = shapes::from_bytes(&data[..length]).unwrap();
            assert!(shapes::build(&child).unwrap().bytes.len() <= FUZZED_BYTES_MAX);
            changed += u32::from(data[..length] != start[..]);
            let mut again = first(&start);
            assert_eq!(recipe(&mut again, start.len(), max, seed, never), length);
            assert_eq!(data, again);
        }
        assert!(changed > 150, "only {changed} steps led anywhere");
    }

    #[test]
    fn accesses_lead_to_other_accesses() {
        let start = shapes::to_bytes(&wasm_brink::campaign::accesses()[0]).unwrap();
        let mut units = BTreeSet::new();
        for seed in (2..100).step_by(2) {
            let mut data = first(&start);
            let length = accesses(&mut data, start.len(), 4 << 10, seed, &|_, size, _| size);
            let child = shapes::from_bytes(&data[..length]).unwrap();
            units.insert(shapes::accesses_unit(&child).unwrap().to_string());
        }
        assert!(units.len() > 40, "only {} units in 49 steps", units.len());
    }

    #[test]
    fn what_is_no_recipe_or_does_not_fit_is_left_to_libfuzzer() {
        let mut data = first(b"junk");
        assert_eq!(recipe(&mut data, 4, 100, 1, &|_, size, _| size + 7), 11);
        let start = shapes::to_bytes(&shapes::default_recipe(shapes::SHAPES[0])).unwrap();
        let mut data = first(&start);
        assert_eq!(recipe(&mut data, start.len(), 1, 1, &|_, _, max| max), 1);
        assert_eq!(cross(b"junk", &start, &mut [0; 64], 1), 0);
        assert_eq!(module(&mut first(b"\0asm"), 4, 100, 1, &|_, _, _| 3), 3);
    }

    #[test]
    fn two_recipes_have_children_that_are_recipes() {
        let of = |at: usize| shapes::to_bytes(&shapes::default_recipe(shapes::SHAPES[at])).unwrap();
        let mut out = [0; 1 << 10];
        for seed in 0..50 {
            let length = cross(&of(0), &of(1), &mut out, seed);
            shapes::from_bytes(&out[..length]).unwrap();
        }
    }

    #[test]
    fn modules_become_other_modules() {
        let start = shapes::build(&shapes::default_recipe(shapes::SHAPES[0])).unwrap();
        let start = start.bytes.to_vec();
        let mut changed = 0;
        for seed in 1..20 {
            let mut data = vec![0; 16 << 10];
            data[..start.len()].copy_from_slice(&start);
            let length = module(&mut data, start.len(), 16 << 10, seed, &|_, size, _| size);
            changed += u32::from(data[..length] != start[..]);
        }
        assert!(changed > 10, "only {changed} of 19 mutations led anywhere");
    }
}
