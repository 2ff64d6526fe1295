//! Memory figures are true: they agree with the same compilation run alone, and with whatever the
//! parent process once held.

use crate::{brink, worker};
use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;
use wasm_brink::engines::Backend;
use wasm_brink::job::{Budget, Job};
use wasm_brink::outcome::Termination;
use wasm_brink::sandbox::{Host, Seat, StoredModule};
use wasm_brink::shapes::{build, default_recipe, shape};

/// Copies of the unit: the compilation needs a few hundred megabytes.
const COPIES: u64 = 60_000;

/// Tells the test binary to be the process that compiles alone.
const ALONE: &str = "BRINK_TEST_COMPILE_ALONE";

fn module() -> wasm_brink::shapes::Rope {
    let recipe = default_recipe(shape("repeat").unwrap()).with("count", COPIES);
    build(&recipe).unwrap().bytes
}

fn in_the_sandbox() -> u64 {
    let stored = StoredModule::new(&module()).unwrap();
    let backend: Backend = "x86_64:verifier=off,regalloc-checker=off".parse().unwrap();
    let job = Job {
        id: 0,
        module: stored.source(),
        proposals: BTreeSet::new(),
        backend,
        budget: Budget::new(120, 8 << 30),
        artifact: None,
        repeat: false,
        edge: None,
        execution: None,
        shortage: None,
    };
    let mut peak = 0;
    let mut seat = Seat::start(&Host::builtin(&worker())).unwrap();
    seat.run(vec![job], &|| false, &mut |outcome| {
        assert!(matches!(outcome.termination, Termination::Completed { .. }), "{outcome:?}");
        peak = outcome.measurements.peak_resident_bytes;
    })
    .unwrap();
    peak
}

/// Greatest resident memory of this process.
fn own_peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
}

/// The same compilation in a process of its own, which is this test started again.
fn alone() -> u64 {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "measurements::peak_memory_is_that_of_the_compilation_alone"])
        .args(["--nocapture"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.split_once("alone: "));
    line.unwrap_or_else(|| panic!("{text}")).1.trim().parse().unwrap()
}

fn compile_here() {
    // Mapped from a file, as the worker maps it.
    let mut config = wasmtime::Config::new();
    config.target("x86_64-unknown-linux-gnu").unwrap();
    let engine = wasmtime::Engine::new(&config).unwrap();
    let module = module().to_vec();
    wasmtime::Module::validate(&engine, &module).unwrap();
    std::hint::black_box(engine.precompile_module(&module).unwrap());
    println!("alone: {}", own_peak());
}

#[test]
fn peak_memory_is_that_of_the_compilation_alone() {
    if std::env::var_os(ALONE).is_some() {
        compile_here();
        return;
    }
    let alone = alone();
    let before = in_the_sandbox();
    // The parent holds 500 MiB for a while; its peak stays, the children's must not.
    let hoard = vec![1u8; 500 << 20];
    assert!(hoard.iter().step_by(4096).all(|&byte| byte == 1));
    drop(hoard);
    assert!(own_peak() >= 500 << 20);
    let after = in_the_sandbox();
    println!("alone {alone}, in the sandbox {before}, after the parent held 500 MiB {after}");
    for measured in [before, after] {
        let difference = measured.abs_diff(alone);
        assert!(
            difference * 10 <= alone,
            "{measured} bytes in the sandbox and {alone} alone differ by more than a tenth"
        );
    }
}

#[test]
fn a_large_module_and_its_code_take_no_memory_of_the_parent() {
    let place = tempfile::tempdir().unwrap();
    // 300 MB; on this backend the machine code is held against the module.
    let job = ["repro", "custom-sections", "bytes=75000000", "-b", "x86_64", "--quiet"];
    let mut child = brink(&job).current_dir(place.path()).spawn().unwrap();
    let mut peak_kib = 0;
    let code = loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
        let anonymous = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let kib = anonymous.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
        peak_kib = peak_kib.max(kib.unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    println!("{peak_kib} KiB at most");
    assert_eq!(code, Some(0));
    assert!((1..64 << 10).contains(&peak_kib), "{peak_kib} KiB");
}
