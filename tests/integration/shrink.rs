//! `brink shrink` as a person meets it: findings, recipes, modules; what cannot be shrunk.

use crate::brink;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use wasm_brink::recipe::Recipe;

fn run(arguments: &[&str], place: &Path) -> (Option<i32>, String, String) {
    let output = brink(arguments).current_dir(place).stdin(Stdio::null()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// The least number of data segments that a backend panics on, tried one by one.
fn least(place: &Path) -> u64 {
    let panics = |count: u64| {
        let count = format!("count={count}");
        let arguments =
            ["repro", "data-segments-used", &count, "bytes=0", "mode=0", "-b", "riscv64"];
        run(&[&arguments[..], &["-q"]].concat(), place).0 == Some(2)
    };
    (1..100).find(|&count| panics(count)).unwrap()
}

/// A run with one finding: its folder.
fn finding(place: &Path) -> PathBuf {
    let sweep = ["sweep", "--shape", "data-segments-used", "--at", "min", "0.05%", "0.1%", "0.2%"];
    let (exit, out, err) = run(&[&sweep[..], &["-b", "riscv64", "x86_64"]].concat(), place);
    assert_eq!(exit, Some(2), "{out}{err}");
    let mut folders = fs::read_dir(place.join("brink.out/findings")).unwrap().flatten();
    let folder = folders.next().unwrap().path();
    assert!(folders.next().is_none(), "more than one finding");
    folder
}

#[test]
fn a_finding_shrinks_to_the_least_and_its_report_says_all_that_is_known() {
    let place = tempfile::tempdir().unwrap();
    let folder = finding(place.path());
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let draft = read("report.md");
    for part in ["## Expected", "## Actual", "## Sizes", "wasmtime compile --target", "on `x86_64`"]
    {
        assert!(draft.contains(part), "no {part} in\n{draft}");
    }
    let original = read("recipe.toml");
    let name = folder.display().to_string();
    let (exit, out, err) = run(&["shrink", &name], place.path());
    assert_eq!(exit, Some(2), "{out}{err}");
    assert!(err.contains("Seen in 3 of 3 runs"), "{err}");
    let smallest = Recipe::from_toml(&read("smallest.toml")).unwrap();
    assert_eq!(smallest.params["count"], least(place.path()), "{err}");
    assert_eq!(read("recipe.toml"), original, "the finding itself stays");
    let report = read("report.md");
    for part in ["Shrunk from", "brink repro data-segments-used", "The recipe:", "on `x86_64`"] {
        assert!(report.contains(part), "no {part} in\n{report}");
    }
    assert!(report.lines().count() < 120, "{report}");
    // Nothing of the finding is given up for it, and what is asked for by a wrong name is said.
    let own = folder.join("finding.toml").display().to_string();
    let (exit, _, err) = run(&["shrink", &name, "-o", &own], place.path());
    assert!(exit == Some(1) && err.contains("a part of the finding"), "{exit:?} {err}");
    let (exit, _, err) = run(&["shrink", &name, "--oracle", "crsh"], place.path());
    assert!(exit == Some(1) && err.contains("did you mean \"crash\"?"), "{exit:?} {err}");
    // The second time it goes on from there.
    let (exit, _, err) = run(&["shrink", &name], place.path());
    assert_eq!(exit, Some(2), "{err}");
    assert_eq!(Recipe::from_toml(&read("smallest.toml")).unwrap(), smallest);
}

#[test]
fn what_shows_nothing_is_refused_in_one_sentence_and_nothing_is_lost() {
    let place = tempfile::tempdir().unwrap();
    let folder = finding(place.path());
    let name = folder.display().to_string();
    let file = folder.join("finding.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("\"riscv64\"", "\"x86_64\"")).unwrap();
    let before = fs::read(folder.join("report.md")).unwrap();
    fs::write(place.path().join("kept.toml"), "mine").unwrap();
    let healthy = ["shrink", "repeat", "count=3", "-b", "x86_64"];
    let cases: [(Vec<&str>, &str); 5] = [
        (vec!["shrink", &name], "the finding does not reproduce"),
        (healthy.to_vec(), "nothing goes wrong"),
        (vec!["shrink", "missing.wasm"], "No such file"),
        ([&healthy[..], &["--known-issues", "kept.toml"]].concat(), "parse the known issues"),
        (
            vec![
                "shrink",
                "data-segments-used",
                "count=30",
                "-b",
                "riscv64",
                "-o",
                "no/such/folder/x",
            ],
            "keep the smallest case so far",
        ),
    ];
    for (arguments, expected) in cases {
        let (exit, out, err) = run(&arguments, place.path());
        assert_eq!(exit, Some(1), "{arguments:?}: {out}{err}");
        assert!(err.contains(expected) && !err.contains("panicked at src"), "{err}");
    }
    assert_eq!(fs::read(folder.join("report.md")).unwrap(), before);
    fs::write(place.path().join("smallest.toml"), "mine").unwrap();
    let again = ["shrink", "data-segments-used", "count=30", "-b", "riscv64"];
    let (exit, _, err) = run(&again, place.path());
    assert_eq!(exit, Some(1));
    assert!(err.contains("there is one here already"), "{err}");
    assert_eq!(fs::read_to_string(place.path().join("smallest.toml")).unwrap(), "mine");
}

#[test]
fn an_interrupted_shrink_of_a_module_leaves_its_best() {
    let place = tempfile::tempdir().unwrap();
    let made = ["gen", "data-segments-used", "count=3000", "-o", "m.wasm"];
    assert_eq!(run(&made, place.path()).0, Some(0));
    let mut child = brink(&["shrink", "m.wasm", "-b", "riscv64"])
        .current_dir(place.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    // The first is what is kept, then come the input and something smaller.
    let told: Vec<String> = lines.by_ref().take(3).map(Result::unwrap).collect();
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{told:?} {rest:?}");
    let size = |name: &str| fs::metadata(place.path().join(name)).unwrap().len();
    assert!(size("smallest.wasm") < size("m.wasm"), "{told:?} {rest:?}");
    let (exit, out, _) = run(&["repro", "smallest.wasm", "-b", "riscv64"], place.path());
    assert_eq!(exit, Some(2), "{out}");
}

#[test]
fn a_module_shrinks_to_a_few_lines() {
    let place = tempfile::tempdir().unwrap();
    let made = ["gen", "data-segments-used", "count=300", "bytes=50", "-o", "m.wasm"];
    assert_eq!(run(&made, place.path()).0, Some(0));
    let (exit, out, err) =
        run(&["shrink", "m.wasm", "-b", "riscv64", "--cases", "120"], place.path());
    assert_eq!(exit, Some(2), "{out}{err}");
    let size = |name: &str| fs::metadata(place.path().join(name)).unwrap().len();
    assert!(size("smallest.wasm") * 10 < size("m.wasm"), "{} {err}", size("smallest.wasm"));
    let (exit, _, _) = run(&["repro", "smallest.wasm", "-b", "riscv64"], place.path());
    assert_eq!(exit, Some(2));
}

#[test]
fn growth_is_kept_that_no_finding_tells_of() {
    let place = tempfile::tempdir().unwrap();
    let growing = ["shrink", "locals-loops", "locals=80", "loops=160", "-b", "x86_64"];
    // Memory is what it grows in, so a machine that is busy for once changes nothing.
    let limits = ["--cases", "40", "--time-limit", "60s"];
    let scaled = ["--growth", "locals,loops"];
    let (exit, _, err) = run(&[&growing[..], &limits, &scaled].concat(), place.path());
    assert_eq!(exit, Some(2), "{err}");
    assert!(err.contains("Keeping `growth cranelift regalloc"), "{err}");
    assert!(err.contains("Seen in 3 of 3 runs"), "{err}");
    let smallest = fs::read_to_string(place.path().join("smallest.toml")).unwrap();
    let smallest = Recipe::from_toml(&smallest).unwrap();
    assert!(smallest.params["locals"] * smallest.params["loops"] < 80 * 160, "{smallest}");

    let place = tempfile::tempdir().unwrap();
    let (exit, _, err) = run(&[&growing[..], &["--growth", "lokals"]].concat(), place.path());
    assert_eq!(exit, Some(1), "{err}");
    assert!(err.contains("did you mean \"locals\"?"), "{err}");
}
