//! The rules of the house: which way dependencies point, and who owns what lies outside.

use std::path::{Path, PathBuf};

/// Rooms in the order of dependency: a room uses only those before it. Those in one line are
/// neighbours that do not use each other.
const ORDER: &[&[&str]] = &[
    &["names", "proposals", "promises"],
    &["limits", "ops"],
    &["recipe"],
    &["shapes"],
    &["engines"],
    &["outcome", "job"],
    &["width"],
    &["wire"],
    &["worker", "sandbox"],
    &["provision"],
    &["oracles", "triage"],
    &["corpus"],
    &["campaign", "store"],
    &["shrink"],
    &["report"],
    &["cli"],
];

/// Uses of a neighbour in the same line that are meant, and why.
const NEIGHBOURS: &[(&str, &str, &str)] = &[
    ("oracles", "triage", "a violation's key is what triage makes of a location or a message"),
    ("triage", "oracles", "a signature is that of a violation"),
];

/// What lies outside, the text that gives its use away, and the files that may have it.
const OWNERS: &[(&str, &[&str], &[&str])] = &[
    (
        "the engine",
        &["wasmtime::", "use wasmtime"],
        // The fourth reads what the engine wrote, and runs none of it.
        &[
            "worker/builtin.rs",
            "worker/compat.rs",
            "worker/edge",
            "worker/execution",
            "worker/shortage",
            "width/image",
            "provision/build",
        ],
    ),
    (
        "unsafe code",
        &["unsafe {", "unsafe impl", "unsafe fn"],
        &[
            "worker/unix",
            "worker/allocator.rs",
            "worker/builtin.rs",
            "worker/edge/memory.rs",
            "worker/library",
            "sandbox/unix.rs",
        ],
    ),
    ("signals and processes", &["libc::"], &["worker.rs", "worker/", "sandbox/"]),
    ("disassembly", &["iced_x86"], &["width/"]),
    ("child processes", &["Command::new"], &["sandbox/", "provision/", "worker/command"]),
    (
        "printing",
        &["println!", "eprintln!", "print!(", "eprint!("],
        // They panic where nobody takes the words, so that `report/speech.rs` does without them; this
        // one writes a build script that prints.
        &["provision/build"],
    ),
    ("environment variables", &["env::var", "env::args"], &["cli/", "cli.rs"]),
    (
        "files",
        &["fs::write", "File::create", "NamedTempFile", "OpenOptions"],
        &["store.rs", "store/", "provision/", "cli/", "worker.rs", "worker/artifact.rs"],
    ),
];

fn sources() -> Vec<(String, String)> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    walk(&root, &mut files);
    files.sort();
    let read = |path: &PathBuf| {
        let name = path.strip_prefix(&root).unwrap().display().to_string();
        // Tests may do what they like; comments do nothing.
        let text = std::fs::read_to_string(path).unwrap();
        let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
        let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        (name, code.collect::<Vec<_>>().join("\n"))
    };
    files.iter().map(read).collect()
}

fn room_of(file: &str) -> &str {
    file.split(['/', '.']).next().unwrap_or_default()
}

fn is_test_file(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    ["tests.rs", "registry_tests.rs", "testing.rs", "coverage.rs"].contains(&name)
}

#[test]
fn rooms_use_only_rooms_before_them() {
    let rank = |room: &str| ORDER.iter().position(|line| line.contains(&room));
    let mut wrong = Vec::new();
    for (file, code) in sources() {
        let room = room_of(&file);
        if is_test_file(&file) || room == "lib" || room == "main" {
            continue;
        }
        let own = rank(room).unwrap_or_else(|| panic!("{file} is in no room of the order"));
        for used in code.match_indices("crate::").map(|(at, _)| &code[at + "crate::".len()..]) {
            let used = used.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next();
            let Some(used) = used.filter(|used| *used != room) else { continue };
            let Some(other) = rank(used) else { continue };
            let meant = NEIGHBOURS.iter().any(|(a, b, _)| (*a, *b) == (room, used));
            if other > own || (other == own && !meant) {
                wrong.push(format!("{file} uses {used}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new(), "dependencies point one way: see ARCHITECTURE.md");
}

/// Whether the code has the sign other than as the start of a text, as the names of frames are.
fn uses(code: &str, sign: &str) -> bool {
    code.match_indices(sign).any(|(at, _)| !code[..at].ends_with('"'))
}

#[test]
fn everything_outside_has_one_owner() {
    let mut wrong = Vec::new();
    for (file, code) in sources() {
        if is_test_file(&file) {
            continue;
        }
        for (what, signs, owners) in OWNERS {
            let owned = owners.iter().any(|owner| file.starts_with(owner));
            for sign in signs.iter().filter(|sign| !owned && uses(&code, sign)) {
                wrong.push(format!("{file} has `{sign}`: {what} is owned by {owners:?}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn every_file_says_why_it_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (file, _) in sources() {
        let text = std::fs::read_to_string(root.join(&file)).unwrap();
        assert!(text.starts_with("//! "), "{file} does not start with a doc comment");
        assert!(text.lines().all(|line| line.chars().count() <= 110), "{file} has a long line");
    }
}
