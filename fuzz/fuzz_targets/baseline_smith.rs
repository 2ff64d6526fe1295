//! What to compare the speed of `brink_compile_x64` with: modules of wasm-smith, compiled and judged in
//! the same way. Not for fuzzing.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| -> libfuzzer_sys::Corpus {
    let mut u = arbitrary::Unstructured::new(data);
    let config = wasm_smith::Config {
        min_funcs: 8,
        max_funcs: 64,
        exceptions_enabled: false,
        threads_enabled: false,
        ..wasm_smith::Config::default()
    };
    match wasm_smith::Module::new(config, &mut u) {
        Ok(module) if wasm_brink_fuzz::Target::COMPILE_X64.module(&module.to_bytes()) => {
            libfuzzer_sys::Corpus::Keep
        }
        Ok(_) | Err(_) => libfuzzer_sys::Corpus::Reject,
    }
});

#[cfg(not(fuzzing))]
fn main() {}
