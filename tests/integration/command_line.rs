//! The executable as a person or a script meets it: exit codes, bad input, kills, resumption.

use crate::{BRINK, brink};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

fn output(arguments: &[&str], place: &Path) -> Output {
    brink(arguments).current_dir(place).stdin(Stdio::null()).output().unwrap()
}

/// Runs the command and holds it to an exit code; returns standard output and error.
fn expect(code: i32, arguments: &[&str], place: &Path) -> (String, String) {
    let output = output(arguments, place);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{out}\n{err}");
    (out, err)
}

#[test]
fn bad_arguments_are_told_in_one_sentence_with_exit_code_1() {
    let place = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(place.path().join(name), bytes).unwrap();
    write("empty.wasm", b"");
    write("truncated.wasm", b"\0asm\x01\0\0\0\x01\xff");
    write("junk.wasm", b"junk");
    write("newer.toml", b"version = 99\nshape = \"repeat\"\n");
    let cases: &[(&[&str], &str)] = &[
        (&["sweep", "--shape", "repaet"], "did you mean \"repeat\""),
        (&["sweep", "--backend", "x68_64"], "did you mean \"x86_64\""),
        (&["sweep", "--backend", "x86_64:fule"], "did you mean \"fuel\""),
        (&["sweep", "--at", "near"], "proximity"),
        (&["sweep", "--unit", "i32.ad(load, load) -> store"], "i32.add"),
        (&["sweep", "--memory-limit", "4parsec"], "unit of size"),
        (&["sweep", "--resume"], "no run in it"),
        (&["sweep", "--nonsense"], "--nonsense"),
        (&["repro", "missing.wasm"], "No such file"),
        (&["repro", "empty.wasm"], "empty"),
        (&["repro", "junk.wasm"], "neither"),
        (&["repro", "newer.toml"], "version 99"),
        (&["repro", "repeat", "count=0"], "from 1"),
        (&["repro", "repeat", "cuont=1"], "did you mean \"count\""),
        (&["gen", "repeat", "-o", "no/such/folder/x.wasm"], "write no/such/folder/x.wasm"),
    ];
    for (arguments, expected) in cases {
        let (_, err) = expect(1, arguments, place.path());
        assert!(err.contains(expected), "{arguments:?}: {err}");
        assert!(!err.contains("panicked"), "{arguments:?}: {err}");
    }
}

#[test]
fn a_module_that_is_not_valid_is_refused_and_no_finding() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("types.wat"), "(module (func i32.add))").unwrap();
    let (out, _) = expect(0, &["repro", "types.wat", "-b", "x86_64"], place.path());
    assert!(out.contains("refused (invalid)"), "{out}");
}

#[test]
fn what_is_no_module_is_told_once_for_all_backends() {
    let place = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(place.path().join(name), bytes).unwrap();
    write("cut.wasm", b"\0asm\x01\0\0\0\x01\xff");
    write("component.wasm", b"\0asm\x0d\0\x01\0");
    for (name, expected) in [("cut.wasm", "unexpected end"), ("component.wasm", "is a component")] {
        let (out, err) = expect(1, &["repro", name], place.path());
        assert_eq!((out.as_str(), err.lines().count()), ("", 1), "{err}");
        assert!(err.contains(expected) && err.contains(name), "{err}");
    }
    // A parser refuses this too, and it is past a limit all the same.
    expect(0, &["gen", "catches", "--at", "at+1", "-o", "past.wasm"], place.path());
    let (out, _) = expect(0, &["repro", "past.wasm", "-b", "x86_64"], place.path());
    assert!(out.contains("refused"), "{out}");
}

#[test]
fn backends_that_were_named_and_cannot_be_asked_are_no_success() {
    let place = tempfile::tempdir().unwrap();
    let job = ["repro", "repeat", "count=3", "-b", "winch-x86_64:opt=none"];
    let (out, err) = expect(1, &job, place.path());
    assert!(out.contains("not applicable") && err.contains("does not take the knob opt"), "{err}");
    expect(0, &[&job[..], &["x86_64"]].concat(), place.path());
}

#[test]
fn huge_names_do_not_break_a_report() {
    let place = tempfile::tempdir().unwrap();
    let name = "n".repeat(100_000);
    let text = format!("(module (import \"{name}\" \"{name}\" (func)) (func unreachable))");
    fs::write(place.path().join("names.wat"), text).unwrap();
    let (out, _) = expect(0, &["repro", "names.wat", "-b", "x86_64", "--json"], place.path());
    assert!(out.contains("accepted"), "{}", &out[..out.len().min(500)]);
    let custom = ["custom-sections", "count=1", "bytes=10000000"];
    let mut arguments = vec!["repro", "-b", "x86_64", "--json"];
    arguments.splice(1..1, custom);
    let (out, _) = expect(0, &arguments, place.path());
    assert!(out.len() < 10_000 && out.contains("accepted"), "{} bytes", out.len());
}

