//! The check of machine code: artifacts of releases that were wrong, artifacts that are damaged, and
//! `brink width` as a user runs it.

use super::brink;
use object::{Object, ObjectSection};
use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::process::Output;
use wasm_brink::outcome::{MachineCheck, MismatchKind};
use wasm_brink::width::check;

/// Made by `tests/fixtures/make-width.sh`.
const FIXTURES: &[u8] = include_bytes!("../fixtures/width.zip");

fn fixtures() -> BTreeMap<String, Vec<u8>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(FIXTURES)).unwrap();
    let names: Vec<String> = archive.file_names().map(str::to_owned).collect();
    let mut files = BTreeMap::new();
    for name in names {
        let mut bytes = Vec::new();
        archive.by_name(&name).unwrap().read_to_end(&mut bytes).unwrap();
        files.insert(name, bytes);
    }
    files
}

fn check_fixture(files: &BTreeMap<String, Vec<u8>>, name: &str) -> MachineCheck {
    let module = &files[&format!("{}.wasm", name.split('-').next().unwrap())];
    let checked = check(module, &files[name], true);
    assert_eq!(checked.failure, None, "{name}");
    assert_eq!(checked.unsure_count, 0, "{name}: {:?}", checked.unsure);
    assert_eq!(checked.accesses, 2, "{name}");
    checked
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

/// CVE-2026-24116 up to 41.0.0 in every CPU set; CVE-2026-34944 up to 43.0.0 without SSE3.
#[test]
fn published_errors_of_width_are_seen_where_they_are_and_nowhere_else() {
    let files = fixtures();
    let mut seen = 0;
    for name in files.keys().filter(|name| name.ends_with(".cwasm")) {
        let wrong = match name.split('-').take(2).collect::<Vec<_>>()[..] {
            ["copysign", release] => release == "41.0.0",
            ["splat", release] => release != "44.0.0" && name.ends_with("-sse2.cwasm"),
            _ => panic!("{name} is of no known case"),
        };
        let checked = check_fixture(&files, name);
        assert_eq!(checked.mismatch_count > 0, wrong, "{name}: {:?}", checked.mismatches);
        for mismatch in &checked.mismatches {
            let MachineCheck { code_bytes, .. } = checked;
            assert_eq!(mismatch.kind, MismatchKind::Wider, "{name}");
            assert_eq!((mismatch.expected_bytes, mismatch.actual_bytes), (8, 16), "{name}");
            assert_eq!(mismatch.accesses, ["f64.load"], "{name}");
            assert!(u64::from(mismatch.code_offset) < code_bytes);
        }
        seen += u32::from(wrong);
    }
    assert_eq!(seen, 6 + 2, "as many as there are CPU sets and releases with them");
}

#[test]
fn a_damaged_artifact_never_passes() {
    let files = fixtures();
    let name = "copysign-44.0.0-sse2.cwasm";
    let (module, whole) = (&files["copysign.wasm"], &files[name]);
    let failure = |artifact: &[u8]| {
        let checked = check(module, artifact, false);
        assert_eq!(checked.mismatch_count, 0);
        checked.failure
    };
    assert_eq!(failure(whole), None);
    assert!(failure(b"").unwrap().contains("no compiled module"));
    assert!(failure(module).unwrap().contains("no compiled module"));
    // Wherever it is cut, something is said.
    for length in (0..whole.len()).step_by(61) {
        let said =
            failure(&whole[..length]).unwrap_or_else(|| panic!("cut at {length}, it passed"));
        let wanted = format!("cut short at offset {length:#x}");
        assert!(length < 64 || said.contains(&wanted), "cut at {length}: {said}");
    }
    // An artifact for another machine, and one that has lost the section with its traps.
    let mut other = whole.clone();
    other[18..20].copy_from_slice(&183u16.to_le_bytes());
    assert!(failure(&other).unwrap().contains("not for x86-64, but for ELF machine 183"));
    let at = whole.windows(16).position(|bytes| bytes == b".wasmtime.traps\0").unwrap();
    let mut stripped = whole.clone();
    stripped[at] = b'x';
    let said = failure(&stripped).unwrap();
    assert!(said.contains("no section .wasmtime.traps"), "{said}");
    // The module of another case has no operator where this code says that one is.
    let wrong = check(&files["splat.wasm"], whole, false);
    assert!(wrong.failure.is_some() || wrong.mismatch_count + wrong.unsure_count > 0, "{wrong:?}");
}

#[test]
fn flipped_bytes_never_panic() {
    let files = fixtures();
    let (module, whole) = (&files["splat.wasm"], &files["splat-43.0.0-sse2.cwasm"]);
    let right = check(module, whole, true);
    let differs = |at: usize| {
        let mut damaged = whole.clone();
        damaged[at] ^= 0xff;
        check(module, &damaged, true) != right
    };
    (0..whole.len()).step_by(7).for_each(|at| _ = differs(at));
    // Of what says where accesses are, no byte may be wrong unnoticed: a count, the number of blocks
    // or the first offset of the traps.
    let file = object::File::parse(&whole[..]).unwrap();
    let (from, length) = file.section_by_name(".wasmtime.traps").unwrap().file_range().unwrap();
    let traps = usize::try_from(from).unwrap()..usize::try_from(from + length).unwrap();
    let unnoticed: Vec<usize> = traps.clone().filter(|&at| !differs(at)).collect();
    assert_eq!(unnoticed, Vec::<usize>::new(), "of {traps:?}");
}

#[test]
fn the_matrix_of_one_operator_is_clean_and_the_options_are_checked() {
    let place = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        brink(&["width"]).args(arguments).current_dir(place.path()).output().unwrap()
    };
    let clean = run(&["--op", "f64.copysign"]);
    let said = String::from_utf8_lossy(&clean.stdout).into_owned();
    assert_eq!(code(&clean), 0, "{said}");
    assert!(said.contains("0 operators wrong, 0 accesses uncertain"), "{said}");
    for (arguments, wanted) in [
        (&["--op", "f64.copysing"][..], "did you mean \"f64.copysign\""),
        (&["--cpu", "sse9"], "find the CPU set \"sse9\""),
        (&["--cpu", "avx", "-b", "x86_64:cpu=sse2"], "it names one itself"),
        (&["--full", "-b", "x86_64"], "cannot be used with"),
        (&["none.wasm"], "none.wasm"),
        (&["--backend", "x86_65"], "did you mean \"x86_64\""),
        (&["--op", "f32x4.relaxed_madd", "-b", "winch-x86_64"], "none of the 1 configurations"),
    ] {
        let refused = run(arguments);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(code(&refused), 1, "{arguments:?}: {said}");
        assert!(said.contains(wanted), "{arguments:?}: {said}");
    }
    let named = run(&["--op", "f64x2.splat", "--cpu", "sse2", "sse3", "-b", "x86_64", "--json"]);
    let said = String::from_utf8_lossy(&named.stdout).into_owned();
    for backend in ["\"x86_64:cpu=sse2\"", "\"x86_64:cpu=sse3\""] {
        assert!(said.contains(backend), "{said}");
    }
    let other = run(&["--op", "f64.add", "--backend", "aarch64"]);
    assert_ne!(code(&other), 0, "code for aarch64 was taken for checked");
}

