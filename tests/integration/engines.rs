//! Other engines than the built-in one: obtained, tried, asked, and every way in which that fails.

use crate::{BRINK, brink};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A `wasmtime` that answers by what the module's size tells it to do: it only looks like one.
const FAKE_WASMTIME: &str = r#"#!/bin/sh
[ "$1" = --version ] && { echo "wasmtime 9.9.9 (fake)"; exit 0; }
out=; module=
for word in "$@"; do
  [ "$last" = -o ] && out=$word
  case $word in *s390x*) echo "error: no such target" >&2; exit 2;; esac
  last=$word; module=$word
done
size=$(wc -c < "$module")
if [ "$size" -gt 5000 ]; then
  echo "thread 'main' panicked at cranelift/codegen/src/x.rs:1:2:" >&2
  echo "too large by $size" >&2
  exit 101
fi
cp "$module" "$out"
"#;

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Place {
        Place { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// An executable script.
    fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn brink(&self, arguments: &[&str]) -> Command {
        let mut command = brink(arguments);
        command.env("BRINK_CACHE", self.path("cache"));
        command
    }

    /// Names of what lies in the cache.
    fn engines(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("cache/engines"));
        let entries = entries.into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().into_string().unwrap()).collect()
    }
}

fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

/// Runs what must fail with one sentence that has `parts`.
fn fails(command: &mut Command, parts: &[&str]) {
    let (code, _, stderr) = run(command);
    assert_eq!(code, Some(1), "{stderr}");
    assert_eq!(stderr.trim_end().lines().count(), 1, "more than a sentence: {stderr}");
    for part in parts {
        assert!(stderr.contains(part), "{part:?} is missing: {stderr}");
    }
}

#[test]
fn an_executable_is_asked_as_any_other_engine() {
    let place = Place::new();
    let fake = place.script("wasmtime", FAKE_WASMTIME);
    let fake = fake.to_str().unwrap();
    let add = run(&mut place.brink(&["engine", "add", "mine", "--executable", fake]));
    assert_eq!(add.0, Some(0), "{add:?}");
    assert!(add.1.contains("x86_64") && !add.1.contains("s390x"), "targets it offers: {}", add.1);
    let (code, stdout, _) =
        run(&mut place.brink(&["repro", "repeat", "count=10", "--engine", "mine"]));
    assert_eq!(code, Some(0), "{stdout}");
    assert!(stdout.contains("mine/x86_64: accepted"), "{stdout}");
    let panics = ["repro", "repeat", "count=500", "-e", "mine", "-b", "x86_64"];
    let (code, stdout, _) = run(&mut place.brink(&panics));
    assert_eq!(code, Some(2), "{stdout}");
    assert!(stdout.contains("panicked at codegen/src/x.rs:1: too large by"), "{stdout}");
    // It stays where it is, so that a new build of it is used at once.
    place.script("wasmtime", &FAKE_WASMTIME.replace("5000", "500000"));
    assert_eq!(run(&mut place.brink(&panics)).0, Some(0));
    let (code, stdout, _) = run(&mut place.brink(&["engine", "remove", "mine"]));
    assert_eq!((code, stdout.as_str()), (Some(0), "mine is removed\n"));
    assert!(Path::new(fake).exists() && place.engines().is_empty());
}

#[test]
fn a_sweep_over_engines_leaves_a_table_for_each_limit() {
    let place = Place::new();
    let fake = place.script("wasmtime", FAKE_WASMTIME);
    run(&mut place.brink(&["engine", "add", "mine", "--executable", fake.to_str().unwrap()]));
    let output = place.path("out");
    let (code, stdout, stderr) = run(&mut place.brink(&[
        "sweep",
        "--shape",
        "locals",
        "--time",
        "5s",
        "--engine",
        "builtin,mine",
        "-b",
        "x86_64",
        "-o",
        output.to_str().unwrap(),
    ]));
    assert_eq!(code, Some(2), "{stdout}{stderr}");
    let atlas = fs::read_to_string(output.join("atlas.md")).unwrap();
    assert!(atlas.contains("## function-locals: 50000"), "{atlas}");
    assert!(atlas.contains("| locals | mine/x86_64 | accepts"), "{atlas}");
    assert!(atlas.contains("| locals | x86_64 | accepts"), "{atlas}");
}

