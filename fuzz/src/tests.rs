//! Every target on the seeds, as far as a moment goes: what a fuzzer does, without one.

use super::*;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use wasm_brink::campaign::{FUZZED_BUDGET, Lab, Subject};
use wasm_brink::job::Budget;
use wasm_brink::outcome::Validation;
use wasm_brink::recipe::Recipe;
use wasm_brink::shapes;
use wasm_brink::triage::KnownIssues;
use wasm_brink::worker::plant_bug;

/// What jobs allocate is counted for the whole process, so one test at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn seeds(set: &str) -> Vec<Recipe> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/seeds").join(set);
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: &PathBuf| Recipe::from_toml(&std::fs::read_to_string(path).unwrap()).unwrap();
    paths.iter().map(read).collect()
}

fn bytes(recipe: &Recipe) -> Vec<u8> {
    shapes::to_bytes(recipe).unwrap()
}

#[test]
fn inputs_may_be_as_long_as_modules_and_no_longer() {
    let options = include_str!("../oss-fuzz/brink.options");
    let length = options.lines().find_map(|line| line.strip_prefix("max_len = ")).unwrap();
    assert_eq!(length.parse(), Ok(wasm_brink::campaign::FUZZED_BYTES_MAX));
}

#[test]
fn every_target_keeps_most_of_its_seeds() {
    let _alone = alone();
    let all = [
        (Target::BUILD, "recipes"),
        (Target::COMPILE_X64, "recipes"),
        (Target::COMPILE_AARCH64, "recipes"),
        (Target::COMPILE_RISCV64, "recipes"),
        (Target::COMPILE_S390X, "recipes"),
        (Target::COMPILE_PULLEY, "recipes"),
        (Target::WINCH_X64, "recipes"),
        (Target::WINCH_AARCH64, "recipes"),
        (Target::LOAD_WIDTH, "accesses"),
        (Target::EDGE, "accesses"),
    ];
    for (place, (target, set)) in all.iter().enumerate() {
        let seeds = seeds(set);
        // What is slow is not kept, and not every access can be run at the end of memory.
        let kept = seeds.iter().filter(|seed| replay_recipe(target, &bytes(seed))).count();
        assert!(kept * 2 > seeds.len(), "target {place} keeps {kept} of {} seeds", seeds.len());
    }
}

/// The input that a step from one leads to.
fn stepped(set: &str, input: &[u8], seed: u32) -> Vec<u8> {
    let mut data = vec![0; 4 << 10];
    data[..input.len()].copy_from_slice(input);
    let step = if set == "accesses" { accesses } else { recipe };
    let length = step(&mut data, input.len(), 4 << 10, seed, &|_, size, _| size);
    data.truncate(length);
    data
}

/// Where a bug is planted, steps from the seeds come to it within a minute. The input is left in the
/// file that `BRINK_PLANTED` names, for `brink repro`.
#[test]
#[ignore = "slow: up to a minute of steps"]
fn a_planted_bug_is_found_from_the_seeds() {
    let _alone = alone();
    let mut pool: Vec<Vec<u8>> = seeds("recipes").iter().map(bytes).collect();
    struct Planted;
    impl Drop for Planted {
        fn drop(&mut self) {
            plant_bug(false);
        }
    }
    plant_bug(true);
    let _planted = Planted;
    let (started, mut steps) = (Instant::now(), 0u32);
    loop {
        assert!(started.elapsed() < Duration::from_secs(60), "not in {steps} steps");
        steps += 1;
        let at = steps as usize % pool.len();
        let input = stepped("recipes", &pool[at], steps);
        match std::panic::catch_unwind(|| replay_recipe(&Target::COMPILE_X64, &input)) {
            Ok(_) => pool[at] = input,
            Err(panic) => {
                let said = panic.downcast_ref::<String>().cloned().unwrap_or_default();
                assert!(said.contains("planted bug at a limit"), "{said}");
                println!("found after {steps} steps and {:?}: {said}", started.elapsed());
                if let Some(path) = std::env::var_os("BRINK_PLANTED") {
                    std::fs::write(path, input).unwrap();
                }
                return;
            }
        }
    }
}

