//! Findings fall into as many buckets as they have causes, whatever their sizes and shapes; known
//! issues change the exit code.

use crate::{brink, worker};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use wasm_brink::campaign::{Case, Court};
use wasm_brink::engines::Backend;
use wasm_brink::job::{Budget, ModuleSource, Planted};
use wasm_brink::recipe::Recipe;
use wasm_brink::sandbox::{Bench, Host, Pool, Task};
use wasm_brink::shapes;

fn recipe(words: &str) -> Recipe {
    let mut words = words.split(' ');
    let base = shapes::default_recipe(shapes::shape(words.next().unwrap()).unwrap());
    words.fold(base, |recipe, word| {
        let (name, value) = word.split_once('=').unwrap();
        recipe.with(name, value.parse().unwrap())
    })
}

/// Cases of one cause: how many, which recipe on which backend, what is planted, within what memory.
struct Cause {
    name: &'static str,
    count: u64,
    case: fn(u64) -> (String, &'static str),
    planted: Option<Planted>,
    memory: u64,
}

const CAUSES: &[Cause] = &[
    Cause {
        name: "a planted panic, in nine shapes and on two backends",
        count: 48,
        case: |k| {
            let ids =
                ["repeat", "nest", "types", "tags", "calls", "live", "consts", "tree", "code"];
            let id = ids[usize::try_from(k).unwrap() % ids.len()];
            (id.to_owned(), if k % 2 == 0 { "x86_64" } else { "winch-aarch64" })
        },
        planted: Some(Planted::Panic),
        memory: 1 << 30,
    },
    Cause {
        name: "a planted recursion without end",
        count: 48,
        case: |k| (format!("nest depth={}", 10 + 1_000 * k), "s390x"),
        planted: Some(Planted::StackOverflow),
        memory: 1 << 30,
    },
    Cause {
        name: "a planted loop, in two shapes with many types",
        count: 6,
        case: |k| {
            let id = if k % 2 == 0 { "types" } else { "types-used" };
            (format!("{id} count={}", 500 << k), "aarch64")
        },
        planted: Some(Planted::Loop),
        memory: 1 << 30,
    },
    Cause {
        name: "data segments that a real backend panics on",
        count: 49,
        case: |k| (format!("data-segments-used count={} bytes={}", 17 + 40 * k, k), "riscv64"),
        planted: None,
        memory: 1 << 30,
    },
    Cause {
        name: "blocks with many parameters that a real compiler needs much memory for, in two shapes",
        count: 49,
        case: |k| match k % 2 {
            0 => (format!("blocks-params blocks={}", 1_500 + 100 * k), "x86_64"),
            _ => (format!("diamonds count={} params=1000", 1_800 + 20 * k), "aarch64"),
        },
        planted: None,
        memory: 48 << 20,
    },
];

#[test]
fn findings_of_five_causes_fall_into_five_buckets() {
    fall_into_buckets(8);
}

#[test]
#[ignore = "slow: names the functions of two hundred stacks"]
fn two_hundred_findings_of_five_causes_fall_into_five_buckets() {
    fall_into_buckets(1);
}

/// Every so many of the findings are made.
fn fall_into_buckets(step: usize) {
    let hosts = vec![Host::builtin(&worker())];
    let pool = Pool { hosts, seats: 1, total_memory_bytes: 2 << 30 };
    let (mut bench, stop) = (Bench::new(&pool), AtomicBool::new(false));
    let mut buckets: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let mut findings = 0;
    for cause in CAUSES {
        for k in (0..cause.count).step_by(step) {
            let (words, backend) = (cause.case)(k);
            let (case, backend) = (Case::of_recipe(&recipe(&words)).unwrap(), backend.parse());
            let backend: Backend = backend.unwrap();
            let budget = Budget::new(if cause.planted.is_some() { 1 } else { 20 }, cause.memory);
            let mut job = case.job(findings, &backend, budget);
            job.repeat = false;
            if let Some(planted) = cause.planted {
                job.module = ModuleSource::Planted(planted);
            }
            let task = Task { jobs: vec![job], module: case.module.clone() };
            let outcome = bench.run(task, &stop).unwrap().pop().unwrap();
            let (judged, _) = Court::judge(&case, &backend, &budget, &outcome, None);
            let [judged] = &judged[..] else {
                panic!("{words} on {backend}: {judged:?}, {:?}", outcome.termination)
            };
            buckets.entry(judged.signature.to_string()).or_default().insert(cause.name);
            findings += 1;
        }
    }
    assert_eq!(findings, if step == 1 { 200 } else { 27 });
    assert_eq!(buckets.len(), CAUSES.len(), "{buckets:#?}");
    assert!(buckets.values().all(|causes| causes.len() == 1), "{buckets:#?}");
}

/// A panic of one backend, and where it is known from.
const PANICS: [&str; 5] = ["repro", "data-segments-used", "count=100", "-b", "riscv64"];

fn issue(id: &str, affected: &str, rest: &str) -> String {
    format!(
        "[[issue]]\nid = \"{id}\"\naddress = \"https://example.org/{id}\"\noracle = \"crash\"\n\
         key = [\"riscv64/inst/args.rs\"]\naffected = [{affected}]\n{rest}\n"
    )
}

fn run(arguments: &[&str], place: &Path) -> (Option<i32>, String, String) {
    let output = brink(arguments).current_dir(place).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn what_is_known_is_told_by_the_exit_code_and_what_came_back_is_news() {
    let place = tempfile::tempdir().unwrap();
    let lists = [
        ("none", "version = 1\n".to_owned(), 2, ""),
        ("open", format!("version = 1\n{}", issue("a", "", "")), 3, "known issue a"),
        ("here", format!("version = 1\n{}", issue("b", "\">=48\"", "")), 3, "known issue b"),
        ("fixed", format!("version = 1\n{}", issue("c", "\"<48\"", "")), 2, "looks like c"),
        ("other", format!("version = 1\n{}", issue("d", "", "targets = [\"s390x\"]")), 2, ""),
    ];
    for (name, text, code, told) in lists {
        fs::write(place.path().join(name), text).unwrap();
        let (exit, out, err) =
            run(&[&PANICS[..], &["--known-issues", name]].concat(), place.path());
        assert_eq!(exit, Some(code), "{name}: {out}{err}");
        assert!(out.contains(told), "{name}: {out}");
    }
    for (name, text) in [("corrupt", "version = 1\n[[issue"), ("newer", "version = 9")] {
        fs::write(place.path().join(name), text).unwrap();
        let (exit, out, err) =
            run(&[&PANICS[..], &["--known-issues", name]].concat(), place.path());
        assert_eq!((exit, out.as_str()), (Some(1), ""), "{name}: {err}");
        assert!(err.contains(&format!("read the known issues in {name}")), "{err}");
    }
}

#[test]
fn a_sweep_tells_known_issues_and_those_that_it_had_to_meet_and_did_not() {
    let place = tempfile::tempdir().unwrap();
    let shown = |count: u64| {
        format!(
            "shown-by = {{ version = 1, shape = \"data-segments-used\", params = {{ count = {count} \
             }} }}"
        )
    };
    let never = |id: &str, count: u64| {
        issue(id, "", &shown(count)).replace("riscv64/inst/args.rs", "nowhere.rs")
    };
    let list = ["version = 1\n", &issue("met", "", &shown(20)), &never("stale", 1)].concat();
    // The next needs more segments than this sweep makes.
    fs::write(place.path().join("list"), list + &never("larger", 90_000)).unwrap();
    let sweep = ["sweep", "--shape", "data-segments-used", "--at", "min", "0.1%"];
    let rest = ["-b", "riscv64", "x86_64", "-j", "1", "--known-issues", "list"];
    let (exit, out, err) = run(&[&sweep[..], &rest].concat(), place.path());
    assert_eq!(exit, Some(3), "{out}{err}");
    assert!(out.contains("1 finding, 1 of them known"), "{out}");
    assert!(out.contains("known issue met: https://example.org/met"), "{out}");
    assert!(out.contains("A known issue may be stale: stale"), "{out}");
    assert!(!out.contains("stale: larger") && !out.contains("stale: met"), "{out}");
}