#[test]
fn engines_that_are_not_what_they_should_be_are_told_and_not_kept() {
    let place = Place::new();
    let no_wasmtime = place.script("tool", "#!/bin/sh\necho hello 1.0.0\n");
    let junk = place.script("libjunk.so", "junk");
    let tests: &[(&[&str], &[&str])] = &[
        (&["add", "x", "--executable", no_wasmtime.to_str().unwrap()], &["hello 1.0.0"]),
        (&["add", "x", "--executable", "/nowhere/wasmtime"], &["/nowhere/wasmtime", "No such"]),
        (&["add", "x", "--library", junk.to_str().unwrap()], &["it is no library"]),
        (&["add", "x", "--library", "/nowhere.so"], &["/nowhere.so", "No such file"]),
        (&["add", "builtin"], &["taken by the built-in"]),
        (&["add", "../x"], &["letters, digits"]),
        (&["add", "a..b"], &["19..50"]),
        (&["build", "35.0.0"], &["from 36 on", "brink engine add"]),
        (&["build", "x", "--path", "/nowhere"], &["/nowhere"]),
        (&["build", "36"], &["three numbers", "--path"]),
        (&["remove", "x"], &["find the engine \"x\""]),
    ];
    for (arguments, parts) in tests {
        fails(place.brink(&["engine"]).args(*arguments), parts);
    }
    if let Some(other) = ["/lib/x86_64-linux-gnu/libm.so.6", "/lib64/libm.so.6"]
        .iter()
        .find(|path| Path::new(path).exists())
    {
        let parts = ["wasm_config_new", "no Wasmtime with the C API"];
        fails(&mut place.brink(&["engine", "add", "x", "--library", other]), &parts);
    }
    assert_eq!(place.engines(), Vec::<String>::new(), "something was left in the cache");
}

#[test]
fn what_cannot_be_downloaded_is_told_and_everything_else_still_works() {
    let place = Place::new();
    let empty = place.path("empty");
    fs::create_dir(&empty).unwrap();
    let add = ["engine", "add", "41.0.0"];
    fails(place.brink(&add).env("PATH", &empty), &["41.0.0", "pip is needed and is not installed"]);
    let words = "#!/bin/sh\necho 'ERROR: No matching distribution found' >&2\nexit 1\n";
    place.script("bin/pip", words);
    let bin = place.path("bin");
    fails(place.brink(&add).env("PATH", &bin), &["wheel of wasmtime 41.0.0", "No matching"]);
    // A pip that leaves something else than a wheel, and a wheel that is none.
    let leave = "#!/bin/sh\nfor w; do [ \"$l\" = --dest ] && d=$w; l=$w; done\n";
    place.script("bin/pip", &format!("{leave}exit 0\n"));
    fails(place.brink(&add).env("PATH", &bin), &["pip left no wheel"]);
    let junk = format!("{leave}echo junk > \"$d/wasmtime-41.0.0-py3-none-any.whl\"\n");
    place.script("bin/pip", &junk);
    fails(place.brink(&add).env("PATH", &bin), &["unpack the wheel wasmtime-41.0.0"]);
    fails(place.brink(&["engine", "add", "v8"]).env("PATH", &empty), &["find node"]);
    place.script("bin/cargo", "#!/bin/sh\necho 'error: no such package' >&2\nexit 101\n");
    let (code, _, stderr) = run(place.brink(&["engine", "build", "36.0.18"]).env("PATH", &bin));
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("build the engine 36.0.18-all: cargo failed"), "{stderr}");
    assert_eq!(place.engines(), Vec::<String>::new(), "something was left in the cache");
    let (code, stdout, _) = run(&mut place.brink(&["engine", "list"]));
    assert!(code == Some(0) && stdout.contains("builtin"), "{stdout}");
    assert_eq!(
        run(place.brink(&["repro", "repeat", "-b", "x86_64"]).env("PATH", &empty)).0,
        Some(0)
    );
}

