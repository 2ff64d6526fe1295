//! Workers built by cargo against another Wasmtime: every backend of it and Winch, with pass times
//! and counted allocations, as the built-in engine has them.
//!
//! The worker's own source, kept in this executable, is written out and compiled against that
//! version; what differs between versions is in `worker/compat.rs`.

use super::{Cache, ProvisionError, file_error, probe, tool};
use crate::engines::{Code, EngineId, Installed};
use crate::sandbox::WorkerExe;
use include_dir::{Dir, include_dir};
use semver::Version;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use toml::{Table, Value};

/// The source of this program.
static SOURCE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src");

/// The description of this package, for the versions of what the worker needs.
const MANIFEST: &str = include_str!("../../Cargo.toml");

/// The rooms that a worker is made of; they use no others.
const ROOMS: &[&str] = &["names", "proposals", "engines", "job", "outcome", "wire", "worker"];

/// The packages that they need beside Wasmtime's.
const PACKAGES: &[&str] = &[
    "backtrace",
    "blake3",
    "libc",
    "libloading",
    "object",
    "postcard",
    "rustix",
    "serde",
    "strsim",
    "thiserror",
];

/// The packages of a release of Wasmtime that they need.
const WASMTIME: &[&str] = &["wasmtime", "wasmtime-environ", "cranelift-codegen"];

/// The major releases at which `worker/compat.rs` changes its mind.
const TURNS: &[u64] = &[37, 39, 45, 47];

/// The oldest major release that the worker's source compiles against.
const OLDEST: u64 = 36;

/// Cranelift's releases are numbered `0.N` where Wasmtime's are `N - 87`.
const CRANELIFT_AHEAD: u64 = 87;

/// Which Wasmtime to build against.
#[derive(Clone, Debug)]
pub enum Against {
    /// A published version.
    Version(Version),
    /// A checkout of its repository.
    Path(PathBuf),
    /// A repository and a revision, tag or branch of it.
    Git {
        /// Its address.
        url: String,
        /// The revision.
        revision: String,
    },
}

/// Builds a worker under the name `id`; `progress` gets cargo's lines as they come.
pub fn build(
    cache: &Cache,
    exe: &WorkerExe,
    id: EngineId,
    against: &Against,
    assertions: bool,
    progress: &mut dyn FnMut(&str),
) -> Result<Installed, ProvisionError> {
    let doing = format!("build the engine {id}");
    let unfit = |reason: String| ProvisionError::Unfit { doing: doing.clone(), reason };
    let version = match against {
        Against::Version(version) => version.clone(),
        Against::Path(path) => version_of(path).map_err(unfit)?,
        // Taken for the newest; the version itself is found when it is built.
        Against::Git { .. } => Version::new(u64::MAX, 0, 0),
    };
    if version.major < OLDEST {
        return Err(unfit(format!(
            "a worker can be built against releases from {OLDEST} on; `brink engine add {version}` \
             gets an older one as a library"
        )));
    }
    cache.add(|place| {
        let package = place.join("package");
        write_package(&package, against, &version, assertions)?;
        let mut command = Command::new("cargo");
        command.args(["build", "--release", "--color", "never"]).current_dir(&package);
        // Settings of the shell that brink runs in are for other builds.
        for variable in ["CARGO_TARGET_DIR", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"] {
            command.env_remove(variable);
        }
        tool::run_with_progress(&mut command, &doing, progress)?;
        let version = match against {
            Against::Git { .. } => locked_version(&package).unwrap_or(version),
            Against::Version(_) | Against::Path(_) => version,
        };
        let file = place.join("worker");
        let built = package.join("target/release/brink-worker");
        fs::rename(&built, &file).map_err(file_error("move", &built))?;
        fs::remove_dir_all(&package).map_err(file_error("remove", &package))?;
        let engine = Installed {
            id,
            version: version.to_string(),
            source: describe(against, assertions),
            code: Code::Worker(file),
            ..Installed::builtin()
        };
        Ok(probe(exe, engine)?)
    })
}

fn describe(against: &Against, assertions: bool) -> String {
    let mut text = match against {
        Against::Version(version) => format!("built against wasmtime {version}"),
        Against::Path(path) => format!("built against {}", path.display()),
        Against::Git { url, revision } => format!("built against {url} at {revision}"),
    };
    if assertions {
        text.push_str(" with debug assertions and overflow checks");
    }
    text
}

