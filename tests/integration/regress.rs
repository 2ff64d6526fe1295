//! `brink regress` and `brink corpus add` as a person meets them.

use crate::brink;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Largest file that is committed, in bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024;

const RECIPE: &str = "version = 1\nshape = \"repeat\"\nunit = \"i32.add(load, const) -> store\"\n[params]\ncount = 1\n";

/// A recipe that panics on one backend, and what is expected of it.
const PANICS: &str =
    "version = 1\nshape = \"data-segments-used\"\n\n[params]\nbytes = 0\ncount = 60\nmode = 0\n";

fn run(arguments: &[&str], place: &Path) -> (Option<i32>, String, String) {
    let output = brink(arguments).current_dir(place).stdin(Stdio::null()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn expectations(backend: &str, verdict: &str) -> String {
    format!(
        "# Kept.\nversion = 1\ntitle = \"t\"\nsource = \"s\"\nbackends = [\"{backend}\"]\n\n\
         [[expect]]\nverdict = \"{verdict}\"\n"
    )
}

fn case(place: &Path, name: &str, recipe: &str, expect: &str) -> PathBuf {
    let folder = place.join("corpus/regressions").join(name);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("recipe.toml"), recipe).unwrap();
    fs::write(folder.join("expect.toml"), expect).unwrap();
    folder
}

#[test]
fn without_cases_it_says_where_they_are() {
    let place = tempfile::tempdir().unwrap();
    let (code, _, err) = run(&["regress"], place.path());
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("no folder corpus/regressions here"), "{err}");
}

#[test]
fn what_is_as_expected_ends_with_0_and_what_is_not_with_5_until_it_is_blessed() {
    let place = tempfile::tempdir().unwrap();
    case(place.path(), "quiet", RECIPE, &expectations("x86_64", "pass"));
    let (exit, out, err) = run(&["regress"], place.path());
    assert_eq!(exit, Some(0), "{out}{err}");
    assert!(out.contains("1 as expected, 0 differ"), "{out}");
    let folder = case(place.path(), "panics", PANICS, &expectations("riscv64", "pass"));
    let (exit, out, err) = run(&["regress"], place.path());
    assert_eq!(exit, Some(5), "{out}{err}");
    assert!(out.contains("expected pass, but crash: panicked"), "{out}");
    assert!(out.contains("crash, NOT pass"), "{out}");
    let again = out.lines().find_map(|line| line.trim().strip_prefix("brink ")).unwrap();
    let again: Vec<&str> = again.split(' ').collect();
    assert_eq!(run(&again, place.path()).0, Some(5), "{again:?}");
    let (exit, out, err) = run(&["regress", "quiet"], place.path());
    assert_eq!(exit, Some(0), "a case goes by its name: {out}{err}");
    assert!(out.contains("1 as expected, 0 differ"), "{out}");
    let (_, out, err) = run(&["regress", "--list", "--json"], place.path());
    let listed: Vec<serde_json::Value> = serde_json::from_str(&out).expect(&err);
    let count = |key: &str| listed.iter().filter(|row| row[key].is_string()).count();
    assert!(count("case") == 2 && count("limit test") >= 143, "{out}");
    let (exit, _, err) = run(&["regress", "quite"], place.path());
    assert!(exit == Some(1) && err.contains("find the case quite"), "{err}");
    let (exit, out, err) = run(&["regress", "--bless"], place.path());
    assert_eq!(exit, Some(0), "{out}{err}");
    assert!(out.contains("+ verdict = \"crash\""), "{out}");
    let text = fs::read_to_string(folder.join("expect.toml")).unwrap();
    assert!(text.starts_with("# Kept.\n") && text.contains("verdict = \"pass\""), "{text}");
    let (exit, out, err) = run(&["regress", "--json"], place.path());
    assert_eq!(exit, Some(0), "{out}{err}");
    let lines: Vec<serde_json::Value> =
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line["standing"] == "ok"), "{out}");
}

