//! `brink hunt` as a user has it.

use crate::brink;
use std::fs;
use std::path::Path;
use std::process::Output;

/// A short hunt that only counters guide; the shard keeps the beginning short.
fn hunt(place: &Path, arguments: &[&str]) -> Output {
    let output = place.display().to_string();
    let short = ["hunt", "-j", "1", "--total-memory", "3GiB", "--quiet", "--output", &output];
    brink(&[&short, arguments].concat()).output().unwrap()
}

/// What was tried, in order: case, recipe, backend.
fn tried(place: &Path) -> Vec<String> {
    let text = fs::read_to_string(place.join("events.jsonl")).unwrap();
    let events = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let ended = events.filter(|event| event["event"] == "job-ended");
    let cases = ended.filter(|event| event["line"].as_str().unwrap().split(' ').nth(2).is_some());
    cases.map(|e| format!("{} {} {}", e["line"], e["subject"], e["backend"])).collect()
}

#[test]
fn equal_seeds_try_equal_cases_and_a_hunt_can_be_resumed() {
    let place = tempfile::tempdir().unwrap();
    let (first, second) = (place.path().join("1"), place.path().join("2"));
    let arguments = ["--shard", "1/20", "--cases", "28", "--seed", "3"];
    for output in [&first, &second] {
        let code = hunt(output, &arguments).status.code();
        assert!(matches!(code, Some(0 | 2)), "{code:?}");
    }
    let tried_first = tried(&first);
    assert!(tried_first.len() > 15, "{tried_first:?}");
    assert_eq!(tried_first, tried(&second));
    assert!(tried_first.iter().any(|case| case.contains("track")), "{tried_first:?}");

    let other = place.path().join("3");
    hunt(&other, &["--shard", "1/20", "--cases", "28", "--seed", "4"]);
    assert_ne!(tried_first, tried(&other), "another seed tries others");

    let code = hunt(&first, &["--resume", "--cases", "34"]).status.code();
    assert!(matches!(code, Some(0 | 2)), "{code:?}");
    let resumed = tried(&first);
    assert!(resumed.len() > tried_first.len() && resumed.starts_with(&tried_first));
    assert!(first.join("cost-card.json").is_file() && first.join("cost-card.md").is_file());
}

#[test]
fn what_cannot_be_hunted_or_resumed_is_said_and_loses_nothing() {
    let place = tempfile::tempdir().unwrap();
    let run = place.path().join("run");
    let message = |output: Output| String::from_utf8(output.stderr).unwrap();
    for arguments in [["--shard", "3/2"], ["--cases", "0"], ["--time", "x"], ["--backend", "z80"]] {
        let output = hunt(&run, &arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(!run.exists(), "{arguments:?} left something");
    }
    let none = message(hunt(&run, &["--resume"]));
    assert!(none.contains("there is no run"), "{none}");

    hunt(&run, &["--shard", "1/40", "--cases", "3"]);
    let log = run.join("events.jsonl");
    let before = fs::read_to_string(&log).unwrap();
    fs::write(&log, format!("garbage\n{before}")).unwrap();
    let damaged = hunt(&run, &["--resume", "--cases", "4"]);
    assert_eq!(damaged.status.code(), Some(1));
    assert!(message(damaged).contains("event 1"), "the damaged line is named");
    assert_eq!(fs::read_to_string(&log).unwrap(), format!("garbage\n{before}"), "nothing is lost");

    fs::write(&log, &before).unwrap();
    fs::write(run.join("run.json"), "{\"brink\":\"0\"}").unwrap();
    let other = message(hunt(&run, &["--resume", "--cases", "4"]));
    assert!(other.contains("run.json") && other.contains("hunt"), "{other}");
}

#[test]
fn a_hunt_goes_on_with_what_is_left_of_its_time_and_no_other_command_takes_it_up() {
    let place = tempfile::tempdir().unwrap();
    let run = place.path().join("run");
    let message = |output: Output| String::from_utf8(output.stderr).unwrap();
    let code = hunt(&run, &["--shard", "1/40", "--time", "2s", "-b", "x86_64"]).status.code();
    assert!(matches!(code, Some(0 | 2 | 3)), "{code:?}");
    let before = tried(&run).len();
    let over = message(hunt(&run, &["--resume"]));
    assert!(over.contains("its time is over") && over.contains("--time"), "{over}");
    let code = hunt(&run, &["--resume", "--time", "2s"]).status.code();
    assert!(matches!(code, Some(0 | 2 | 3)), "{code:?}");
    assert!(tried(&run).len() > before, "it was given more time and did nothing with it");

    let path = run.display().to_string();
    let sweep = brink(&["sweep", "--resume", "--output", &path]).output().unwrap();
    assert_eq!(sweep.status.code(), Some(1));
    let said = message(sweep);
    assert!(said.contains(&format!("brink hunt --resume --output {path}")), "{said}");
}

#[test]
fn what_a_killed_hunt_had_seen_and_not_confirmed_is_run_again() {
    let place = tempfile::tempdir().unwrap();
    let run = place.path().join("run");
    // This part of the search begins with a shape that this backend panics on; new shapes come last.
    let arguments = ["--cases", "2", "-b", "riscv64", "--shard", "121/130"];
    let code = hunt(&run, &arguments).status.code();
    assert!(matches!(code, Some(2 | 3)), "nothing was found, so nothing is tested: {code:?}");
    let log = run.join("events.jsonl");
    let text = fs::read_to_string(&log).unwrap();
    let found = |text: &str| text.lines().filter(|line| line.contains("\"found\"")).count();
    let all = found(&text);
    // As if the kill had come before any finding was confirmed.
    let without: Vec<&str> = text.lines().filter(|line| !line.contains("\"found\"")).collect();
    fs::write(&log, without.join("\n") + "\n").unwrap();
    fs::remove_dir_all(run.join("findings")).unwrap();
    hunt(&run, &["--resume", "--cases", "2"]);
    assert_eq!(found(&fs::read_to_string(&log).unwrap()), all, "findings were lost");
}
