//! `brink campaign` and `brink merge` as a user has them: kills, restarts, bad input.

use crate::{BRINK, brink};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// A campaign of short rounds that begins with a recipe which a compiler panics on.
fn campaign(output: &Path, arguments: &[&str]) -> Command {
    let corpus = output.with_extension("corpus");
    fs::create_dir_all(&corpus).unwrap();
    let panics = "version = 1\nshape = \"data-segments-used\"\n[params]\ncount = 100\n";
    fs::write(corpus.join("panics.toml"), panics).unwrap();
    let mut command = Command::new(BRINK);
    command.args(["campaign", "-b", "riscv64", "--total-memory", "2GiB", "--round", "4s"]);
    command.args(["--quiet", "--output"]).arg(output).arg("--corpus").arg(corpus);
    // No folder of the tests, in which there are regressions.
    command.current_dir(output.parent().unwrap());
    command.args(arguments).stdin(Stdio::null()).stderr(Stdio::piped()).stdout(Stdio::piped());
    command
}

fn events(place: &Path) -> Vec<Value> {
    let text = fs::read_to_string(place.join("events.jsonl")).unwrap_or_default();
    // A last line without an end was cut short by a kill.
    let whole = text.rfind('\n').map_or("", |at| &text[..at]);
    whole.lines().map(|line| serde_json::from_str(line).expect("every line is whole")).collect()
}

/// The signatures of findings in the log, each as often as it is there.
fn found(place: &Path) -> Vec<String> {
    let found = events(place).into_iter().filter(|event| event["event"] == "found");
    found.map(|event| event["finding"]["signature"].as_str().unwrap().to_owned()).collect()
}

/// The signatures that jobs of the round under way had.
fn seen_in_round(place: &Path) -> BTreeSet<String> {
    let jobs = events(&place.join("round"));
    let of = |event: &Value| event["violations"].as_array().cloned().unwrap_or_default();
    let all = jobs.iter().flat_map(of);
    all.filter_map(|signature| signature.as_str().map(str::to_owned)).collect()
}

fn status(place: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(place.join("status.json")).unwrap()).unwrap()
}

/// Processes of a session.
fn processes_of(session: u32) -> Vec<PathBuf> {
    let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let is_of = |path: &PathBuf| {
        let stat = fs::read_to_string(path.join("stat")).unwrap_or_default();
        let rest = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let fields: Vec<&str> = rest.split_whitespace().collect();
        fields.get(3).is_some_and(|of| *of == session.to_string()) && fields.first() != Some(&"Z")
    };
    processes.filter(is_of).collect()
}

