//! The termination table, a row at a time, on the real worker; and what must not be left behind.

use crate::worker;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use wasm_brink::engines::{Backend, TARGETS};
use wasm_brink::job::{Budget, Job, ModuleSource, Planted};
use wasm_brink::outcome::{EngineVerdict, Outcome, Phase, Termination};
use wasm_brink::sandbox::{Host, Seat, WorkerExe, plant_one};

fn job(id: u64, module: ModuleSource, cpu_s: u64) -> Job {
    Job {
        id,
        module,
        proposals: BTreeSet::new(),
        backend: Backend::new(&TARGETS[0]),
        budget: Budget::new(cpu_s, 1 << 30),
        artifact: None,
        repeat: true,
        edge: None,
        execution: None,
        shortage: None,
    }
}

fn wasm(text: &str) -> ModuleSource {
    ModuleSource::Inline(wat::parse_str(text).unwrap())
}

fn run(jobs: Vec<Job>) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    let mut seat = Seat::start(&Host::builtin(&worker())).unwrap();
    seat.run(jobs, &|| false, &mut |outcome| outcomes.push(outcome)).unwrap();
    outcomes
}

fn is_recognised(planted: Planted) {
    let check = plant_one(&worker(), planted).unwrap();
    assert!(check.passed, "expected {}, got {:?}", check.expected, check.outcome);
}

#[test]
fn a_job_that_ends_well_is_completed() {
    is_recognised(Planted::Nothing);
}

#[test]
fn a_panic_is_told_with_its_place_message_and_frames() {
    is_recognised(Planted::Panic);
}

#[test]
fn an_abort_is_a_signal_with_frames() {
    is_recognised(Planted::Abort);
}

#[test]
fn a_wild_read_is_a_signal() {
    is_recognised(Planted::Fault);
}

#[test]
fn allocating_piece_by_piece_runs_out_of_the_budget() {
    is_recognised(Planted::Allocate);
}

#[test]
fn one_huge_allocation_runs_out_of_the_budget() {
    is_recognised(Planted::AllocateAtOnce);
}

#[test]
fn memory_mapped_behind_the_allocators_back_runs_out_too() {
    is_recognised(Planted::MapMemory);
}

#[test]
fn endless_recursion_is_a_stack_overflow_with_frames() {
    is_recognised(Planted::StackOverflow);
}

#[test]
fn endless_output_is_cut() {
    is_recognised(Planted::Write);
}

#[test]
fn an_exit_without_a_word_is_an_infrastructure_failure() {
    is_recognised(Planted::ExitSilently);
}

#[test]
fn a_bad_frame_is_an_infrastructure_failure() {
    is_recognised(Planted::BadFrame);
}

#[test]
fn a_kill_from_outside_is_ambiguous() {
    is_recognised(Planted::KilledFromOutside);
}

#[test]
fn computing_for_ever_is_a_timeout_by_cpu_time() {
    is_recognised(Planted::Loop);
}

#[test]
fn waiting_for_ever_is_a_timeout_by_wall_time() {
    is_recognised(Planted::Sleep);
}

#[test]
fn ignoring_every_signal_does_not_help() {
    is_recognised(Planted::IgnoreSignals);
}

#[test]
fn a_worker_that_dies_at_start_or_says_nothing_is_told_in_a_sentence() {
    for program in ["/bin/false", "/bin/true", "/nonexistent"] {
        let error = Seat::start(&Host::builtin(&WorkerExe::at(Path::new(program))))
            .unwrap_err()
            .to_string();
        assert!(error.contains("start a worker process"), "{program}: {error}");
    }
}

#[test]
fn a_module_is_validated_compiled_and_compiled_again_to_the_same() {
    let text = "(module (func (export \"f\") (param i32) (result i32) local.get 0))";
    let outcome = run(vec![job(0, wasm(text), 10)]).remove(0);
    let Termination::Completed { verdict: EngineVerdict::Accepted { artifact } } =
        outcome.termination
    else {
        panic!("{:?}", outcome.termination)
    };
    assert_eq!(outcome.phase, Phase::Done);
    assert_eq!(artifact.repeat_hash.as_ref(), Some(&artifact.hash));
    assert!(artifact.code_bytes > 0 && artifact.bytes > artifact.code_bytes);
    let measured = outcome.measurements;
    assert!(
        measured.peak_live_bytes > 10_000 && measured.allocated_bytes > measured.peak_live_bytes
    );
    assert!(measured.passes_us.iter().all(|(_, us)| *us <= measured.cpu_us + 1_000));
}