#[test]
fn an_expected_violation_that_is_gone_is_a_difference() {
    let place = tempfile::tempdir().unwrap();
    case(place.path(), "mended", RECIPE, &expectations("x86_64", "crash"));
    let (exit, out, err) = run(&["regress", "-q"], place.path());
    assert_eq!(exit, Some(5), "{out}{err}");
    assert!(out.contains("expected crash, but nothing is wrong"), "{out}");
}

#[test]
fn a_case_that_says_nothing_of_this_engine_is_named_and_no_success() {
    let place = tempfile::tempdir().unwrap();
    let old = expectations("x86_64", "pass").replace("verdict", "releases = [\"<40\"]\nverdict");
    case(place.path(), "silent", RECIPE, &old);
    let (exit, out, err) = run(&["regress"], place.path());
    assert_eq!(exit, Some(1), "{out}{err}");
    assert!(err.contains("silent") && err.contains("nothing is expected of"), "{err}");
    case(place.path(), "telling", RECIPE, &expectations("x86_64", "pass"));
    for quiet in [&["regress"][..], &["regress", "-q"], &["regress", "--json"]] {
        let (exit, out, err) = run(quiet, place.path());
        assert_eq!(exit, Some(1), "{out}{err}");
        assert!(err.contains("hold silent to anything: nothing is expected of"), "{err}");
        assert!(quiet.len() > 1 || out.contains("1 as expected"), "{out}");
    }
}

#[test]
fn a_size_of_a_ladder_that_crashes_is_no_riddle() {
    let place = tempfile::tempdir().unwrap();
    let recipe = PANICS.replace("count = 60", "count = 640");
    let expect = expectations("riscv64", "pass").replace("title", "scaled = [\"count\"]\ntitle");
    let folder = case(place.path(), "falls", &recipe, &expect);
    let (exit, out, err) = run(&["regress"], place.path());
    assert_eq!(exit, Some(5), "{out}{err}");
    assert!(out.contains("expected pass, but crash: panicked"), "{out}");
    let recipe = folder.join("recipe.toml").display().to_string();
    let (exit, out, err) =
        run(&["repro", &recipe, "-b", "riscv64", "--growth", "count"], place.path());
    assert_eq!(exit, Some(2), "{out}{err}");
    assert!(out.contains("panicked"), "{out}");
}

#[test]
fn a_run_that_learns_nothing_is_a_failure() {
    let place = tempfile::tempdir().unwrap();
    // It needs more memory than there is, so nothing can be said of its budget.
    let regressions = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/regressions");
    let recipe = fs::read_to_string(regressions.join("block-params-memory/recipe.toml")).unwrap();
    case(place.path(), "large", &recipe, &expectations("x86_64", "pass"));
    let (exit, out, err) = run(&["regress", "--total-memory", "64MiB"], place.path());
    assert_eq!(exit, Some(1), "{out}{err}");
    assert!(err.contains("all 1 checks are unclear"), "{err}");
}

#[test]
fn bad_folders_are_named_with_exit_code_1_and_the_others_run() {
    let place = tempfile::tempdir().unwrap();
    case(place.path(), "good", RECIPE, &expectations("x86_64", "pass"));
    let good = expectations("x86_64", "pass");
    case(place.path(), "newer", "version = 9\n", &good);
    case(place.path(), "malformed", RECIPE, "version = ");
    case(place.path(), "backend", RECIPE, &expectations("x68_64", "pass"));
    case(place.path(), "Good", RECIPE, &good);
    case(place.path(), "other", RECIPE, &good);
    let missing = case(place.path(), "missing", RECIPE, &good);
    fs::remove_file(missing.join("expect.toml")).unwrap();
    let (exit, out, err) = run(&["regress"], place.path());
    assert_eq!(exit, Some(1), "{out}{err}");
    assert!(out.contains("other") && out.contains("1 as expected"), "{out}");
    let cases = [
        ("newer/recipe.toml", "format version 9"),
        ("malformed/expect.toml", "parse"),
        ("backend/expect.toml", "did you mean \"x86_64\""),
        ("regressions/Good and ", "rename"),
        ("missing", "find expect.toml"),
    ];
    for (name, words) in cases {
        let said = |line: &str| line.contains(name) && line.contains(words);
        assert!(err.lines().any(said), "{name}: {err}");
    }
    assert!(!err.contains("panicked"), "{err}");
    let (exit, out, _) = run(&["regress", "--list"], place.path());
    assert_eq!((exit, out.contains("1 cases")), (Some(1), true), "{out}");
}

