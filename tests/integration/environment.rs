//! What the session or the machine withholds is no finding, ends nothing early and is said in a
//! sentence.

use crate::BRINK;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs a script of `sh` in which `$BRINK` is the executable: its exit code, standard output and
/// standard error.
fn script(text: &str, place: &Path) -> (Option<i32>, String, String) {
    let mut shell = Command::new("sh");
    shell.args(["-c", text]).env("BRINK", BRINK).current_dir(place).stdin(Stdio::null());
    let output = shell.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn where_standard_error_cannot_be_written_the_exit_code_still_counts() {
    let place = tempfile::tempdir().unwrap();
    let sweep = "sweep --shape consts --at min -b x86_64";
    let cases = [
        ("$BRINK repro missing.wasm 2>/dev/full", 1),
        ("$BRINK gen repeat count=3 -o y.wasm 2>/dev/full", 0),
        (&*format!("$BRINK {sweep} 2>/dev/full"), 0),
        (&*format!("$BRINK {sweep} 2>&-"), 0),
        ("$BRINK check missing.wasm gone.wasm 2>/dev/full", 1),
    ];
    for (text, code) in cases {
        let (ended, out, err) = script(text, place.path());
        assert_eq!(ended, Some(code), "{text}: {out}{err}");
    }
    assert!(place.path().join("y.wasm").exists());
}

#[test]
fn results_that_are_lost_are_told_and_a_reader_that_has_seen_enough_is_none() {
    let place = tempfile::tempdir().unwrap();
    let sweep = "$BRINK sweep --shape consts --at min -b x86_64 --json";
    let (code, _, err) = script(&format!("{sweep} >/dev/full"), place.path());
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("failed to write to standard output: No space left"), "{err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    let ended = script(&format!("{{ {sweep}; echo $? >&2; }} | head -n 1"), place.path());
    assert_eq!(ended.2.trim(), "0", "{ended:?}");
}

#[test]
fn what_a_module_brings_along_neither_floods_a_terminal_nor_steers_it() {
    let place = tempfile::tempdir().unwrap();
    let name = format!("\\1b[2J\\07{}", "n".repeat(99_990));
    let export = format!("(export \"{name}\" (func 0))");
    let text = format!("(module (func) {export} {export})");
    std::fs::write(place.path().join("names.wat"), text).unwrap();
    let (code, _, err) = script("$BRINK check names.wat -b x86_64", place.path());
    assert_eq!(code, Some(1), "{}", err.len());
    assert!(err.contains("duplicate export name") && err.len() < 4_000, "{} bytes", err.len());
    assert!(!err.contains(['\x1b', '\x07']), "{err:?}");
}