#[test]
fn gen_writes_the_same_module_every_time_and_text_on_demand() {
    let place = tempfile::tempdir().unwrap();
    expect(0, &["gen", "repeat", "count=5", "-o", "a.wasm"], place.path());
    expect(0, &["gen", "repeat", "count=5", "-o", "recipe.toml"], place.path());
    expect(0, &["gen", "recipe.toml", "-o", "b.wasm"], place.path());
    let read = |name: &str| fs::read(place.path().join(name)).unwrap();
    assert_eq!(read("a.wasm"), read("b.wasm"));
    let (out, _) = expect(0, &["gen", "recipe.toml", "--wat"], place.path());
    assert!(out.starts_with("(module"), "{out}");
    let (same, _) = expect(0, &["gen", "recipe.toml", "--wat", "-o", "-"], place.path());
    assert_eq!((same, place.path().join("-").exists()), (out, false));
}

#[test]
fn lists_are_complete_and_a_closed_pipe_is_no_error() {
    let place = tempfile::tempdir().unwrap();
    for what in ["shapes", "backends", "limits", "ops", "oracles"] {
        let (out, _) = expect(0, &["list", what, "--json"], place.path());
        let rows: Vec<serde_json::Value> = serde_json::from_str(&out).unwrap();
        assert!(rows.len() >= 8, "{what} has {} rows", rows.len());
    }
    let list = |what: &str| -> Vec<serde_json::Value> {
        let (out, _) = expect(0, &["list", what, "--json"], place.path());
        serde_json::from_str(&out).unwrap()
    };
    // Programs get numbers and arrays, not the text of a table.
    let shapes = list("shapes");
    assert_eq!(shapes.len(), wasm_brink::shapes::SHAPES.len());
    for shape in &shapes {
        let all = shape["parameters"].as_array().unwrap();
        assert!(all.len() >= 2 && all.iter().all(|it| it["max"].is_u64()), "{shape}");
    }
    let ops = list("ops");
    assert_eq!(ops.len(), 627);
    assert!(ops.iter().all(|op| op["operator"].is_string() != op["excuse"].is_string()));
    assert!(ops.iter().any(|op| op["traps"] == true), "no operator traps");
    let (out, _) = expect(0, &["list", "ops"], place.path());
    assert!(out.contains("627 operators known to wasmparser"), "{}", &out[out.len() - 300..]);
    let mut child = brink(&["list", "ops"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_sweep_keeps_events_and_can_be_killed_and_resumed() {
    let place = tempfile::tempdir().unwrap();
    let arguments = ["sweep", "--shape", "repeat", "consts", "--at", "min", "0.05%", "0.1%"];
    let arguments = [&arguments[..], &["-b", "x86_64", "s390x", "-j", "1"]].concat();
    let mut child = brink(&arguments)
        .arg("--json")
        .current_dir(place.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ended = lines.by_ref().map_while(Result::ok).find(|line| line.contains("\"job-ended\""));
    assert!(ended.is_some(), "no job ended");
    child.kill().unwrap();
    child.wait().unwrap();
    no_worker_is_left(child.id());
    let count = |path: &str| {
        let text = fs::read_to_string(place.path().join(path)).unwrap();
        text.lines().filter(|line| line.contains("\"job-ended\"")).count()
    };
    let before = count("brink.out/events.jsonl");
    assert!(before >= 1);
    // The options are those that the run was started with.
    let resumed = ["sweep", "--resume", "--quiet"];
    expect(0, &resumed, place.path());
    let all = count("brink.out/events.jsonl");
    assert_eq!(all, 12, "two shapes, three proximities, two backends");
    // Once more: nothing is left to do.
    expect(0, &resumed, place.path());
    let (_, err) = expect(1, &["sweep", "--resume", "--seed", "3"], place.path());
    assert!(err.contains("cannot be used with"), "{err}");
    assert_eq!(count("brink.out/events.jsonl"), all);
    let cells: std::collections::BTreeSet<String> =
        fs::read_to_string(place.path().join("brink.out/events.jsonl"))
            .unwrap()
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .filter(|event| event["event"] == "job-ended")
            .map(|event| format!("{} {} {}", event["line"], event["at"], event["backend"]))
            .collect();
    assert_eq!(cells.len(), all, "no cell was run twice");
}

#[test]
fn ctrl_c_ends_a_sweep_cleanly() {
    let place = tempfile::tempdir().unwrap();
    let mut child = Command::new(BRINK)
        .args(["sweep", "--shape", "repeat", "--at", "10%", "-b", "x86_64", "aarch64", "--json"])
        .current_dir(place.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.by_ref().map_while(Result::ok).any(|line| line.contains("\"run-started\"")));
    std::thread::sleep(Duration::from_millis(300));
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    let started = Instant::now();
    let last = lines.map_while(Result::ok).last().unwrap_or_default();
    let code = child.wait().unwrap().code();
    assert!(started.elapsed() < Duration::from_secs(15), "it did not end");
    assert_eq!(code, Some(130));
    assert!(last.contains("\"run-ended\"") && last.contains("\"complete\":false"), "{last}");
    no_worker_is_left(child.id());
}

#[test]
fn a_locked_or_unwritable_run_directory_is_named() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("file"), b"x").unwrap();
    let sweep = ["sweep", "--shape", "consts", "--at", "min", "-b", "x86_64", "--quiet", "-o"];
    let (_, err) = expect(1, &[&sweep[..], &["file"]].concat(), place.path());
    assert!(err.contains("directory file: Not a directory"), "{err}");
    let (_, err) = expect(1, &[&sweep[..], &["/proc/nowhere"]].concat(), place.path());
    assert!(err.contains("/proc/nowhere"), "{err}");
    expect(0, &[&sweep[..], &["out"]].concat(), place.path());
    let lock = fs::File::open(place.path().join("out/lock")).unwrap();
    lock.lock().unwrap();
    let (_, err) = expect(1, &[&sweep[..], &["out"]].concat(), place.path());
    assert!(err.contains("another run"), "{err}");
}

#[test]
fn a_full_disk_stops_the_run_with_a_sentence() {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("disk")).unwrap();
    let on_small_disk = |command: &str| {
        let script = format!("mount -t tmpfs -o size=64k none disk && {command}");
        let mut shell = Command::new("unshare");
        shell.args(["-rm", "sh", "-c", &script]).current_dir(place.path());
        shell.stdin(Stdio::null()).output()
    };
    // Making a small disk takes a namespace, which not every machine grants.
    if !on_small_disk("true").is_ok_and(|output| output.status.success()) {
        println!("not tested: this machine grants no namespace with a small disk");
        return;
    }
    let sweep = "sweep --shape repeat --each-operator --at min -b x86_64 --quiet -o disk/out";
    let output = on_small_disk(&format!("{BRINK} {sweep}")).unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("No space left") && err.contains("disk/out"), "{err}");
}