/// The version of the checkout at `path`.
fn version_of(path: &Path) -> Result<Version, String> {
    let file = path.join("Cargo.toml");
    let text = fs::read_to_string(&file).map_err(|e| format!("read {}: {e}", file.display()))?;
    let table: Table =
        text.parse().map_err(|_| format!("understand {}: it is no TOML", file.display()))?;
    let version = ["workspace", "package", "version"]
        .iter()
        .try_fold(&Value::Table(table), |value, key| value.get(key))
        .and_then(Value::as_str)
        .and_then(|text| Version::parse(text).ok());
    version.ok_or_else(|| format!("find the version in {}: is it Wasmtime's?", file.display()))
}

/// The version of Wasmtime that cargo chose.
fn locked_version(package: &Path) -> Option<Version> {
    let lock: Table = fs::read_to_string(package.join("Cargo.lock")).ok()?.parse().ok()?;
    let packages = lock.get("package")?.as_array()?;
    let found = packages.iter().find(|p| p.get("name").and_then(Value::as_str) == Some("wasmtime"));
    Version::parse(found?.get("version")?.as_str()?).ok()
}

/// Writes the package of a worker.
fn write_package(
    place: &Path,
    against: &Against,
    version: &Version,
    assertions: bool,
) -> Result<(), ProvisionError> {
    let write = |name: &str, content: &[u8]| {
        let path = place.join(name);
        let folder = path.parent().expect("the path has a folder");
        fs::create_dir_all(folder).map_err(file_error("make", folder))?;
        fs::write(&path, content).map_err(file_error("write", &path))
    };
    write("Cargo.toml", manifest(against, version, assertions).as_bytes())?;
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
    let mut folders = vec![&SOURCE];
    while let Some(folder) = folders.pop() {
        folders.extend(folder.dirs());
        for file in folder.files() {
            let path = file.path().to_string_lossy().into_owned();
            let room = path.split(['/', '.']).next().unwrap_or_default();
            if ROOMS.contains(&room) {
                write(&format!("src/{path}"), file.contents())?;
            }
        }
    }
    Ok(())
}

/// The worker's `Cargo.toml`: its packages as this one has them, and Wasmtime's as asked for.
fn manifest(against: &Against, version: &Version, assertions: bool) -> String {
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
        ("debug-assertions".to_owned(), Value::from(assertions)),
        ("overflow-checks".to_owned(), Value::from(assertions)),
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
        write_package(place.path(), &against, &version, true).unwrap();
        let text = fs::read_to_string(place.path().join("Cargo.toml")).unwrap();
        assert!(text.contains("=36.0.18") && text.contains("=0.123.18"), "{text}");
        assert!(text.contains("debug-assertions = true"), "{text}");
        let flags = fs::read_to_string(place.path().join("build.rs")).unwrap();
        assert!(flags.contains("wasmtime_before_39") && flags.contains("wasmtime_before_45"));
        let source = place.path().join("src");
        for room in ROOMS {
            assert!(source.join(format!("{room}.rs")).exists(), "{room} is missing");
        }
        assert!(source.join("worker/compat.rs").exists());
        assert!(!source.join("cli.rs").exists());
        // What the rooms use must be among them.
        let mut folders = vec![&SOURCE];
        while let Some(folder) = folders.pop() {
            folders.extend(folder.dirs());
            for file in folder.files() {
                let path = file.path().to_string_lossy().into_owned();
                let room = path.split(['/', '.']).next().unwrap_or_default();
                if !ROOMS.contains(&room) {
                    continue;
                }
                let text = file.contents_utf8().unwrap();
                for used in text.split("crate::").skip(1) {
                    let used: String =
                        used.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
                    assert!(
                        used.is_empty() || ROOMS.contains(&used.as_str()),
                        "{path} uses {used}, which a built worker does not have"
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_too_old_or_no_checkout_is_told() {
        let root = tempfile::tempdir().unwrap();
        let (cache, exe) = (Cache::at(root.path()), WorkerExe::at(Path::new("/bin/false")));
        let build = |against| {
            let id = "x".parse().unwrap();
            build(&cache, &exe, id, &against, false, &mut |_| {}).unwrap_err().to_string()
        };
        let message = build(Against::Version(Version::new(35, 0, 0)));
        assert!(message.contains("from 36 on"), "{message}");
        let message = build(Against::Path("/nowhere".into()));
        assert!(message.contains("/nowhere/Cargo.toml"), "{message}");
    }
}