#[test]
fn arguments_that_mean_nothing_are_told_with_exit_code_1() {
    let place = tempfile::tempdir().unwrap();
    case(place.path(), "good", RECIPE, &expectations("x86_64", "pass"));
    let cases: [(&[&str], &str); 7] = [
        (&["regress", "nowhere"], "nowhere"),
        (&["regress", "-b", "x68_64"], "did you mean \"x86_64\""),
        (&["regress", "-b", "s390x"], "no case is about"),
        (&["regress", "-e", "nothing"], "nothing"),
        (&["regress", "--list", "--bless"], "--bless"),
        (&["corpus", "add", "missing.wasm"], "No such file"),
        (&["corpus", "add", "repeat", "--name", "A b"], "small letters"),
    ];
    for (arguments, words) in cases {
        let (exit, out, err) = run(arguments, place.path());
        assert_eq!(exit, Some(1), "{arguments:?}: {out}{err}");
        assert!(err.contains(words) && !err.contains("panicked"), "{arguments:?}: {err}");
    }
}

#[test]
fn a_case_is_added_small_and_only_once() {
    let place = tempfile::tempdir().unwrap();
    let corpus = place.path().join("corpus/regressions");
    fs::create_dir_all(&corpus).unwrap();
    let shape = ["data-segments-used", "count=500", "bytes=3", "-b", "riscv64", "-q"];
    let add = [&["corpus", "add"][..], &shape].concat();
    let (exit, out, err) = run(&add, place.path());
    assert_eq!(exit, Some(0), "{out}{err}");
    let folders: Vec<PathBuf> =
        fs::read_dir(&corpus).unwrap().map(|there| there.unwrap().path()).collect();
    let [folder] = &folders[..] else { panic!("{folders:?}") };
    let name = folder.file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("data-segments-used-crash"), "{name}");
    let recipe = fs::read_to_string(folder.join("recipe.toml")).unwrap();
    assert!(!recipe.contains("500"), "{recipe}");
    let (exit, out, err) = run(&["regress"], place.path());
    assert_eq!(exit, Some(0), "{out}{err}");
    // The same again, and another module with the same cause.
    for extra in [&[][..], &["--as-is", "--name", "other"]] {
        let (exit, out, err) = run(&[&add[..], extra].concat(), place.path());
        assert_eq!(exit, Some(1), "{out}{err}");
        assert!(err.contains(name), "{err}");
    }
    assert_eq!(fs::read_dir(&corpus).unwrap().count(), 1, "nothing is left behind");
    let insists = ["--as-is", "--name", "other", "--even-if-known"];
    let (exit, out, err) = run(&[&add[..], &insists].concat(), place.path());
    assert_eq!(exit, Some(0), "{out}{err}");
    // Nothing goes wrong with it.
    let healthy = ["corpus", "add", "repeat", "count=3", "-b", "x86_64"];
    let (exit, _, err) = run(&healthy, place.path());
    assert_eq!(exit, Some(1), "{err}");
    assert!(err.contains("nothing goes wrong"), "{err}");
}