/// Starts it in a session of its own, so that whatever it starts can be told: `setsid` becomes it,
/// and keeps its number.
fn start(command: &Command) -> Child {
    let mut session = Command::new("setsid");
    session.arg(command.get_program()).args(command.get_args());
    session.current_dir(command.get_current_dir().unwrap());
    session.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Kills a campaign hard: alone or with all that it has started; then nothing of it may be left.
fn kill(child: &mut Child, whole: bool) {
    let id = child.id();
    let target = if whole { format!("-{id}") } else { id.to_string() };
    Command::new("kill").args(["-KILL", "--", &target]).status().unwrap();
    child.wait().unwrap();
    let deadline = Instant::now() + Duration::from_secs(5);
    while !processes_of(id).is_empty() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(processes_of(id), Vec::<PathBuf>::new(), "children outlived a kill");
}

/// Kills a campaign so often at moments drawn from a seed, and goes on with it each time.
fn survives(kills: u32) {
    let place = tempfile::tempdir().unwrap();
    let run = place.path().join("run");
    let mut known: BTreeSet<String> = BTreeSet::new();
    let mut pending: BTreeSet<String> = BTreeSet::new();
    let mut spent_s = 0;
    let mut draw = 0x9e37_79b9_u64;
    for number in 0..kills {
        draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut child = start(&campaign(&run, &[]));
        std::thread::sleep(Duration::from_millis(1_500 + (draw >> 33) % 6_000));
        kill(&mut child, number % 2 == 0);
        let now = found(&run);
        let each: BTreeSet<String> = now.iter().cloned().collect();
        assert_eq!(now.len(), each.len(), "a finding was told twice");
        assert!(each.is_superset(&known), "a finding was lost: {known:?} became {each:?}");
        for signature in &each {
            assert!(folder_of(&run, signature).is_some(), "{signature} has no folder");
        }
        known = each;
        pending.extend(seen_in_round(&run));
        read_all(&run);
        // None where the first kill came before the first round.
        if run.join("status.json").exists() {
            let now = status(&run)["spent_s"].as_u64().unwrap();
            assert!(now >= spent_s, "the time spent went from {spent_s} to {now} s");
            spent_s = now;
        }
    }
    // On a busy machine little is found in ten seconds.
    let mut time_s = spent_s;
    while time_s == spent_s || (found(&run).is_empty() && time_s < spent_s + 90) {
        time_s += 10;
        let output = campaign(&run, &["--time", &format!("{time_s}s")]).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(matches!(output.status.code(), Some(0 | 2 | 3)), "{:?} {err}", output.status);
    }
    let last: BTreeSet<String> = found(&run).into_iter().collect();
    assert!(last.is_superset(&known), "{known:?} became {last:?}");
    // What was seen and not yet confirmed is not lost either. Costs may not stand when they are run
    // again; a panic does.
    let panics = pending.iter().filter(|signature| signature.starts_with("crash"));
    let lost: Vec<&String> = panics.filter(|signature| !last.contains(*signature)).collect();
    assert!(lost.is_empty(), "seen before a kill and never told: {lost:?}");
    assert!(!last.is_empty(), "nothing was found at all");
    assert_eq!(status(&run)["state"], "complete");
    assert!(status(&run)["spent_s"].as_u64().unwrap() >= spent_s);
    assert_eq!(status(&run)["findings"], last.len());
    let leftovers = read_all(&run);
    assert!(leftovers.is_empty(), "{leftovers:?}");
}

/// Reads what programs read in a run, and in all within it, which is whole at any moment; what was
/// being written has a temporary name, and is handed over.
fn read_all(place: &Path) -> Vec<PathBuf> {
    let mut leftovers = Vec::new();
    // There is nothing yet where a kill comes early.
    for path in fs::read_dir(place).into_iter().flatten().flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = || fs::read_to_string(&path).unwrap();
        if name.starts_with(".tmp-") || name.starts_with(".new-") {
            leftovers.push(path);
        } else if path.is_dir() {
            leftovers.extend(read_all(&path));
        } else if name.ends_with(".toml") {
            toml::from_str::<toml::Table>(&text()).unwrap_or_else(|e| panic!("{path:?}: {e}"));
        } else if name.ends_with(".json") {
            serde_json::from_str::<Value>(&text()).unwrap_or_else(|e| panic!("{path:?}: {e}"));
        }
    }
    leftovers
}

/// The folder of a finding with that signature.
fn folder_of(run: &Path, signature: &str) -> Option<PathBuf> {
    let folders = ["findings", "private"].map(|name| fs::read_dir(run.join(name)));
    let mut all = folders.into_iter().flatten().flatten().flatten().map(|entry| entry.path());
    let line = format!("signature = \"{signature}\"");
    all.find(|folder| {
        fs::read_to_string(folder.join("finding.toml")).is_ok_and(|text| text.contains(&line))
    })
}

#[test]
fn a_campaign_that_is_killed_twice_goes_on_and_loses_nothing() {
    survives(2);
}

