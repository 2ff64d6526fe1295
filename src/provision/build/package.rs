//! The package that a worker is built from: its source, and what it depends on.

use super::{Against, Profile};
use crate::provision::{ProvisionError, file_error};
use include_dir::{Dir, include_dir};
use semver::Version;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use toml::{Table, Value};

/// The source of this program.
static SOURCE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src");

/// The description of this package, for the versions of what the worker needs.
const MANIFEST: &str = include_str!("../../../Cargo.toml");

/// The rooms that a worker is made of; they use no others.
const ROOMS: &[&str] =
    &["names", "proposals", "promises", "engines", "job", "outcome", "wire", "worker"];

/// The packages that they need beside Wasmtime's.
const PACKAGES: &[&str] = &[
    "backtrace",
    "blake3",
    "libc",
    "libloading",
    "object",
    "postcard",
    "rustix",
    "semver",
    "serde",
    "strsim",
    "thiserror",
];

/// The packages of a release of Wasmtime that they need.
const WASMTIME: &[&str] = &["wasmtime", "wasmtime-environ", "cranelift-codegen"];

/// The major releases at which `worker/compat.rs` changes its mind.
const TURNS: &[u64] = &[37, 39, 43, 45, 47, 48];

/// Cranelift's releases are numbered `0.N` where Wasmtime's are `N - 87`.
const CRANELIFT_AHEAD: u64 = 87;

/// Rooms that, beside those of a worker, have a part in what is kept of an outcome.
const JUDGES: &[&str] = &["campaign", "ops", "width"];

/// Blake3 of everything that makes an outcome of what an engine answers.
pub(in crate::provision) fn outcome_hash() -> &'static str {
    static HASH: LazyLock<String> = LazyLock::new(|| {
        let mut hasher = blake3::Hasher::new();
        for (path, content) in sources(&[ROOMS, JUDGES].concat()) {
            hasher.update(path.as_bytes()).update(content);
        }
        hasher.finalize().to_hex().to_string()
    });
    &HASH
}

/// The files of rooms.
fn sources(rooms: &[&str]) -> Vec<(String, &'static [u8])> {
    let mut sources = Vec::new();
    let mut folders = vec![&SOURCE];
    while let Some(folder) = folders.pop() {
        folders.extend(folder.dirs());
        for file in folder.files() {
            let path = file.path().to_string_lossy().into_owned();
            if rooms.contains(&path.split(['/', '.']).next().unwrap_or_default()) {
                sources.push((path, file.contents()));
            }
        }
    }
    sources.sort_unstable();
    sources
}

/// Writes the package of a worker.
pub(super) fn write_package(
    place: &Path,
    against: &Against,
    version: &Version,
    profile: Profile,
) -> Result<(), ProvisionError> {
    let write = |name: &str, content: &[u8]| {
        let path = place.join(name);
        let folder = path.parent().expect("the path has a folder");
        fs::create_dir_all(folder).map_err(file_error("make", folder))?;
        fs::write(&path, content).map_err(file_error("write", &path))
    };
    write("Cargo.toml", manifest(against, version, profile).as_bytes())?;
    let mut flags = "fn main() {\n".to_owned();
    for turn in TURNS.iter().filter(|&&turn| version.major < turn) {
        let _ = writeln!(flags, "    println!(\"cargo::rustc-cfg=wasmtime_before_{turn}\");");
    }
    write("build.rs", (flags + "}\n").as_bytes())?;
    let mut main = "#![allow(warnings)]\n".to_owned();
    for room in ROOMS {
        let _ = writeln!(main, "mod {room};");
    }
    main.push_str(
        "#[global_allocator]\nstatic ALLOCATOR: worker::CountingAllocator = \
         worker::CountingAllocator;\nfn main() -> std::process::ExitCode {\n    \
         std::process::ExitCode::from(u8::from(worker::serve().is_err()))\n}\n",
    );
    write("src/main.rs", main.as_bytes())?;
    sources(ROOMS)
        .into_iter()
        .try_for_each(|(path, content)| write(&format!("src/{path}"), content))
}