#[test]
fn an_unknown_engine_and_an_empty_cache_are_told() {
    let place = Place::new();
    fails(&mut place.brink(&["repro", "repeat", "-e", "41"]), &["find the engine \"41\""]);
    fails(&mut place.brink(&["repro", "repeat", "-b", "41.0.0/x86_64"]), &["\"41.0.0\""]);
    fails(&mut place.brink(&["repro", "repeat", "-e", "web"]), &["brink engine add v8"]);
    fails(&mut place.brink(&["bisect", "repeat"]), &["brink engine add 19..50"]);
    let twice = ["bisect", "repeat", "--oracle", "crsh"];
    fails(&mut place.brink(&twice), &["did you mean \"crash\""]);
}

#[test]
fn a_bisection_names_the_releases_between_which_something_changed() {
    let place = Place::new();
    for (version, bytes_max) in [("1.0.0", "500000"), ("2.0.0", "5000"), ("3.0.0", "500000")] {
        let text = FAKE_WASMTIME.replace("9.9.9", version).replace("5000", bytes_max);
        let fake = place.script(&format!("{version}/wasmtime"), &text);
        let fake = fake.to_str().unwrap();
        let add = run(&mut place.brink(&["engine", "add", version, "--executable", fake]));
        assert_eq!(add.0, Some(0), "{add:?}");
    }
    // What the script writes is no machine code, so of widths nothing can be said.
    let bisect = ["bisect", "repeat", "count=500", "-b", "x86_64", "--oracle", "crash"];
    let (code, stdout, stderr) = run(&mut place.brink(&bisect));
    assert_eq!(code, Some(2), "{stdout}{stderr}");
    let sentence = "Regression since 2.0.0 (good in 1.0.0), fixed in 3.0.0 (bad in 2.0.0).";
    assert_eq!(stdout.lines().last(), Some(sentence), "{stdout}");
    assert_eq!(stdout.lines().count(), 5, "a line for each release: {stdout}");
    assert!(stdout.contains("2.0.0      bad         panicked"), "{stdout}");
    // Asked again, it need not run anything.
    for version in ["1.0.0", "2.0.0", "3.0.0"] {
        let results = fs::read_dir(place.path("cache/results")).unwrap().count();
        assert!(results >= 4, "{results} results are kept for {version}");
    }
    let (_, again, _) = run(&mut place.brink(&bisect));
    assert_eq!(again, stdout);
}

#[test]
fn web_engines_accept_and_refuse() {
    let place = Place::new();
    let (code, _, stderr) = run(&mut place.brink(&["engine", "add", "v8"]));
    if code != Some(0) {
        assert!(stderr.contains("find node"), "{stderr}");
        eprintln!("skipped: no node here");
        return;
    }
    let (code, stdout, _) = run(&mut place.brink(&["repro", "repeat", "--engine", "web"]));
    assert_eq!(code, Some(0), "{stdout}");
    for tier in ["baseline", "optimiser", "default"] {
        assert!(stdout.contains(&format!("v8/{tier}: accepted")), "{stdout}");
    }
    let many = ["repro", "locals", "locals=50001", "-e", "v8", "-b", "default"];
    let (_, stdout, _) = run(&mut place.brink(&many));
    assert!(stdout.contains("refused (invalid)"), "{stdout}");
    let bisect = ["bisect", "repeat", "--engine", "v8"];
    let (code, _, stderr) = run(&mut place.brink(&bisect));
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("is no release of Wasmtime"), "{stderr}");
}

#[test]
fn the_executable_under_test_is_its_own_worker_for_every_engine() {
    // A worker that is asked for an engine by a stranger's version of the wire says so.
    let mut child = Command::new(BRINK)
        .arg("worker")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let hello = wasm_brink::wire::Hello {
        version: u32::MAX,
        engine: wasm_brink::engines::Installed::builtin(),
    };
    wasm_brink::wire::send(child.stdin.as_mut().unwrap(), &hello).unwrap();
    let reply = wasm_brink::wire::receive(child.stdout.as_mut().unwrap()).unwrap();
    let wasm_brink::wire::Reply::Cannot(reason) = reply else { panic!("{reply:?}") };
    assert!(reason.contains("another version of brink"), "{reason}");
    child.wait().unwrap();
}