/// Each target for some seconds from its seeds, by steps of recipes that coverage does not lead: what
/// can be had of fuzzing without its toolchain.
#[test]
#[ignore = "slow: every target for ten seconds"]
fn no_target_alarms_in_ten_seconds_from_its_seeds() {
    let _alone = alone();
    const PER_TARGET: Duration = Duration::from_secs(10);
    /// What an input may take: a fifth of libFuzzer's limit, for the sanitizer's sake.
    const LONGEST: Duration = Duration::from_secs(5);
    let all = [
        ("compile_x64", Target::COMPILE_X64, "recipes"),
        ("compile_aarch64", Target::COMPILE_AARCH64, "recipes"),
        ("compile_riscv64", Target::COMPILE_RISCV64, "recipes"),
        ("compile_s390x", Target::COMPILE_S390X, "recipes"),
        ("compile_pulley", Target::COMPILE_PULLEY, "recipes"),
        ("winch_x64", Target::WINCH_X64, "recipes"),
        ("winch_aarch64", Target::WINCH_AARCH64, "recipes"),
        ("growth", Target::GROWTH, "recipes"),
        ("load_width", Target::LOAD_WIDTH, "accesses"),
        ("edge", Target::EDGE, "accesses"),
    ];
    let mut wrong = Vec::new();
    for (name, target, set) in &all {
        let mut pool: Vec<Vec<u8>> = seeds(set).iter().map(bytes).collect();
        let (started, mut steps, mut longest) = (Instant::now(), 0u32, Duration::ZERO);
        while started.elapsed() < PER_TARGET {
            steps += 1;
            let at = steps as usize % pool.len();
            let input = stepped(set, &pool[at], steps);
            let began = Instant::now();
            let alarm = std::panic::catch_unwind(|| replay_recipe(target, &input));
            if began.elapsed() > longest {
                longest = began.elapsed();
                println!("{name}: {longest:?} {}", shapes::from_bytes(&input).unwrap());
            }
            match alarm {
                Ok(_) => pool[at] = input,
                Err(panic) => {
                    let said = panic.downcast_ref::<String>().cloned().unwrap_or_default();
                    wrong.push(format!("{name}: {said}"));
                }
            }
        }
        println!("{name}: {steps} steps, {longest:?} the longest");
        // A ladder may take the time of a whole job, and half as much on a slow machine.
        let ladder = Duration::from_secs(FUZZED_BUDGET.cpu_s) * 3 / 2;
        if longest > if *name == "growth" { ladder } else { LONGEST } {
            wrong.push(format!("{name}: {longest:?} for one input"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn growth_and_modules_keep_most_of_theirs() {
    let _alone = alone();
    let seeds = seeds("recipes");
    let climbed = seeds.iter().filter(|seed| replay_recipe(&Target::GROWTH, &bytes(seed))).count();
    assert!(climbed * 4 > seeds.len(), "only {climbed} of {} seeds have a ladder", seeds.len());
    let module = |seed: &Recipe| shapes::build(seed).unwrap().bytes.to_vec();
    let outcomes = seeds.iter().filter_map(|seed| Target::RAW_MODULE.outcome_of(&module(seed)));
    let valid = outcomes.filter(|outcome| outcome.validation == Validation::Valid).count();
    assert!(valid * 10 > seeds.len() * 9, "only {valid} of {} modules are valid", seeds.len());
    // What is slow is not kept, and a busy machine is slow.
    let kept = seeds.iter().filter(|seed| Target::RAW_MODULE.module(&module(seed))).count();
    assert!(kept * 2 > seeds.len(), "only {kept} of {} modules were kept", seeds.len());
}

/// Time that grows with the cube of the size ends a ladder before its largest size, which would be
/// compiled for most of a minute: what was climbed is judged.
#[test]
fn a_ladder_ends_where_the_next_size_would_take_too_long() {
    let _alone = alone();
    let array = shapes::default_recipe(shapes::shape("array-operands").unwrap());
    let recipe = array.with("count", 800).with("operands", 1);
    let mut lab = Lab::open(KnownIssues::default()).unwrap();
    let budget = Budget { cpu_s: 1, ..FUZZED_BUDGET };
    let climb = lab.climb(&recipe, &["count".to_owned()], &"x86_64".parse().unwrap(), budget);
    let climb = climb.unwrap();
    assert!(!climb.is_whole, "{climb:?}");
    let Subject::Recipe(top) = climb.top else { panic!("{:?}", climb.top) };
    assert!((50..800).contains(&top.params["count"]), "{top}");
}

#[test]
fn nothing_and_junk_are_rejected_without_harm() {
    let _alone = alone();
    for junk in [&[][..], &[0], &[9; 64], b"\0asm"] {
        for target in [Target::BUILD, Target::COMPILE_X64, Target::GROWTH, Target::EDGE] {
            assert!(!replay_recipe(&target, junk));
        }
        assert!(!Target::RAW_MODULE.module(junk));
    }
    let large = shapes::default_recipe(shapes::SHAPES[0]).with("count", 1_000_000);
    assert!(!replay_recipe(&Target::COMPILE_X64, &bytes(&large)), "past the budget");
}