#[test]
fn a_round_is_gone_on_with_although_the_one_before_it_had_nothing_to_do() {
    let place = tempfile::tempdir().unwrap();
    let run = place.path().join("run");
    let go_on = |time: u64| {
        let output = campaign(&run, &["--time", &format!("{time}s")]).output().unwrap();
        assert!(matches!(output.status.code(), Some(0 | 2 | 3)), "{output:?}");
    };
    let ended = || -> Vec<u64> {
        let ended = events(&run).into_iter().filter(|event| event["event"] == "round-ended");
        ended.map(|event| event["round"].as_u64().unwrap()).collect()
    };
    go_on(2);
    let before = ended();
    // As a kill in round 40 leaves it, where all since the last that ended had nothing to do.
    let file = run.join("round/run.json");
    let mut round: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    round["round"] = 40.into();
    round["step"] = "hunt".into();
    let spent = events(&run.join("round")).last().map_or(0, |event| event["ms"].as_u64().unwrap());
    round["time_s"] = (spent / 1_000 + 2).into();
    fs::write(&file, round.to_string()).unwrap();
    go_on(status(&run)["spent_s"].as_u64().unwrap() + 3);
    let after = ended();
    assert_eq!(after.get(before.len()), Some(&40), "{before:?} became {after:?}");
}

#[test]
#[ignore = "slow: ten kills of a campaign take two minutes"]
fn a_campaign_survives_ten_hard_kills_at_random_moments() {
    survives(10);
}

#[test]
fn a_campaign_reports_bad_recipes_and_is_not_begun_twice_in_different_ways() {
    let place = tempfile::tempdir().unwrap();
    let run = place.path().join("run");
    let corpus = place.path().join("corpus");
    fs::create_dir(&corpus).unwrap();
    let good = "version = 1\nshape = \"locals\"\n[params]\nlocals = 7\n";
    fs::write(corpus.join("newer.toml"), "version = 99\nshape = \"repeat\"\n").unwrap();
    fs::write(corpus.join("junk.toml"), b"\xff\xfe").unwrap();
    fs::write(corpus.join("huge.toml"), "# ".repeat(50 << 20)).unwrap();
    fs::write(corpus.join("nobody.toml"), good.replace("locals", "lokals")).unwrap();
    fs::write(corpus.join("notes.txt"), "none").unwrap();
    fs::create_dir_all(corpus.join("within/deep")).unwrap();
    fs::write(corpus.join("within/deep/low.toml"), "low").unwrap();
    // As a fuzzer keeps them, without the end of a name.
    fs::create_dir(place.path().join("seed")).unwrap();
    fs::write(place.path().join("seed/good.toml"), good).unwrap();
    let export = ["corpus", "export", "seed", "-o", "corpus/within"];
    assert!(brink(&export).current_dir(place.path()).output().unwrap().status.success());
    let shape = brink(&["gen", "repeat", "count=9", "-o", "good.toml"])
        .current_dir(&corpus)
        .output()
        .unwrap();
    assert!(shape.status.success());
    let text = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    let loud = |arguments: &[&str]| {
        let begin = ["campaign", "-b", "x86_64", "--round", "2s", "--shard", "1/8", "-o"];
        let mut command = brink(&begin);
        command.current_dir(place.path()).arg(&run).args(arguments);
        command.stdin(Stdio::null()).output().unwrap()
    };
    // A shard takes its part only, so that the recipe may or may not be in it.
    let output = loud(&["--time", "5s", "--corpus", &corpus.display().to_string()]);
    let err = text(&output);
    assert!(matches!(output.status.code(), Some(0 | 2 | 3)), "{err}");
    for name in ["newer.toml", "junk.toml", "huge.toml", "nobody.toml", "notes.txt", "low.toml"] {
        assert!(err.contains(name), "{name} was not reported: {err}");
    }
    assert!(!err.contains("good.toml"), "{err}");
    let exported = fs::read_dir(corpus.join("within")).unwrap().flatten().map(|it| it.path());
    let exported = exported.filter(|path| path.is_file()).collect::<Vec<_>>();
    let [fuzzed] = &exported[..] else { panic!("{exported:?}") };
    let fuzzed = fuzzed.file_name().unwrap().to_str().unwrap();
    assert!(!err.contains(fuzzed), "{err}");
    assert!(err.contains("round 0: hunt") && err.contains("round 0 ended"), "{err}");
    let status = status(&run);
    assert!(status["jobs"].as_u64().unwrap() > 0 && status["rounds"].as_u64().unwrap() >= 1);

    for (option, value) in [
        ("--seed", "5"),
        ("--time-limit", "9s"),
        ("--memory-limit", "1GiB"),
        ("--backend", "s390x"),
    ] {
        let mut other = brink(&["campaign", option, value, "--time", "9s", "-o"]);
        let other = other.arg(&run).stdin(Stdio::null()).output().unwrap();
        assert_eq!(other.status.code(), Some(1));
        assert!(text(&other).contains(&format!("another {option};")), "{}", text(&other));
    }
    // All of a corpus that is one shard's is there.
    let whole = place.path().join("whole");
    let begin = ["campaign", "-b", "x86_64", "--round", "1s", "--time", "1s", "-q", "--corpus"];
    let mut begun = brink(&begin);
    begun.arg("corpus/within").arg("-o").arg(&whole).current_dir(place.path());
    assert!(matches!(begun.output().unwrap().status.code(), Some(0 | 2 | 3)));
    assert!(whole.join(format!("corpus/{fuzzed}.toml")).exists(), "{fuzzed} is not taken in");
    let hunt = brink(&["hunt", "--resume", "--output"]).arg(&run).output().unwrap();
    assert_eq!(hunt.status.code(), Some(1));
    assert!(text(&hunt).contains("brink campaign --output"), "{}", text(&hunt));
    let missing = loud(&["--corpus", "/nowhere"]);
    assert!(missing.status.code() == Some(1) && text(&missing).contains("/nowhere"));
}

