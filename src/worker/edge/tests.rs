//! Machine code that is made wrong by hand, and what running it says.

use super::*;
use crate::job::{Argument, Budget, Job, ModuleSource};
use object::{Object, ObjectSection};
use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use wasmtime::Trap;

/// Functions whose second parameter is where the result goes.
fn module(load: &str) -> Vec<u8> {
    let text = format!(
        "(module (memory (export \"memory\") 1) (func (export \"0\") (param i32 i32) \
         (i32.store (local.get 1) ({load} (local.get 0)))))"
    );
    wat::parse_str(&text).unwrap()
}

/// Calls around the end of a page, for a load of so many bytes.
fn calls(bytes: u64) -> EdgeRun {
    let call = |address| {
        let fits = address + bytes <= 65_536;
        let expected = if fits { Expected::Returns } else { Expected::Traps };
        EdgeCall { address, expected }
    };
    let function = EdgeFunction {
        export: "0".to_owned(),
        operator: "a load".to_owned(),
        arguments: vec![Argument::Address, Argument::Base],
        calls: (65_536 - 32..65_536 + 2).map(call).collect(),
    };
    EdgeRun { memory_bytes: 65_536, functions: vec![function] }
}

/// Compiles `module`, replaces the one `before` of its code by `after`, and runs it.
fn run_with(module: &[u8], backend: &str, run: &EdgeRun, edit: Option<[&[u8]; 2]>) -> EdgeCheck {
    let job = Job {
        id: 0,
        module: ModuleSource::Inline(module.to_vec()),
        proposals: BTreeSet::new(),
        backend: backend.parse().unwrap(),
        budget: Budget::new(10, 1 << 30),
        artifact: None,
        repeat: false,
        edge: Some(run.clone()),
        execution: None,
        shortage: None,
    };
    let engine = crate::worker::builtin::configure(&job, false).unwrap();
    let mut artifact = (*engine.compile(module).unwrap()).as_ref().to_vec();
    if let Some([before, after]) = edit {
        let file = object::File::parse(&*artifact).unwrap();
        let (start, size) = file.section_by_name(".text").unwrap().file_range().unwrap();
        let range = usize::try_from(start).unwrap()..usize::try_from(start + size).unwrap();
        let code = &mut artifact[range];
        let places: Vec<usize> =
            (0..code.len()).filter(|&at| code[at..].starts_with(before)).collect();
        let [place] = places[..] else { panic!("{before:x?} stands at {places:?}") };
        code[place..place + after.len()].copy_from_slice(after);
    }
    let progress = Progress::shared().unwrap();
    engine.run(&job, run, module, &artifact, progress).unwrap()
}

/// `movzx r32, m8` and `movzx r32, m16`.
const BYTE: &[u8] = &[0x0f, 0xb6];
const WORD: &[u8] = &[0x0f, 0xb7];

#[test]
fn code_as_it_should_be_does_nothing_wrong() {
    for backend in ["x86_64", "x86_64:guard=off", "x86_64:opt=none", "winch-x86_64"] {
        for (load, bytes) in [("i32.load8_u", 1), ("i32.load16_u", 2), ("i32.load", 4)] {
            let check = run_with(&module(load), backend, &calls(bytes), None);
            assert_eq!((check.failure, check.mismatches), (None, vec![]), "{load} on {backend}");
            assert!(check.compared && check.calls == 34, "{load} on {backend}");
        }
    }
}

/// What is found of a load of `bytes` bytes that was made another one: among all calls, and by the
/// last byte of memory alone.
fn found(load: &str, backend: &str, bytes: u64, edit: [&[u8]; 2]) -> [(EdgeKind, u64); 2] {
    let all = calls(bytes);
    let mut last = all.clone();
    last.functions[0].calls.retain(|call| call.address == 65_535);
    [all, last].map(|run| {
        let check = run_with(&module(load), backend, &run, Some(edit));
        let [found] = &check.mismatches[..] else { panic!("{check:?}") };
        (found.kind, found.address)
    })
}

#[test]
fn a_load_that_was_made_wider_reads_other_bytes_and_traps_at_the_last_one() {
    let found = found("i32.load8_u", "x86_64", 1, [BYTE, WORD]);
    assert_eq!(found, [(EdgeKind::OtherBytes, 65_504), (EdgeKind::Trapped, 65_535)]);
}

/// Says to a process of this test that it is the one that is to fault.
const FAULT: &str = "BRINK_TEST_FAULT";

#[test]
fn without_guards_a_load_that_was_made_wider_makes_the_process_fault() {
    if std::env::var_os(FAULT).is_some() {
        found("i32.load8_u", "x86_64:guard=off", 1, [BYTE, WORD]);
        return;
    }
    let name =
        "worker::edge::tests::without_guards_a_load_that_was_made_wider_makes_the_process_fault";
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name])
        .env(FAULT, "1")
        .output()
        .unwrap();
    // Wasmtime sees that the address is of no memory, and ends the process.
    assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{output:?}");
}

#[test]
fn a_load_that_was_made_narrower_reads_other_bytes_and_does_not_trap_past_the_end() {
    let found = found("i32.load16_u", "x86_64", 2, [WORD, BYTE]);
    assert_eq!(found, [(EdgeKind::OtherBytes, 65_504), (EdgeKind::NotTrapped, 65_535)]);
}

#[test]
fn what_differs_from_the_rule_is_told_without_an_interpreter() {
    let ends = [End::Returned, End::Trapped(Trap::MemoryOutOfBounds)];
    let kinds = [Expected::Returns, Expected::Traps, Expected::AsElsewhere].map(|expected| {
        let call = EdgeCall { address: 0, expected };
        ends.each_ref().map(|end| wrong(&call, end, None, true).map(|(kind, _)| kind))
    });
    let [returns, traps, elsewhere] = kinds;
    assert_eq!(returns, [None, Some(EdgeKind::Trapped)]);
    assert_eq!(traps, [Some(EdgeKind::NotTrapped), None]);
    assert_eq!(elsewhere, [None, None]);
}

#[test]
fn another_trap_than_elsewhere_is_told_and_a_failure_is_none() {
    let call = EdgeCall { address: 0, expected: Expected::AsElsewhere };
    let found = |end: End, elsewhere: End| wrong(&call, &end, Some(&elsewhere), true).is_some();
    let trapped = End::Trapped;
    assert!(found(trapped(Trap::MemoryOutOfBounds), trapped(Trap::IntegerDivisionByZero)));
    assert!(found(trapped(Trap::MemoryOutOfBounds), End::Returned));
    assert!(!found(trapped(Trap::MemoryOutOfBounds), trapped(Trap::HeapMisaligned)));
    assert!(!found(End::Failed("a".to_owned()), End::Failed("b".to_owned())));
}

#[test]
fn what_a_fault_leaves_behind_names_the_call() {
    let progress = Progress::shared().unwrap();
    let run = calls(1);
    assert_eq!(post_mortem(&run, progress), None, "nothing ran");
    progress.edge_call.store(running(0, 33), Relaxed);
    let check = post_mortem(&run, progress).unwrap();
    assert_eq!(check.mismatches[0].kind, EdgeKind::Faulted);
    assert_eq!(check.mismatches[0].address, 65_537);
}
