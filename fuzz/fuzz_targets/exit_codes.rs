//! Faults on demand, which prove that libFuzzer's exit codes mean what its users take them for. Not
//! for fuzzing: the first byte says what goes wrong.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
use std::{hint::black_box, thread::sleep, time::Duration};

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut hoard = Vec::new();
    match data.first() {
        Some(b'p') => panic!("a planted panic"),
        Some(b't') => loop {
            black_box(&mut hoard);
        },
        // Slowly: the limit is looked at once a second.
        Some(b'm') => loop {
            hoard.push(black_box(vec![1u8; 1 << 20]));
            sleep(Duration::from_millis(5));
        },
        Some(b'i') => sleep(Duration::from_secs(60)),
        Some(_) | None => {}
    }
});

#[cfg(not(fuzzing))]
fn main() {}