#[test]
fn the_smallest_module_violates_nothing_on_any_backend() {
    let place = tempfile::tempdir().unwrap();
    fs::write(place.path().join("m.wat"), "(module (func (export \"f\")))").unwrap();
    let (out, _) = expect(0, &["repro", "m.wat", "-b", "full"], place.path());
    assert!(out.lines().count() > 80, "{out}");
    assert!(!out.contains("violation"), "{out}");
    // And what uses a proposal is refused by backends that lack it without a word of blame.
    let simd = "(module (func (param v128) (result v128) local.get 0))";
    fs::write(place.path().join("simd.wat"), simd).unwrap();
    expect(0, &["repro", "simd.wat"], place.path());
}

#[test]
fn a_module_past_a_limit_that_only_some_sources_have_is_no_finding() {
    let place = tempfile::tempdir().unwrap();
    expect(0, &["gen", "br-table", "--at", "at+1", "-o", "br.wasm"], place.path());
    expect(0, &["repro", "br.wasm", "-b", "x86_64"], place.path());
}

#[test]
fn memory_that_the_session_refuses_is_no_finding() {
    let place = tempfile::tempdir().unwrap();
    let command = format!("ulimit -v 400000; exec {BRINK} repro repeat count=60000 -b x86_64 -j 1");
    let output = Command::new("sh").args(["-c", &command]).current_dir(place.path()).output();
    let output = output.unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("ulimit"), "{err}");
}

#[test]
fn jobs_stay_within_the_memory_of_all_together() {
    let place = tempfile::tempdir().unwrap();
    // More than a seat's share: it runs once more with everything set aside, and fits.
    let job = ["repro", "repeat", "count=40000", "-b", "x86_64", "--memory-limit", "1GiB"];
    let (out, _) = expect(0, &[&job[..], &["--total-memory", "300MiB"]].concat(), place.path());
    assert!(out.contains("accepted"), "{out}");
    // More than everything: that is the machine's shortage and no finding.
    let (_, err) = expect(1, &[&job[..], &["--total-memory", "60MiB"]].concat(), place.path());
    assert!(err.contains("--total-memory"), "{err}");
}

#[test]
fn a_folder_that_is_no_run_is_left_alone() {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("project")).unwrap();
    fs::write(place.path().join("project/main.c"), b"x").unwrap();
    let sweep = ["sweep", "--shape", "consts", "--at", "min", "-b", "x86_64", "-o", "project/"];
    let (_, err) = expect(1, &sweep, place.path());
    assert!(err.contains("something else than a run"), "{err}");
    assert_eq!(fs::read(place.path().join("project/main.c")).unwrap(), b"x");
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
}

/// No worker of the process `parent` is running any more.
fn no_worker_is_left(parent: u32) {
    let children = || -> Vec<PathBuf> {
        let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
        processes
            .filter(|path| {
                let stat = fs::read_to_string(path.join("stat")).unwrap_or_default();
                let rest = stat.rsplit_once(')').map(|(_, rest)| rest.to_owned());
                let field =
                    |n| rest.as_ref().and_then(|r| r.split_whitespace().nth(n).map(str::to_owned));
                // Its session or group would be the parent's own; a dead process does not count.
                field(1) == Some(parent.to_string()) && field(0).as_deref() != Some("Z")
            })
            .collect()
    };
    let deadline = Instant::now() + Duration::from_secs(5);
    while !children().is_empty() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(children(), Vec::<PathBuf>::new());
}