#[test]
fn a_regression_that_differs_is_told_and_kept() {
    let place = tempfile::tempdir().unwrap();
    let run = place.path().join("run");
    // What a campaign tells until it has told something; then it is stopped.
    let told_until = |words: &str| {
        let time = format!("{}s", seconds(&run) + 120);
        let options = ["campaign", "-b", "x86_64", "--round", "1s", "--time-limit", "2s"];
        let mut command = brink(&options);
        command.args(["--time", &time, "--output"]).arg(&run).current_dir(place.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut told = String::new();
        for line in lines.map(Result::unwrap) {
            told = told + &line + "\n";
            if line.contains(words) {
                let id = child.id().to_string();
                assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
            }
        }
        assert!(child.wait().unwrap().code().is_some());
        assert!(told.contains(words), "{told}");
        told
    };
    told_until("no regressions are run");
    let corpus = place.path().join("corpus/regressions");
    for (name, verdict) in [("good", "pass"), ("mended", "crash"), ("bad", "crush")] {
        let folder = corpus.join(name);
        fs::create_dir_all(&folder).unwrap();
        let recipe = "version = 1\nshape = \"locals\"\n[params]\nlocals = 7\n";
        fs::write(folder.join("recipe.toml"), recipe).unwrap();
        let expect = "version = 1\ntitle = \"t\"\nsource = \"s\"\nbackends = [\"x86_64\"]\n";
        let expect = format!("{expect}[[expect]]\nverdict = \"{verdict}\"\n");
        fs::write(folder.join("expect.toml"), expect).unwrap();
    }
    let words = "mended on x86_64: expected crash, but nothing is wrong";
    let told = told_until(words);
    assert!(told.contains(": regress") && told.contains("\"crush\""), "{told}");
    assert!(!told.contains("good on"), "{told}");
    let differed = |run: &Path| -> Vec<Value> {
        let all = events(run).into_iter().filter(|event| event["event"] == "differed");
        all.map(|event| event["difference"]["case"].clone()).collect()
    };
    assert_eq!(differed(&run), ["mended"]);
    assert_eq!(status(&run)["regressions"], 1);
    // It is told once, however often it is seen, and whoever puts campaigns together hears of it.
    let again = ["merge", "run", "run", "-o", "all"];
    let merged = brink(&again).current_dir(place.path()).output().unwrap();
    assert!(matches!(merged.status.code(), Some(2 | 5)), "{merged:?}");
    let out = String::from_utf8_lossy(&merged.stdout);
    assert!(out.contains("1 case differs") && out.contains("brink regress mended"), "{out}");
    assert_eq!(differed(&place.path().join("all")), ["mended"]);
    assert_eq!(status(&place.path().join("all"))["regressions"], 1);
    fs::remove_dir_all(corpus.join("bad")).unwrap();
    let expect = corpus.join("good/expect.toml");
    let text = fs::read_to_string(&expect).unwrap().replace("\"pass\"", "\"crash\"");
    fs::write(&expect, text).unwrap();
    let told = told_until("good on x86_64: expected crash");
    assert!(!told.contains(words), "{told}");
    assert_eq!(status(&run)["regressions"], 2);
}

/// Time that a campaign has taken so far.
fn seconds(run: &Path) -> u64 {
    events(run).iter().filter_map(|event| event["ms"].as_u64()).max().unwrap_or(0) / 1_000
}

#[test]
fn a_directory_that_vanishes_stops_the_campaign_with_a_sentence() {
    let place = tempfile::tempdir().unwrap();
    let run = place.path().join("run");
    let child = campaign(&run, &[]).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    while !run.join("round/events.jsonl").exists() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(50));
    }
    // It may be writing meanwhile.
    while fs::remove_dir_all(&run).is_err() && run.exists() {}
    let output = child.wait_with_output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("run") && !err.contains("panicked"), "{err}");
}