#[test]
fn any_module_can_be_checked() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(
        place.path().join("a.wat"),
        "(module (memory 1) (func (export \"f\") (param i32) (result f64)
           (f64.add (f64.load (local.get 0)) (f64.const 1))))",
    )
    .unwrap();
    let run = brink(&["width", "a.wat", "--json"]).current_dir(place.path()).output().unwrap();
    assert_eq!(code(&run), 0, "{}", String::from_utf8_lossy(&run.stderr));
    let text = String::from_utf8(run.stdout).unwrap();
    assert!(text.lines().count() > 4, "{text}");
    for line in text.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["check"]["accesses"], 1, "{line}");
        assert_eq!(line["check"]["mismatch_count"], 0, "{line}");
    }
}

#[test]
fn modules_without_code_are_counted_by_the_reason() {
    let place = tempfile::tempdir().unwrap();
    let gc = "(module (type $s (struct)) (func (drop (struct.new $s))))";
    std::fs::write(place.path().join("gc.wat"), gc).unwrap();
    let many = ["gen", "repeat", "count=40000", "-o", "many.wasm"];
    assert_eq!(code(&brink(&many).current_dir(place.path()).output().unwrap()), 0);
    let on = ["-b", "x86_64", "winch-x86_64"];
    for (arguments, last, exit) in [
        (&["gc.wat"][..], "1 configurations looked at, 0 could not be looked at, 1 do not", 0),
        (
            &["many.wasm", "--memory-limit", "8MiB"],
            "0 configurations looked at, 2 could not be looked at, 0 do not",
            1,
        ),
    ] {
        let mut width = brink(&["width"]);
        let run = width.args(arguments).args(on).current_dir(place.path()).output().unwrap();
        let text = String::from_utf8_lossy(&run.stdout);
        assert!(text.contains(last), "{text}");
        assert_eq!(code(&run), exit, "{}", String::from_utf8_lossy(&run.stderr));
    }
}

#[test]
fn what_is_run_at_the_end_of_memory_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let output = brink(&[
        "width",
        "--run",
        "--op",
        "i64.atomic.rmw8.xchg_u",
        "-o",
        out.to_str().unwrap(),
        "-b",
        "x86_64",
        "x86_64:guard=off,opt=none",
        "winch-x86_64",
    ])
    .output()
    .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(code(&output), 0, "{text}{}", String::from_utf8_lossy(&output.stderr));
    let line = text.lines().find(|line| line.contains("calls at the end of memory")).unwrap();
    let calls: u64 = line.split(' ').next().unwrap().parse().unwrap();
    assert!(calls > 1_000 && line.contains("; 0 modules could not be run"), "{line}");
    assert!(text.contains(" 0 operators wrong, 0 accesses uncertain, 0 modules not checked"));
}

#[test]
fn what_cannot_be_run_here_is_said() {
    for arguments in [&["-b", "aarch64"][..], &["--deep"], &["x.wasm"]] {
        let output = brink(&[&["width", "--run"], arguments].concat()).output().unwrap();
        assert_eq!(code(&output), 1, "{arguments:?}");
        assert!(!output.stderr.is_empty(), "{arguments:?}");
    }
}
