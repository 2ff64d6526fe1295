//! What a crash's place, message and stack say of its cause.
//!
//! Frames of the runtime, of the allocator and of glue say nothing. Glue is code that is made for
//! every instruction alike: a builder whose methods all unwrap the same error is one place, not as
//! many as it has methods, and whoever called it is not at fault.

/// Frames that say nothing about where an engine crashed.
const IGNORED_FRAMES: &[&str] = &[
    "std::",
    "core::",
    "alloc::",
    "rust_",
    "__rust",
    "backtrace::",
    "hashbrown::",
    "smallvec::",
    "<alloc::",
    "<core::",
    "<std::",
    "<hashbrown::",
    "<smallvec::",
    "_Unwind",
    "__libc",
    "abort",
    "raise",
    "gsignal",
    "pthread_",
    "start_thread",
    "clone",
    // What a release has between a fault and the one who watches for it.
    "wasmtime::runtime::vm::sys::",
    "wasmtime::runtime::vm::traphandlers",
    "wasmtime_runtime::traphandlers",
];

/// Functions of these are one place.
const GLUE: &[&str] = &["cranelift_codegen::ir::builder::InstBuilder"];

/// How many frames make a signature.
const FRAMES: usize = 3;

/// A function belongs to a recursion when it is on the stack at least this often.
const RECURS: usize = 3;

/// `crate/src/file.rs:line` of a panic's location: without the path of the machine that built it
/// and without the column.
pub fn place(location: &str) -> String {
    if !location.contains(':') {
        return location.to_owned();
    }
    let mut parts = location.rsplitn(3, ':');
    let (_column, line) = (parts.next(), parts.next().unwrap_or_default());
    format!("{}:{line}", source_file(parts.next().unwrap_or(location)))
}

/// `crate/src/file.rs` of a source path, with the crate's version left out.
fn source_file(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').collect();
    let last = |name: &str| parts.iter().rposition(|&part| part == name).filter(|&at| at > 0);
    // Generated code lies in `<crate>-<hash>/out` of the build directory.
    let Some(folder) = last("out").filter(|&at| at + 2 == parts.len()).or_else(|| last("src"))
    else {
        return parts.last().copied().unwrap_or(path).to_owned();
    };
    let package = parts[folder - 1];
    let name = match package.rsplit_once('-') {
        Some((name, version)) if version.starts_with(|c: char| c.is_ascii_digit()) => name,
        Some((name, hash)) if hash.len() == 16 => name,
        _ => package,
    };
    format!("{name}/{}", parts[folder..].join("/"))
}

/// Key of a panic: its file, its message without numbers, and the function that it is in. The line
/// is left out, since it moves from release to release, and so are the callers: what panics is
/// wrong whoever calls it.
pub fn panic_key(location: &str, message: &str, frames: &[String]) -> String {
    let file = source_file(location.split(':').next().unwrap_or_default());
    let function = engine_frames(frames).next().unwrap_or_default();
    format!("panic {file} {} {function}", message_key(message))
}

/// A message without most of what differs from case to case: the beginning of its first line, each
/// number a `#`, and what stands between quotation marks left out.
pub fn message_key(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let quoted = line.matches('"').count() / 2 * 2;
    let mut key = String::new();
    for (at, part) in line.split('"').enumerate() {
        let mark = if at == 0 { "" } else { "\"" };
        let text = if at % 2 == 1 && at < quoted { "…" } else { part };
        key.push_str(mark);
        key.push_str(text);
    }
    let mut numberless = String::new();
    let mut rest = key.as_str();
    while let Some(c) = rest.chars().next() {
        let hex = rest.strip_prefix("0x").filter(|rest| rest.starts_with(is_hex));
        let length = match hex {
            Some(digits) => 2 + digits.find(|c| !is_hex(c)).unwrap_or(digits.len()),
            None if c.is_ascii_digit() => {
                rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())
            }
            None => 0,
        };
        numberless.push(if length == 0 { c } else { '#' });
        rest = &rest[length.max(c.len_utf8())..];
    }
    numberless.chars().take(120).collect()
}

fn is_hex(c: char) -> bool {
    c.is_ascii_hexdigit()
}

/// The first frames that belong to the engine, without repeats.
pub fn frames_key(frames: &[String]) -> String {
    let mut kept: Vec<String> = Vec::new();
    for frame in engine_frames(frames) {
        if kept.last() != Some(&frame) {
            kept.push(frame);
        }
        if kept.len() == FRAMES {
            break;
        }
    }
    kept.join(" < ")
}