#[test]
fn what_several_directories_hold_is_merged_and_what_is_none_is_named() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    for name in ["1", "2"] {
        let run = at(name);
        let output = campaign(&run, &["--time", "4s", "--seed", name]).output();
        assert!(matches!(output.unwrap().status.code(), Some(0 | 2 | 3)));
    }
    fs::create_dir(at("foreign")).unwrap();
    fs::write(at("foreign/main.c"), "int main;").unwrap();
    fs::create_dir(at("corrupt")).unwrap();
    fs::copy(at("1/run.json"), at("corrupt/run.json")).unwrap();
    fs::write(at("corrupt/events.jsonl"), "garbage\n").unwrap();
    fs::create_dir_all(at("2/corpus")).unwrap();
    fs::write(at("2/corpus/bad.toml"), "version = 99\nshape = \"repeat\"\n").unwrap();
    let merge = |arguments: &[&str]| {
        brink(&["merge"]).args(arguments).current_dir(place.path()).output().unwrap()
    };
    let output = merge(&["1", "2", "1", "foreign", "corrupt", "gone", "-o", "all"]);
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{err}");
    for name in ["foreign", "corrupt", "gone", "bad.toml"] {
        assert!(err.contains(name), "{name} is not named: {err}");
    }
    let (one, two) = (found(&at("1")), found(&at("2")));
    let both: BTreeSet<String> = one.iter().chain(&two).cloned().collect();
    let merged = found(&at("all"));
    assert_eq!(merged.iter().cloned().collect::<BTreeSet<_>>(), both);
    assert_eq!(merged.len(), both.len(), "each signature once");
    assert!(!both.is_empty(), "the campaigns found nothing, so nothing was tested");
    for signature in &both {
        assert!(folder_of(&at("all"), signature).is_some(), "{signature} has no folder");
        let least = |run: &Path| {
            let of = |event: &&Value| event["finding"]["signature"] == **signature;
            let found = events(run);
            let bytes = found.iter().filter(of).map(|event| {
                event["finding"]["outcome"]["measurements"]["module_bytes"].as_u64().unwrap()
            });
            bytes.min().unwrap_or(u64::MAX)
        };
        assert_eq!(least(&at("all")), least(&at("1")).min(least(&at("2"))), "the smallest stays");
    }
    let jobs = |run: &str| status(&at(run))["jobs"].as_u64().unwrap();
    assert_eq!(jobs("all"), jobs("1") + jobs("2"));
    // What was merged can be merged again, and into none of its sources.
    let again = merge(&["all", "1", "-o", "again"]);
    assert!(matches!(again.status.code(), Some(0 | 2 | 3)), "{again:?}");
    assert_eq!(found(&at("again")).len(), both.len());
    let into = merge(&["all", "-o", "all"]);
    assert_eq!(into.status.code(), Some(1));
    assert!(at("all/status.json").exists(), "a source is left as it was");
    for kept in ["again.1", "again.2", "again.3"] {
        fs::rename(at("1"), at(kept)).unwrap();
        let moved = merge(&[kept, "2", "-o", "again"]);
        assert_eq!(moved.status.code(), Some(1), "{moved:?}");
        fs::rename(at(kept), at("1")).expect("a source is left where it was");
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for there in fs::read_dir(from).unwrap().flatten() {
        let (path, copy) = (there.path(), to.join(there.file_name()));
        if path.is_dir() {
            copy_folder(&path, &copy);
        } else {
            fs::copy(path, copy).unwrap();
        }
    }
}