#[test]
fn when_a_batch_dies_only_the_guilty_job_suffers() {
    let good = || wasm("(module (func))");
    let plants = [Planted::Panic, Planted::Fault, Planted::AllocateAtOnce];
    let mut jobs = Vec::new();
    for planted in plants {
        jobs.push(job(jobs.len() as u64, good(), 10));
        jobs.push(job(jobs.len() as u64, ModuleSource::Planted(planted), 10));
    }
    jobs.push(job(jobs.len() as u64, good(), 10));
    let outcomes = run(jobs);
    let names: Vec<_> = outcomes.iter().map(|outcome| outcome.termination.name()).collect();
    assert_eq!(
        names,
        ["accepted", "panic", "accepted", "signal", "accepted", "out-of-memory", "accepted"]
    );
    assert!(outcomes.iter().zip(0..).all(|(outcome, id)| outcome.job == id));
}

#[test]
fn a_module_file_that_is_gone_is_an_infrastructure_failure() {
    let missing = ModuleSource::File(PathBuf::from("/nonexistent/module.wasm"));
    let outcome = run(vec![job(0, missing, 10)]).remove(0);
    let Termination::Infrastructure { message } = outcome.termination else { panic!("told wrong") };
    assert!(message.contains("No such file"), "{message}");
}

/// A seat whose job was stopped while it committed a fault.
fn stopped_in(planted: Planted) -> Seat {
    let mut seat = Seat::start(&Host::builtin(&worker())).unwrap();
    let started = Instant::now();
    let stop = || started.elapsed() > Duration::from_millis(500);
    let job = job(0, ModuleSource::Planted(planted), 20);
    seat.run(vec![job], &stop, &mut |outcome| panic!("{outcome:?}")).unwrap();
    assert!(started.elapsed() < Duration::from_secs(10), "it was waited for");
    seat
}

#[test]
fn a_job_that_is_stopped_leaves_at_once_and_the_seat_can_be_used_again() {
    let mut seat = stopped_in(Planted::Sleep);
    let mut ended = 0;
    seat.run(vec![job(1, wasm("(module)"), 10)], &|| false, &mut |outcome| {
        assert_eq!(outcome.termination.name(), "accepted");
        ended += 1;
    })
    .unwrap();
    assert_eq!(ended, 1);
}

#[test]
fn a_job_that_is_stopped_takes_down_what_it_started() {
    let _seat = stopped_in(Planted::IgnoreSignals);
    // The kernel takes a moment to end what it killed.
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(orphans(), Vec::<i32>::new(), "processes outlived their worker");
}

#[test]
fn a_kill_takes_down_the_whole_process_group() {
    // The planted worker ignores every signal that can be ignored and starts a child of its own.
    is_recognised(Planted::IgnoreSignals);
    // All processes of a job carry the name of their program; none may be left that was forked
    // from a worker of this test's process.
    let own = std::process::id();
    let deadline = Instant::now() + Duration::from_secs(10);
    while Instant::now() < deadline && !descendants(own).is_empty() {
        std::thread::sleep(Duration::from_millis(50));
    }
    // Other tests of this binary run their own workers, so only orphans count.
    assert_eq!(orphans(), Vec::<i32>::new(), "processes outlived their worker");
}

/// Parent of each process, by `/proc`.
fn parents() -> Vec<(i32, i32, String)> {
    let mut processes = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let command = std::fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
        let rest = stat.rsplit_once(')').map(|(_, rest)| rest.to_owned()).unwrap_or_default();
        let Some(parent) = rest.split_whitespace().nth(1).and_then(|f| f.parse().ok()) else {
            continue;
        };
        processes.push((pid, parent, command));
    }
    processes
}

fn descendants(of: u32) -> Vec<i32> {
    let of = i32::try_from(of).unwrap();
    let workers = parents().into_iter().filter(|(_, parent, _)| *parent == of);
    workers.map(|(pid, ..)| pid).collect()
}

/// Workers, or their children, that were handed to the first process.
fn orphans() -> Vec<i32> {
    let is_worker = |command: &str| {
        command.starts_with(crate::BRINK) && command.contains(wasm_brink::wire::WORKER_COMMAND)
    };
    let all = parents();
    all.iter()
        .filter(|(_, parent, command)| *parent == 1 && is_worker(command))
        .map(|(pid, ..)| *pid)
        .collect()
}
