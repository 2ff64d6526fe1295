//! Signatures: when two violations are the same finding.
//!
//! One bucket should be one bug. A crash is told by where it is in the engine's code, a refusal by
//! the type and text of its error, a cost by the pass that has it and the shape that causes it;
//! numbers, paths and addresses, which differ from case to case, are left out.

use crate::engines::Strategy;
use crate::oracles::{Observation, Violation};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Frames that say nothing about where an engine crashed.
const IGNORED_FRAMES: &[&str] = &[
    "std::",
    "core::",
    "alloc::",
    "rust_",
    "__rust",
    "backtrace::",
    "<alloc::",
    "<core::",
    "<std::",
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

/// How many frames make a signature.
const FRAMES: usize = 3;

/// What tells a finding from others; one finding's violations all have it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Signature(String);

impl Signature {
    /// The signature of a violation; `subject` is the shape, or the name of a module.
    pub fn of(violation: &Violation, observation: &Observation<'_>, subject: &str) -> Signature {
        let family = match observation.backend.target().strategy {
            Strategy::Cranelift => "cranelift",
            Strategy::Winch => "winch",
            Strategy::Web => observation.backend.engine().as_str(),
        };
        let Violation { oracle, key, .. } = violation;
        Signature(match oracle.as_str() {
            // The place in the engine's code is the bug, whatever led there.
            "crash" => format!("{oracle} {family} {key}"),
            "refusal" | "agreement" => {
                format!("{oracle} {} {key}", observation.backend.target().id)
            }
            "laxness" => format!("{oracle} {key}"),
            // What is security-sensitive is not told by its name.
            "width" | "edge" => {
                let hash = blake3::hash(key.as_bytes()).to_hex();
                format!("{oracle} {family} {}", &hash[..8])
            }
            _ => format!("{oracle} {family} {key} {subject}"),
        })
    }

    /// A name for the finding's folder: readable, and unique by a hash of the whole.
    pub fn slug(&self) -> String {
        let mut slug = String::new();
        for c in self.0.chars().map(|c| c.to_ascii_lowercase()) {
            if c.is_ascii_alphanumeric() || c == '_' {
                slug.push(c);
            } else if !slug.ends_with('-') {
                slug.push('-');
            }
            if slug.len() >= 60 {
                break;
            }
        }
        let hash = blake3::hash(self.0.as_bytes()).to_hex();
        format!("{}-{}", slug.trim_matches('-'), &hash[..8])
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `crate/src/file.rs:line` of a panic's location: without the path of the machine that built it
/// and without the column.
pub fn place(location: &str) -> String {
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
/// run of digits a `#`.
pub fn message_key(message: &str) -> String {
    let mut key = String::new();
    for c in message.lines().next().unwrap_or_default().chars().take(120) {
        if !c.is_ascii_digit() {
            key.push(c);
        } else if !key.ends_with('#') {
            key.push('#');
        }
    }
    key
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

/// The first frame that belongs to the engine, or a word for its absence.
pub fn top_frame(frames: &[String]) -> String {
    engine_frames(frames).next().unwrap_or_else(|| "a place that left no trace".to_owned())
}

fn engine_frames(frames: &[String]) -> impl Iterator<Item = String> {
    frames
        .iter()
        .filter(|frame| !IGNORED_FRAMES.iter().any(|ignored| frame.starts_with(ignored)))
        .map(|frame| frame.chars().take(160).collect())
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
    fn places_are_short() {
        let location = "/r/src/index/regalloc2-0.15.2/src/ion/process.rs:12:7";
        assert_eq!(place(location), "regalloc2/src/ion/process.rs:12");
        assert_eq!(place("library/core/src/slice.rs:1:2"), "core/src/slice.rs:1");
        let generated = "/b/release/build/cranelift-codegen-3bc7eb44676500ee/out/isle_x64.rs:1:2";
        assert_eq!(place(generated), "cranelift-codegen/out/isle_x64.rs:1");
    }

    #[test]
    fn slugs_are_short_safe_and_distinct() {
        let long = Signature("crash cranelift panic ".to_owned() + &"x/y<z> ".repeat(50));
        let other = Signature(long.0.clone() + "!");
        assert!(long.slug().len() < 80);
        assert!(long.slug().chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'));
        assert_ne!(long.slug(), other.slug());
    }

    #[test]
    fn recursion_counts_once() {
        let frames = ["a::b", "a::b", "a::b", "a::c", "std::x", "a::d", "a::e"].map(str::to_owned);
        assert_eq!(frames_key(&frames), "a::b < a::c < a::d");
        assert_eq!(top_frame(&[]), "a place that left no trace");
    }
}