#[test]
fn of_a_damaged_copy_and_a_good_one_the_good_one_is_merged_and_the_other_is_named() {
    let place = tempfile::tempdir().unwrap();
    let at = |name: &str| place.path().join(name);
    let output = campaign(&at("good"), &["--time", "4s"]).output().unwrap();
    assert!(matches!(output.status.code(), Some(2 | 3)), "{output:?}");
    let all = found(&at("good"));
    let merge = |sources: &[&str]| {
        let output =
            brink(&["merge", "-o", "all"]).args(sources).current_dir(place.path()).output();
        let output = output.unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, err) = merge(&["good"]);
    assert!(matches!(code, Some(2 | 3)), "{err}");
    let recipes: Vec<String> = all
        .iter()
        .map(|signature| folder_of(&at("good"), signature).unwrap())
        .map(|folder| fs::read_to_string(folder.join("recipe.toml")).unwrap())
        .collect();
    let other = "version = 1\nshape = \"locals\"\n[params]\nlocals = 7\n";
    for (file, junk) in [("finding.toml", "junk"), ("recipe.toml", "junk"), ("recipe.toml", other)]
    {
        let _ = fs::remove_dir_all(at("bad"));
        copy_folder(&at("good"), &at("bad"));
        for signature in &all {
            fs::write(folder_of(&at("bad"), signature).unwrap().join(file), junk).unwrap();
            let (code, err) = merge(&["bad", "good"]);
            assert_eq!(code, Some(1), "{err}");
            assert!(err.contains("bad/") && err.contains(file), "{file} is not named: {err}");
        }
        assert_eq!(found(&at("all")).len(), all.len(), "the good one is lost");
        for (signature, recipe) in all.iter().zip(&recipes) {
            let folder = folder_of(&at("all"), signature).unwrap();
            assert_eq!(&fs::read_to_string(folder.join("recipe.toml")).unwrap(), recipe);
        }
        let (code, err) = merge(&["bad"]);
        assert_eq!((code, found(&at("all")).len()), (Some(1), 0), "{err}");
    }
    // A log that does not tell of what is there.
    let log = fs::read(at("good/events.jsonl")).unwrap();
    for (kept, words) in [(0, "findings/"), (0, "how the run began"), (log.len() - 9, "cut short")]
    {
        fs::write(at("bad/events.jsonl"), &log[..kept]).unwrap();
        let (code, err) = merge(&["bad"]);
        assert_eq!(code, Some(1), "{err}");
        assert!(err.contains(words) && err.contains("bad"), "{err}");
    }
}
