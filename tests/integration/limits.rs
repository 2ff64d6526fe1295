//! The limit tests, runs near the limits and refused allocations, on the real worker; and faults of
//! each kind that must be seen.

use crate::{brink, worker};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use wasm_brink::campaign::{
    Case, Court, Event, LimitReport, LimitRun, LimitTest, LimitVerdict, Observer, Repro, ReproRun,
    Subject, limit_tests, reproduce, run_limit_tests, run_short,
};
use wasm_brink::engines::Backend;
use wasm_brink::job::{Allocator, Budget, Execution, PlantedShortage};
use wasm_brink::oracles::Severity;
use wasm_brink::outcome::{Outcome, ShortageFault, WrongKind};
use wasm_brink::promises::{End, Promise};
use wasm_brink::recipe::Recipe;
use wasm_brink::sandbox::{Host, Pool};

const BUDGET: Budget = Budget::new(300, 8 << 30);

/// What can be run here.
const RUN_HERE: [&str; 2] = ["x86_64", "pulley64"];

struct Unheard;

impl Observer for Unheard {
    fn observe(&self, _: Event) {}
}

fn pool() -> Pool {
    Pool { hosts: vec![Host::builtin(&worker())], seats: 2, total_memory_bytes: 12 << 30 }
}

fn backends(names: &[&str]) -> Vec<Backend> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn report(tests: Vec<LimitTest>, names: &[&str]) -> (LimitRun, LimitReport) {
    let (backends, past) = (backends(names), Vec::new());
    let run = LimitRun { tests, backends, budget: BUDGET, past };
    let report = run_limit_tests(&run, &pool(), &AtomicBool::new(false), &Unheard);
    assert_eq!(report.error, None);
    (run, report)
}

/// The same, and nothing may be refused, however cleanly: so much memory is there.
fn hold_right(tests: Vec<LimitTest>, names: &[&str]) {
    for (place, verdict) in hold(tests, names) {
        assert!(!matches!(verdict, LimitVerdict::CleanError(_)), "{place:?}: {verdict:?}");
    }
}

/// Runs tests and holds them to what they say, or to a deviation by design.
fn hold(tests: Vec<LimitTest>, names: &[&str]) -> BTreeMap<(usize, usize), LimitVerdict> {
    assert!(!tests.is_empty());
    let (run, report) = report(tests, names);
    assert_eq!(report.verdicts.len(), run.tests.len() * run.backends.len(), "all are told");
    for (&(test, backend), verdict) in &report.verdicts {
        let (test, backend) = (&run.tests[test].name, &run.backends[backend]);
        let is_told = !matches!(verdict, LimitVerdict::Failed(_) | LimitVerdict::Unclear(_));
        assert!(is_told, "{test} on {backend}: {verdict:?}");
    }
    report.verdicts
}

fn named(texts: &[&str]) -> Vec<LimitTest> {
    let is_named = |test: &LimitTest| texts.iter().any(|text| test.name.contains(text));
    limit_tests().into_iter().filter(is_named).collect()
}

fn recipe(shape: &str, params: &[(&str, u64)]) -> Recipe {
    params.iter().fold(Recipe::new(shape), |recipe, (name, value)| recipe.with(name, *value))
}

#[test]
fn small_limits_hold_on_every_backend() {
    let all = ["x86_64", "aarch64", "riscv64", "s390x", "pulley32", "winch-x86_64"];
    hold(named(&["function params", "function returns", "memories", "subtype depth"]), &all);
}

#[test]
fn tables_and_memories_at_their_limits_can_be_used_at_both_ends() {
    hold(named(&["table entries limit", "table size", "memory32 pages", "Grow"]), &RUN_HERE);
}

#[test]
fn code_near_the_limits_does_what_its_construction_says() {
    let quick = ["1,000 parameters and", "500 frames,", "150 deep", "recursion to", "a byte"];
    hold_right(named(&quick), &["x86_64", "winch-x86_64", "pulley64"]);
}

#[test]
#[ignore = "manual: takes half an hour, and fails as long as an element segment at its limit takes 8 GiB"]
fn manual_every_limit_test_holds_on_every_backend() {
    let tests = limit_tests().into_iter().filter(|test| !test.large).collect();
    let all = [
        "x86_64",
        "aarch64",
        "riscv64",
        "riscv64-v",
        "riscv64-rva23",
        "s390x",
        "pulley32",
        "pulley64",
        "winch-x86_64",
        "winch-aarch64",
    ];
    hold(tests, &all);
}

#[test]
#[ignore = "manual: modules of a gigabyte"]
fn manual_modules_of_a_gigabyte_are_taken() {
    hold(limit_tests().into_iter().filter(|test| test.large).collect(), &["x86_64", "pulley64"]);
}