/// The functions that call each other for ever, in the order of their names. Which of them was the
/// last before the end of the stack is chance, and so is what it called; with no recursion to be
/// seen, the first frames.
pub fn overflow_key(frames: &[String]) -> String {
    let names: Vec<String> = engine_frames(frames).collect();
    let often = |name: &String| names.iter().filter(|other| *other == name).count() >= RECURS;
    let mut recurring: Vec<String> = names.iter().filter(|name| often(name)).cloned().collect();
    recurring.sort();
    recurring.dedup();
    if recurring.is_empty() {
        return frames_key(frames);
    }
    recurring.truncate(FRAMES);
    recurring.join(" + ")
}

/// The first frame that belongs to the engine, or a word for its absence.
pub fn top_frame(frames: &[String]) -> String {
    engine_frames(frames).next().unwrap_or_else(|| "a place that left no trace".to_owned())
}

fn engine_frames(frames: &[String]) -> impl Iterator<Item = String> {
    frames
        .iter()
        .filter(|frame| !IGNORED_FRAMES.iter().any(|ignored| frame.starts_with(ignored)))
        .map(|frame| {
            let glue = GLUE.iter().find(|glue| frame.starts_with(*glue));
            glue.map_or_else(|| frame.chars().take(160).collect(), |glue| (*glue).to_owned())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_versions_lines_and_numbers_do_not_make_another_bug() {
        let a = panic_key(
            "/home/a/.cargo/registry/src/x/cranelift-codegen-0.135.8/src/machinst/buffer.rs:10:5",
            "offset 1234 is out of range",
            &["core::panicking::panic".to_owned(), "cranelift_codegen::x".to_owned()],
        );
        let b = panic_key(
            "/b/cranelift-codegen-0.134.0/src/machinst/buffer.rs:99:1",
            "offset 9 is out of range",
            &["std::x".to_owned(), "cranelift_codegen::x".to_owned()],
        );
        assert_eq!(a, b);
        assert!(a.contains("cranelift-codegen/src/machinst/buffer.rs"), "{a}");
    }

    #[test]
    fn methods_of_one_builder_are_one_place_and_other_functions_are_not() {
        let frames = |name: &str| {
            vec!["core::result::unwrap_failed".to_owned(), format!("cranelift_codegen::{name}")]
        };
        let key = |name: &str| panic_key("/x/src/a.rs:1:2", "an `Err` value: Full", &frames(name));
        assert_eq!(key("ir::builder::InstBuilder::load"), key("ir::builder::InstBuilder::store"));
        assert_ne!(key("ir::dfg::make_inst"), key("ir::dfg::make_value"));
    }

    #[test]
    fn messages_are_told_apart_by_their_words_alone() {
        assert_eq!(message_key("v12 at 0xfF is not 7\nmore"), "v# at # is not #");
        assert_eq!(message_key("no \"a 1\" in \"b\""), "no \"…\" in \"…\"");
        assert_eq!(message_key("an odd \" mark 5"), "an odd \" mark #");
        assert_ne!(message_key("too large"), message_key("too small"));
        assert_eq!(message_key(&"x".repeat(500)).len(), 120);
    }

    #[test]
    fn places_are_short() {
        let location = "/r/src/index/regalloc2-0.15.2/src/ion/process.rs:12:7";
        assert_eq!(place(location), "regalloc2/src/ion/process.rs:12");
        assert_eq!(place("library/core/src/slice.rs:1:2"), "core/src/slice.rs:1");
        assert_eq!(place("its own check"), "its own check");
        let generated = "/b/release/build/cranelift-codegen-3bc7eb44676500ee/out/isle_x64.rs:1:2";
        assert_eq!(place(generated), "cranelift-codegen/out/isle_x64.rs:1");
    }

    #[test]
    fn repeats_count_once() {
        let frames = ["a::b", "a::b", "a::b", "a::c", "std::x", "a::d", "a::e"].map(str::to_owned);
        assert_eq!(frames_key(&frames), "a::b < a::c < a::d");
        assert_eq!(top_frame(&[]), "a place that left no trace");
    }

    #[test]
    fn where_a_recursion_met_the_end_of_the_stack_does_not_matter() {
        let stack = |first: &[&str]| {
            let round = ["a::walk", "a::visit"].repeat(9);
            let frames = first.iter().chain(&round);
            overflow_key(&frames.map(|name| (*name).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(stack(&["b::leaf"]), "a::visit + a::walk");
        assert_eq!(stack(&["a::visit"]), stack(&["c::other", "b::leaf"]));
        let flat = ["a::b", "a::c"].map(str::to_owned);
        assert_eq!(overflow_key(&flat), "a::b < a::c");
    }
}
