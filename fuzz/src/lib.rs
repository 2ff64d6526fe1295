//! What brink's libFuzzer targets have in common.
//!
//! A target is one line: which of [`Target`]'s works it does. Inputs are compact recipes, steps
//! between them those of recipes, and compiling and judging is the library's.

mod alarm;
mod input;
mod mutator;
mod stats;
mod target;

pub use self::input::Input;
pub use self::target::Target;

#[doc(hidden)]
pub use self::mutator::{Fallback, accesses, cross, module, recipe};

use wasm_brink::worker::CountingAllocator;

/// Counts what jobs allocate.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Makes a target that takes recipes, and steps between them as `mutator` does.
#[macro_export]
macro_rules! recipe_target {
    ($target:ident) => {
        $crate::recipe_target!($target, recipe);
    };
    ($target:ident, $mutator:ident) => {
        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_target!(|input: $crate::Input| -> libfuzzer_sys::Corpus {
            if $crate::Target::$target.recipe(&input) {
                libfuzzer_sys::Corpus::Keep
            } else {
                libfuzzer_sys::Corpus::Reject
            }
        });

        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max: usize, seed: u32| {
            $crate::$mutator(data, size, max, seed, &libfuzzer_sys::fuzzer_mutate)
        });

        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_crossover!(|first: &[u8], second: &[u8], out: &mut [u8], seed: u32| {
            $crate::cross(first, second, out, seed)
        });

        #[cfg(not(fuzzing))]
        fn main() {
            $crate::replay(&|bytes| $crate::replay_recipe(&$crate::Target::$target, bytes));
        }
    };
}

/// Makes a target that takes modules.
#[macro_export]
macro_rules! module_target {
    ($target:ident) => {
        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_target!(|bytes: &[u8]| -> libfuzzer_sys::Corpus {
            if $crate::Target::$target.module(bytes) {
                libfuzzer_sys::Corpus::Keep
            } else {
                libfuzzer_sys::Corpus::Reject
            }
        });

        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_mutator!(|data: &mut [u8], size: usize, max: usize, seed: u32| {
            $crate::module(data, size, max, seed, &libfuzzer_sys::fuzzer_mutate)
        });

        #[cfg(not(fuzzing))]
        fn main() {
            $crate::replay(&|bytes| $crate::Target::$target.module(bytes));
        }
    };
}

/// Without libFuzzer, a target tries the files that its command line names.
pub fn replay(try_one: &dyn Fn(&[u8]) -> bool) {
    for path in std::env::args_os().skip(1) {
        match std::fs::read(&path) {
            Ok(bytes) => {
                let kept = if try_one(&bytes) { "ok" } else { "rejected" };
                println!("{}: {kept}", path.display());
            }
            Err(error) => eprintln!("{}: {error}", path.display()),
        }
    }
}

/// Tries bytes as a recipe; whether they are one and of use to a corpus.
pub fn replay_recipe(target: &Target, bytes: &[u8]) -> bool {
    use arbitrary::{Arbitrary, Unstructured};
    Input::arbitrary_take_rest(Unstructured::new(bytes)).is_ok_and(|input| target.recipe(&input))
}

#[cfg(test)]
mod tests;