/// The worker's `Cargo.toml`: its packages as this one has them, and Wasmtime's as asked for.
fn manifest(against: &Against, version: &Version, profile: Profile) -> String {
    let own: Table = MANIFEST.parse().expect("a test parses this package's description");
    let own = own["dependencies"].as_table().expect("it has dependencies");
    let mut dependencies: Table =
        PACKAGES.iter().map(|name| ((*name).to_owned(), own[*name].clone())).collect();
    for name in WASMTIME {
        let mut entry = match against {
            Against::Version(version) => {
                let version = if *name == "cranelift-codegen" {
                    format!("=0.{}.{}", version.major + CRANELIFT_AHEAD, version.patch)
                } else {
                    format!("={version}")
                };
                Table::from_iter([("version".to_owned(), Value::from(version))])
            }
            Against::Path(path) => {
                let folder = match *name {
                    "wasmtime-environ" => "crates/environ",
                    "cranelift-codegen" => "cranelift/codegen",
                    _ => "crates/wasmtime",
                };
                let path = path.join(folder).to_string_lossy().into_owned();
                Table::from_iter([("path".to_owned(), Value::from(path))])
            }
            Against::Git { url, revision } => Table::from_iter([
                ("git".to_owned(), Value::from(url.as_str())),
                ("rev".to_owned(), Value::from(revision.as_str())),
            ]),
        };
        let features: Vec<&str> = match *name {
            "cranelift-codegen" => vec!["timing"],
            "wasmtime" => wasmtime_features(version),
            _ => Vec::new(),
        };
        if *name != "cranelift-codegen" {
            entry.insert("default-features".to_owned(), Value::from(false));
        }
        entry.insert("features".to_owned(), Value::from(features));
        dependencies.insert((*name).to_owned(), Value::Table(entry));
    }
    let package = Table::from_iter([
        ("name".to_owned(), Value::from("brink-worker")),
        ("version".to_owned(), Value::from("0.0.0")),
        ("edition".to_owned(), Value::from("2024")),
    ]);
    let release = Table::from_iter([
        ("opt-level".to_owned(), Value::from(if profile.unoptimised { 0 } else { 3 })),
        ("debug-assertions".to_owned(), Value::from(profile.assertions)),
        ("overflow-checks".to_owned(), Value::from(profile.assertions)),
    ]);
    let whole = Table::from_iter([
        ("package".to_owned(), Value::Table(package)),
        ("dependencies".to_owned(), Value::Table(dependencies)),
        (
            "profile".to_owned(),
            Value::Table(Table::from_iter([("release".to_owned(), Value::Table(release))])),
        ),
        // It is no member of a workspace that the cache may happen to lie in.
        ("workspace".to_owned(), Value::Table(Table::new())),
    ]);
    toml::to_string(&whole).expect("a table is TOML")
}

/// The features of Wasmtime that a version has and a worker needs.
fn wasmtime_features(version: &Version) -> Vec<&'static str> {
    let mut features = vec![
        "all-arch",
        "cranelift",
        "gc",
        "gc-drc",
        "gc-null",
        "pooling-allocator",
        "pulley",
        "runtime",
        "stack-switching",
        "std",
        "threads",
        "winch",
    ];
    if version.major >= 39 {
        features.push("debug");
    }
    if version.major >= 45 {
        features.push("gc-copying");
    }
    features
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_has_the_rooms_it_needs_and_no_others() {
        let place = tempfile::tempdir().unwrap();
        let version = Version::new(36, 0, 18);
        let against = Against::Version(version.clone());
        let profile = Profile { assertions: true, unoptimised: false };
        write_package(place.path(), &against, &version, profile).unwrap();
        let text = fs::read_to_string(place.path().join("Cargo.toml")).unwrap();
        assert!(text.contains("=36.0.18") && text.contains("=0.123.18"), "{text}");
        assert!(text.contains("debug-assertions = true"), "{text}");
        assert!(text.contains("opt-level = 3"), "{text}");
        let quick = Profile { assertions: false, unoptimised: true };
        let text = manifest(&against, &version, quick);
        assert!(text.contains("opt-level = 0"), "{text}");
        assert!(text.contains("debug-assertions = false"), "{text}");
        let flags = fs::read_to_string(place.path().join("build.rs")).unwrap();
        assert!(flags.contains("wasmtime_before_39") && flags.contains("wasmtime_before_45"));
        let source = place.path().join("src");
        for room in ROOMS {
            assert!(source.join(format!("{room}.rs")).exists(), "{room} is missing");
        }
        assert!(source.join("worker/compat.rs").exists());
        assert!(!source.join("cli.rs").exists());
        // What the rooms use must be among them.
        for (path, content) in sources(ROOMS) {
            for used in std::str::from_utf8(content).unwrap().split("crate::").skip(1) {
                let used: String =
                    used.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                assert!(
                    used.is_empty() || ROOMS.contains(&used.as_str()),
                    "{path} uses {used}, which a built worker does not have"
                );
            }
        }
    }

    #[test]
    fn a_package_depends_on_every_package_that_its_rooms_use() {
        let own: Table = MANIFEST.parse().unwrap();
        // Tests are not built with it.
        for (path, content) in sources(ROOMS).into_iter().filter(|it| !it.0.ends_with("tests.rs")) {
            let code = std::str::from_utf8(content).unwrap().split("#[cfg(test)]").next().unwrap();
            for name in own["dependencies"].as_table().unwrap().keys() {
                let has = PACKAGES.contains(&name.as_str()) || WASMTIME.contains(&name.as_str());
                let sign = format!("{}::", name.replace('-', "_"));
                let is_used = code.match_indices(&sign).any(|(at, _)| {
                    !code[..at].ends_with(|c: char| c.is_alphanumeric() || "_:".contains(c))
                });
                assert!(has || !is_used, "{path} uses {name}, which a built worker does not have");
            }
        }
    }
}