#[test]
fn a_deviation_that_no_table_has_is_told() {
    let mut tests = named(&["Compile function params limit", "Instantiate table entries limit"]);
    tests.iter_mut().for_each(|test| test.accept = false);
    let (_, report) = report(tests, &["x86_64"]);
    let failed = |verdict: &&LimitVerdict| matches!(verdict, LimitVerdict::Failed(_));
    assert_eq!(report.verdicts.values().filter(failed).count(), 2, "{report:?}");
}

#[test]
fn a_deviation_that_is_gone_is_told() {
    let mut tests = named(&["Compile tables limit"]);
    // As if the validator had begun to take as many.
    tests.iter_mut().for_each(|test| test.recipe = recipe("tables", &[("count", 1)]));
    let (_, report) = report(tests, &["x86_64"]);
    let verdict = report.verdicts.values().next().unwrap();
    let LimitVerdict::Failed(failure) = verdict else { panic!("{verdict:?}") };
    assert!(failure.words.contains("known"), "{failure:?}");
}

/// Keeps what it is told.
#[derive(Default)]
struct Log(Mutex<Vec<Event>>);

impl Observer for Log {
    fn observe(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

/// What a run of tests told: jobs that were run, ends that were logged, findings, differences.
fn told(run: &LimitRun) -> (Vec<Event>, LimitReport, [usize; 4]) {
    let log = Log::default();
    let report = run_limit_tests(run, &pool(), &AtomicBool::new(false), &log);
    assert_eq!((&report.error, report.verdicts.len()), (&None, run.tests.len()));
    let mut events = log.0.into_inner().unwrap();
    let count = |is: fn(&Event) -> bool| events.iter().filter(|event| is(event)).count();
    let counts = [
        count(|event| matches!(event, Event::JobsStarted { .. })),
        count(|event| matches!(event, Event::JobEnded { .. })),
        count(|event| matches!(event, Event::Found { finding } if finding.seen == (3, 3))),
        count(|event| matches!(event, Event::Differed { .. })),
    ];
    events.retain(Event::is_kept);
    (events, report, counts)
}

#[test]
fn what_an_oracle_sees_three_times_is_a_finding_and_a_run_goes_on_where_it_stood() {
    let tests = named(&["Compile function locals limit"]);
    // Less memory than so many locals take.
    let budget = Budget::new(60, 1 << 20);
    let mut run = LimitRun { tests, backends: backends(&["x86_64"]), budget, past: Vec::new() };
    let told = |run: &LimitRun| {
        let (events, report, counts) = told(run);
        for verdict in report.verdicts.values() {
            let failure = verdict.failure().unwrap_or_else(|| panic!("{verdict:?}"));
            assert_eq!(failure.judged.as_ref().unwrap().violation.oracle, "memory");
        }
        (events, counts)
    };
    let (events, counts) = told(&run);
    assert_eq!(counts, [3, 1, 1, 0]);
    // Killed before the finding was made.
    run.past = events.iter().take(1).cloned().collect();
    assert_eq!(told(&run).1, [2, 0, 1, 0], "the first run is known");
    run.past = events;
    assert_eq!(told(&run).1, [2, 0, 0, 0], "it is found once");
}

#[test]
fn what_no_oracle_has_a_word_for_differs_and_what_went_well_is_not_run_again() {
    let mut tests = named(&["Compile function params limit", "Compile function locals minimum"]);
    tests[0].accept = false;
    let backends = backends(&["x86_64"]);
    let mut run = LimitRun { tests, backends, budget: BUDGET, past: Vec::new() };
    let (events, report, counts) = told(&run);
    assert_eq!(counts, [4, 2, 0, 1]);
    assert!(report.verdicts[&(0, 0)].failure().unwrap().judged.is_none());
    run.past = events;
    // What the machine was to blame for says nothing, and is asked again.
    let second = Subject::Recipe(run.tests[1].recipe.clone());
    let lost = run.past.iter_mut().find_map(|event| {
        if let Event::JobEnded { outcome, subject, .. } = event {
            (*subject == second).then_some(outcome)
        } else {
            None
        }
    });
    **lost.unwrap() = Outcome::infrastructure(0, "no worker".to_owned());
    assert_eq!(told(&run).2, [3, 1, 0, 0], "a difference is told once");
}

#[test]
fn a_run_of_the_command_is_kept_gone_on_with_and_its_findings_are_run_again() {
    let place = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = brink(arguments).current_dir(place.path()).output().unwrap();
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), out, String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let read = |name: &str| std::fs::read_to_string(place.path().join(name)).unwrap();
    let ends = |text: &str| text.lines().filter(|line| line.contains("\"job-ended\"")).count();
    let log = "brink-limits.out/events.jsonl";
    let small = ["limits", "--only", "function params", "-b", "x86_64", "winch-x86_64"];
    let (exit, out, err) = run(&small);
    assert_eq!(exit, Some(0), "{out}{err}");
    assert!(!out.contains("unclear ") && ends(&read(log)) == 12, "{out}");
    let (exit, again, err) = run(&["limits", "--resume"]);
    assert_eq!((exit, ends(&read(log))), (Some(0), 12), "{again}{err}");
    assert_eq!(again, out);
    let (exit, _, err) = run(&["limits", "--resume", "--only", "x"]);
    assert!(exit == Some(1) && err.contains("cannot be used with"), "{err}");

    let starved = ["limits", "--only", "Compile function locals limit", "--memory-limit", "1MiB"];
    let starved = [&starved[..], &["-b", "x86_64"]].concat();
    let (exit, out, err) = run(&starved);
    assert_eq!(exit, Some(2), "{out}{err}");
    assert!(out.contains("FAILED Compile") && out.contains("--memory-limit 1MiB"), "{out}");
    assert!(!out.contains("such cases in this run"), "{out}");
    let command = out.lines().find_map(|line| line.trim().strip_prefix("brink repro "));
    let folder = command.unwrap_or_else(|| panic!("{out}"));
    let (exit, out, err) = run(&["repro", folder]);
    assert_eq!(exit, Some(2), "{out}{err}");
    assert!(err.contains("The finding reproduces"), "{err}");
    let (exit, out, err) = run(&["repro", folder, "--memory-limit", "1GiB"]);
    assert_eq!(exit, Some(0), "{out}{err}");
    assert!(err.contains("does not reproduce, within 300 s and 1.0 GiB; it was found"), "{err}");
    let (exit, out, err) = run(&["merge", "brink-limits.out", "-o", "all"]);
    assert_eq!(exit, Some(2), "{out}{err}");
    assert!(read("all/events.jsonl").contains("\"found\""));

    let list = "version = 1\n[[issue]]\nid = \"greedy\"\naddress = \"https://example.org/1\"\noracle = \"memory\"\n\
                key = [\"locals\"]\ntargets = [\"x86_64\"]\naffected = [\">=1\"]\n";
    std::fs::write(place.path().join("list.toml"), list).unwrap();
    let known = [&starved[..], &["--known-issues", "list.toml"]].concat();
    let (exit, out, err) = run(&known);
    assert_eq!(exit, Some(3), "{out}{err}");
    assert!(out.contains("known Compile") && out.contains("greedy"), "{out}");
    let (exit, out, _) = run(&[&known[..], &["-q"]].concat());
    assert_eq!((exit, out.as_str()), (Some(3), ""));
    let (_, out, _) = run(&[&known[..], &["--json"]].concat());
    let verdict = out.lines().find(|line| line.contains("\"limit-verdict\"")).unwrap();
    assert!(verdict.contains("\"known\":\"greedy\""), "{verdict}");
}

/// Runs a case on a backend.
fn run(case: Case, backend: &str) -> ReproRun {
    let budget = BUDGET;
    let repro =
        Repro { case, backends: backends(&[backend]), budget, times: 1, keep_artifacts: false };
    let report = reproduce(&repro, &pool(), &AtomicBool::new(false), &Unheard);
    assert!(report.seat_error.is_none());
    report.runs.into_iter().next().unwrap()
}

/// A promise that the code does not keep looks as code that does not keep its promise.
#[test]
fn a_wrong_result_and_a_wrong_end_are_violations() {
    let ends = [
        (End::Returns(vec![1]), WrongKind::OtherValues),
        (End::OutOfBounds, WrongKind::OtherEnd),
        (End::StackOverflow, WrongKind::OtherEnd),
    ];
    for backend in RUN_HERE {
        for (end, kind) in &ends {
            let mut case = Case::of_recipe(&recipe("frames", &[("locals", 50)])).unwrap();
            let execution = case.execution.as_mut().unwrap();
            execution.allocator = Allocator::Pooling;
            execution.promises[0].ends = vec![end.clone()];
            let run = run(case, backend);
            let wrong = &run.outcome.execution.as_ref().unwrap().wrong;
            assert_eq!((wrong.len(), wrong[0].kind), (1, *kind), "{wrong:?}");
            let oracles: Vec<&str> =
                run.violations.iter().map(|judged| judged.violation.oracle.as_str()).collect();
            assert_eq!(oracles, ["execution"], "on {backend}");
        }
    }
}

/// A trap of a segment is no want of memory.
#[test]
fn a_trap_while_instantiating_is_a_violation() {
    let text = "(module (memory 1) (data (i32.const 65536) \"a\") (func (export \"run\")))";
    let returns = Promise::of("run", End::Returns(Vec::new()));
    for backend in RUN_HERE {
        let mut case = Case::of_module("a.wasm", wat::parse_str(text).unwrap()).unwrap();
        let (allocator, promises) = (Allocator::OnDemand, vec![returns.clone()]);
        case.execution = Some(Execution { allocator, promises });
        let run = run(case, backend);
        let check = run.outcome.execution.as_ref().unwrap();
        assert_eq!((check.wrong.len(), &check.refusal), (1, &None), "on {backend}: {check:?}");
        assert_eq!(check.wrong[0].kind, WrongKind::OtherEnd);
        assert_eq!(run.violations[0].violation.severity, Severity::Security);
    }
}

#[test]
fn a_fault_of_what_is_run_is_told_as_sensitive() {
    use wasm_brink::outcome::{Phase, Termination};
    let case = Case::of_recipe(&recipe("frames", &[])).unwrap();
    let mut outcome = Outcome::infrastructure(0, String::new());
    outcome.phase = Phase::Execute;
    outcome.termination = Termination::Signaled { signal: 11, frames: Vec::new() };
    let (judged, _) = Court::judge(&case, &"x86_64".parse().unwrap(), &BUDGET, &outcome, None);
    assert_eq!(judged.len(), 1);
    let violation = &judged[0].violation;
    assert_eq!((violation.oracle.as_str(), violation.severity), ("execution", Severity::Security));
    assert!(violation.summary.contains("execute"), "{violation:?}");
}

fn short(planted: Option<PlantedShortage>) -> wasm_brink::campaign::ShortageReport {
    let backend = "x86_64".parse().unwrap();
    let recipe = recipe("types", &[("count", 20)]);
    run_short(&recipe, &backend, (BUDGET, 6), planted, &pool(), &AtomicBool::new(false)).unwrap()
}

#[test]
fn each_fault_of_an_engine_short_of_memory_is_seen() {
    let clean = short(None);
    assert!(clean.complete && clean.rounds + clean.granted >= 10, "{clean:?}");
    // What Wasmtime 48 says where memory runs out while an artifact is read; its cause is lost.
    let lost = |fault: &ShortageFault| fault.what.ends_with("Serde Deserialization Error");
    assert!(clean.faults.iter().all(lost) && clean.violations.len() <= 1, "{clean:?}");
    for (planted, expected) in [
        (PlantedShortage::OtherError, "not of memory: planted"),
        (PlantedShortage::BrokenAfterwards, "could not go on: planted"),
    ] {
        let report = short(Some(planted));
        let seen = report.faults.iter().any(|fault| fault.what.contains(expected));
        assert!(seen && !report.violations.is_empty(), "{planted:?}: {report:?}");
        let promised = planted == PlantedShortage::BrokenAfterwards;
        assert_eq!(report.errors > 0, promised, "{planted:?}: {report:?}");
    }
    let report = short(Some(PlantedShortage::Abort));
    let first = &report.aborts[0];
    assert!(first.allocation == 1 && first.what.contains("abort"), "{report:?}");
    assert!(report.complete, "the rounds after an abort are made in another child: {report:?}");
    let report = short(Some(PlantedShortage::OtherErrorThenAbort));
    assert!(report.aborts.iter().any(|fault| fault.allocation == 2), "{report:?}");
    let told = report.faults.iter().any(|fault| fault.allocation == 1);
    assert!(told && !report.violations.is_empty(), "an abort hides no fault before it: {report:?}");
}

#[test]
fn nothing_is_run_on_less_stack_than_promises_speak_of() {
    let case = Case::of_recipe(&recipe("frames", &[])).unwrap();
    for (stack_bytes, is_run) in [("524287", false), ("524288", true)] {
        let backend: Backend = format!("x86_64:stack={stack_bytes}").parse().unwrap();
        let job = case.job(1, &backend, BUDGET);
        assert_eq!(job.execution.is_some(), is_run, "{stack_bytes}");
    }
}

#[test]
fn the_command_lists_its_tests_and_tells_what_it_cannot_find() {
    let place = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| brink(arguments).current_dir(place.path()).output().unwrap();
    let listed = run(&["limits", "--list"]);
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert_eq!(listed.status.code(), Some(0));
    let of_file = text.lines().filter(|line| line.contains("limits.any.js")).count();
    assert_eq!(of_file, 143, "{text}");
    let missing = run(&["limits", "--only", "no such limit"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("no such limit"));
    let elsewhere = run(&["limits", "--oom", "-b", "s390x"]);
    assert_eq!(elsewhere.status.code(), Some(1));
}