#[test]
fn a_finding_about_growth_is_added_with_what_is_scaled() {
    let place = tempfile::tempdir().unwrap();
    let corpus = place.path().join("corpus/regressions");
    fs::create_dir_all(corpus.join("junk")).unwrap();
    fs::write(corpus.join("junk/expect.toml"), "junk").unwrap();
    let known = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/regressions");
    let finding = place.path().join("finding");
    fs::create_dir(&finding).unwrap();
    let recipe = known.join("locals-loops-growth/recipe.toml");
    fs::copy(recipe, finding.join("recipe.toml")).unwrap();
    let description = "signature = \"growth cranelift regalloc live memory function-locals\"\n\
        oracle = \"growth\"\nsummary = \"memory grows\"\nbackend = \"x86_64\"\n\
        scaled = [\"locals\", \"loops\"]\ntime_limit_s = 20\nmemory_limit_bytes = 4294967296\n";
    fs::write(finding.join("finding.toml"), description).unwrap();
    let add = ["corpus", "add", "finding", "--as-is", "--name", "grows", "-q"];
    let (exit, out, err) = run(&add, place.path());
    assert_eq!(exit, Some(0), "{out}{err}");
    let text = fs::read_to_string(corpus.join("grows/expect.toml")).unwrap();
    assert!(text.contains("scaled = [\"locals\", \"loops\"]"), "{text}");
    // It might have been about the same.
    assert!(err.contains("junk") && err.contains("is not known"), "{err}");
    let (_, out, err) = run(&["regress", "--list"], place.path());
    assert!(out.contains("grows") && out.contains("ladder"), "{out}{err}");
}

#[test]
fn another_bug_of_the_same_oracle_is_added() {
    let place = tempfile::tempdir().unwrap();
    // A case that says of no timeout in particular that it is its own.
    case(place.path(), "there", RECIPE, &expectations("x86_64:epochs", "timeout"));
    let regressions = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/regressions");
    // Nearly all of it is in one pass, whatever the speed of the machine.
    let recipe = regressions.join("nested-loops-with-epochs/recipe.toml").display().to_string();
    let options = ["-b", "x86_64:epochs", "--time-limit", "1s", "--as-is", "-q", "--name", "slow"];
    let add = [&["corpus", "add", &recipe][..], &options].concat();
    let (exit, out, err) = run(&add, place.path());
    assert_eq!(exit, Some(0), "{out}{err}");
    let text = place.path().join("corpus/regressions/slow/expect.toml");
    let text = fs::read_to_string(text).unwrap();
    assert!(text.contains("verdict = \"timeout\""), "{text}");
    // The name is taken, which is told before anything is tried.
    let (exit, _, err) = run(&add, place.path());
    assert!(exit == Some(1) && err.contains("it is there already"), "{err}");
}

#[test]
fn a_reader_that_goes_away_does_not_matter() {
    let place = tempfile::tempdir().unwrap();
    case(place.path(), "good", RECIPE, &expectations("x86_64", "pass"));
    let mut child = brink(&["regress"])
        .current_dir(place.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn ctrl_c_ends_it_with_130() {
    let place = tempfile::tempdir().unwrap();
    let quick = expectations("x86_64", "pass");
    case(place.path(), "quick", RECIPE, &quick);
    // Plain code at the limit of a body takes much longer than the quick one.
    let long = RECIPE.replace("count = 1", "count = 250000");
    let budget = "source = \"s\"\ntime-limit-s = 600";
    case(place.path(), "long", &long, &quick.replace("source = \"s\"", budget));
    let mut child = brink(&["regress", "-j", "2"])
        .current_dir(place.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().starts_with("ok"), "the quick one ends first");
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{rest:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("interrupted after 1 of 2"));
}

#[test]
fn nothing_large_is_committed() {
    fn walk(folder: &Path, large: &mut Vec<PathBuf>) {
        for there in fs::read_dir(folder).unwrap() {
            let path = there.unwrap().path();
            if path.is_dir() {
                walk(&path, large);
            } else if path.metadata().unwrap().len() > FILE_BYTES_MAX {
                large.push(path);
            }
        }
    }
    let mut large = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus"), &mut large);
    assert_eq!(large, Vec::<PathBuf>::new(), "modules are made again from recipes");
}
