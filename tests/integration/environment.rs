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

#[test]
fn a_limit_on_the_size_of_files_is_the_sessions_and_no_finding() {
    let place = tempfile::tempdir().unwrap();
    let cases = [
        "ulimit -f 2; $BRINK repro repeat count=300 -b x86_64",
        "ulimit -f 2; $BRINK gen repeat count=300 -o y.wasm",
        "ulimit -f 2; $BRINK sweep --shape consts --at min -b x86_64 aarch64 riscv64 s390x",
    ];
    for text in cases {
        let (code, out, err) = script(text, place.path());
        assert_eq!(code, Some(1), "{text}: {out}{err}");
        assert!(err.contains("File too large"), "{text}: {out}{err}");
        assert!(!out.contains("violation"), "{text}: {out}");
    }
}

#[test]
fn too_little_address_space_is_named_with_what_to_do() {
    let place = tempfile::tempdir().unwrap();
    for arguments in ["repro repeat count=3 -b x86_64", "sweep --shape consts --at min -b x86_64"] {
        let (code, out, err) =
            script(&format!("ulimit -v 2000000; $BRINK {arguments}"), place.path());
        assert_eq!(code, Some(1), "{arguments}: {out}{err}");
        let told = err.lines().filter(|line| line.contains("GiB of address space are needed"));
        assert_eq!((told.count(), err.lines().count()), (1, 1), "{out}{err}");
        assert!(err.contains("ulimit -v") && err.contains("1.9 GiB"), "{err}");
        assert!(!out.contains("address space") && !err.contains("Infrastructure"), "{out}{err}");
    }
}

#[test]
fn what_cannot_be_written_is_told_with_its_place_and_each_cause_once() {
    let place = tempfile::tempdir().unwrap();
    let job = "$BRINK repro repeat count=30000 -b x86_64";
    let cases = [
        ("$BRINK gen repeat -o - >/dev/full".to_owned(), "standard output", "No space left"),
        (format!("TMPDIR=/nonexistent {job}"), "/nonexistent", "No such file"),
        // What fails first goes by how many files the tests leave open.
        (format!("ulimit -n 6; {job}"), "failed to", "Too many open files"),
        ("$BRINK gen repeat -o /proc/x.wasm".to_owned(), "write /proc/x.wasm", "No such file"),
    ];
    for (text, place_told, cause) in cases {
        let (code, _, err) = script(&text, place.path());
        assert_eq!((code, err.lines().count()), (Some(1), 1), "{text}: {err}");
        assert!(err.contains(place_told), "{text}: {err}");
        assert_eq!(err.matches(cause).count(), 1, "{text}: {err}");
        assert!(!err.contains(".tmp-"), "{text}: {err}");
    }
}
