//! `brink check` as a producer of Wasm has it.

use crate::brink;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// Exit code, standard output, standard error.
fn check(place: &Path, arguments: &[&str]) -> (i32, String, String) {
    let arguments = [&["check"], arguments].concat();
    let output = brink(&arguments).current_dir(place).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn a_module_is_told_its_headroom_and_what_every_backend_makes_of_it() {
    let place = tempfile::tempdir().unwrap();
    let locals = "(local i64)".repeat(5_000);
    let text = format!("(module (func (export \"f\") {locals}))");
    fs::write(place.path().join("half.wat"), text).unwrap();
    let (code, out, err) = check(place.path(), &["half.wat"]);
    assert_eq!(code, 0, "{out}{err}");
    let near = out.lines().find(|line| line.trim_start().starts_with("function-locals")).unwrap();
    assert!(near.contains("5000") && near.contains("50000") && near.contains("10.00%"), "{near}");
    for backend in ["x86_64", "s390x", "riscv64", "pulley64", "winch-x86_64"] {
        let row = out.lines().find(|line| line.trim_start().starts_with(backend));
        assert!(row.is_some_and(|row| row.contains("accepted")), "{backend}: {out}");
    }
    assert!(out.contains("It compiles in all"), "{out}");

    let (code, out, _) = check(place.path(), &["half.wat", "--json", "-b", "x86_64", "s390x"]);
    assert_eq!((code, out.lines().count()), (0, 1), "{out}");
    let line: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(line["headroom"][0]["limit"], "function-locals");
    assert_eq!(line["headroom"][0]["most"], 50_000);
    assert_eq!(line["runs"].as_array().unwrap().len(), 2);
}

#[test]
fn what_was_found_before_ctrl_c_is_in_the_exit_code() {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("many")).unwrap();
    for n in 0..200 {
        fs::write(place.path().join(format!("many/{n}.wat")), "(module)").unwrap();
    }
    // A compiler panics on it.
    let mut made = brink(&["gen", "data-segments-used", "count=100", "-o", "bad.wasm"]);
    assert!(made.current_dir(place.path()).status().unwrap().success());
    for (first, expected) in [("bad.wasm", 2), ("many/0.wat", 130)] {
        let mut child = brink(&["check", first, "many", "--json", "-b", "riscv64"])
            .current_dir(place.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.next().unwrap().unwrap().contains(first));
        Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        let more = lines.count();
        assert!(more < 200, "it was not interrupted");
        assert_eq!(child.wait().unwrap().code(), Some(expected), "{first}, then {more} more");
    }
}

#[test]
fn what_cannot_be_checked_is_named_and_the_others_are_checked() {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("modules")).unwrap();
    let write = |name: &str, text: &str| fs::write(place.path().join(name), text).unwrap();
    write("modules/a.wat", "(module)");
    write("modules/b.wat", "(module (func i32.add))");
    write("modules/c.wasm", "\0asm\u{1}\0\0\0\u{1}");
    write("modules/notes.txt", "no module");
    write("recipe.toml", "version = 1\nshape = \"repeat\"\n[params]\ncount = 1\n");
    let (code, out, err) = check(place.path(), &["modules", "-b", "x86_64"]);
    assert_eq!(code, 1, "{out}{err}");
    assert!(out.contains("a.wat") && out.contains("accepted"), "{out}");
    assert!(err.contains("b.wat") && err.contains("not valid"), "{err}");
    assert!(err.contains("c.wasm") && !err.contains("notes.txt"), "{err}");
    assert!(err.contains("2 of 3 modules"), "{err}");
    // What is found in the others is not hidden by that.
    let mut made = brink(&["gen", "data-segments-used", "count=100", "-o", "bad.wasm"]);
    assert!(made.current_dir(place.path()).status().unwrap().success());
    let (code, out, err) = check(place.path(), &["bad.wasm", "modules/c.wasm", "-b", "riscv64"]);
    assert_eq!(code, 2, "{out}{err}");
    fs::remove_file(place.path().join("bad.wasm")).unwrap();
    // Those in folders below, too.
    let (code, out, err) = check(place.path(), &[".", "-b", "x86_64"]);
    assert!(code == 1 && out.contains("a.wat") && err.contains("2 of 3 modules"), "{out}{err}");
    fs::create_dir(place.path().join("none")).unwrap();
    for (arguments, expected) in [
        (["recipe.toml"], "it is a recipe"),
        (["missing.wasm"], "No such file"),
        (["none"], "no .wasm"),
    ] {
        let (code, _, err) = check(place.path(), &arguments);
        assert_eq!(code, 1, "{arguments:?}");
        assert!(err.contains(expected), "{arguments:?}: {err}");
    }
}

#[test]
fn a_module_that_not_every_backend_compiles_is_a_finding() {
    let place = tempfile::tempdir().unwrap();
    let made = brink(&["gen", "repeat", "count=60000", "-o", "big.wasm"])
        .current_dir(place.path())
        .status()
        .unwrap();
    assert!(made.success());
    // No compiler does with so little memory.
    let limits = ["big.wasm", "-b", "x86_64", "--memory-limit", "8MiB"];
    let (code, out, err) = check(place.path(), &limits);
    assert_eq!(code, 2, "{out}{err}");
    assert!(out.contains("ran over its memory") && out.contains("none of them"), "{out}");
}

#[test]
fn a_module_that_no_backend_can_be_asked_for_does_not_compile_everywhere() {
    let place = tempfile::tempdir().unwrap();
    let text = "(module (tag $t) (func (export \"f\") (throw $t)))";
    fs::write(place.path().join("throws.wat"), text).unwrap();
    let (code, out, err) = check(place.path(), &["throws.wat", "-b", "winch-x86_64"]);
    assert_eq!(code, 2, "{out}{err}");
    assert!(out.contains("There is nowhere to compile it; 1 are not applicable."), "{out}");
    let everywhere = ["repro", "throws.wat", "--everywhere", "-b", "winch-x86_64"];
    let code = |more: &[&str]| {
        let arguments = [&everywhere[..], more].concat();
        brink(&arguments).current_dir(place.path()).output().unwrap().status.code()
    };
    assert_eq!(code(&[]), Some(2));
    assert_eq!(code(&["x86_64"]), Some(0));
}
