//! Workers built by cargo against another Wasmtime: every backend of it and Winch, with pass times
//! and counted allocations, as the built-in engine has them.
//!
//! The worker's own source, kept in this executable, is written out and compiled against that
//! version; what differs between versions is in `worker/compat.rs`.

pub(super) mod package;

use self::package::write_package;
use super::{Cache, ProvisionError, file_error, probe, tool};
use crate::engines::{Code, EngineId, Installed};
use crate::sandbox::WorkerExe;
use semver::Version;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use toml::{Table, Value};

/// The oldest major release that the worker's source compiles against.
const OLDEST: u64 = 36;

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

/// How a worker is built.
#[derive(Clone, Copy, Debug, Default)]
pub struct Profile {
    /// With debug assertions and overflow checks.
    pub assertions: bool,
    /// Without optimisation: built in a quarter of the time, and of no use for times.
    pub unoptimised: bool,
}

/// Builds a worker under the name `id`; `progress` gets cargo's lines as they come.
pub fn build(
    cache: &Cache,
    exe: &WorkerExe,
    id: EngineId,
    against: &Against,
    profile: Profile,
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
        write_package(&package, against, &version, profile)?;
        let mut command = Command::new("cargo");
        command.args(["build", "--release", "--color", "never", "--target-dir", "target"]);
        command.current_dir(&package);
        // Settings of the shell that brink runs in are for other builds.
        for variable in [
            "CARGO_TARGET_DIR",
            "CARGO_BUILD_TARGET",
            "CARGO_BUILD_TARGET_DIR",
            "CARGO_BUILD_RUSTFLAGS",
            "CARGO_PROFILE_RELEASE_CODEGEN_UNITS",
            "CARGO_PROFILE_RELEASE_DEBUG",
            "CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS",
            "CARGO_PROFILE_RELEASE_INCREMENTAL",
            "CARGO_PROFILE_RELEASE_LTO",
            "CARGO_PROFILE_RELEASE_OPT_LEVEL",
            "CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS",
            "CARGO_PROFILE_RELEASE_PANIC",
            "CARGO_PROFILE_RELEASE_STRIP",
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
        ] {
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
            source: describe(against, profile),
            code: Code::Worker(file),
            ..Installed::builtin()
        };
        Ok(probe(exe, engine)?)
    })
}

fn describe(against: &Against, profile: Profile) -> String {
    let mut text = match against {
        Against::Version(version) => format!("built against wasmtime {version}"),
        Against::Path(path) => format!("built against {}", path.display()),
        Against::Git { url, revision } => format!("built against {url} at {revision}"),
    };
    if profile.unoptimised {
        text.push_str(" without optimisation");
    }
    if profile.assertions {
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

/// The published patch releases between two releases, both left out, oldest first.
pub fn between(low: &str, high: &str) -> Result<Vec<String>, ProvisionError> {
    let doing = format!("find the releases between {low} and {high}");
    let parse = |text: &str| {
        Version::parse(text).map_err(|error| ProvisionError::Unfit {
            doing: doing.clone(),
            reason: format!("{text} is no version: {error}"),
        })
    };
    let (low, high) = (parse(low)?, parse(high)?);
    let mut between = Vec::new();
    for major in [low.major, high.major] {
        if major < OLDEST || between.iter().any(|version: &Version| version.major == major) {
            continue;
        }
        let newest = newest_patch(major, &doing)?;
        let all = (0..=newest.patch).map(|patch| Version::new(major, 0, patch));
        between.extend(all.filter(|version| *version > low && *version < high));
    }
    Ok(between.iter().map(ToString::to_string).collect())
}

/// The newest release of a major version, as cargo finds it.
fn newest_patch(major: u64, doing: &str) -> Result<Version, ProvisionError> {
    let place =
        tempfile::tempdir().map_err(file_error("make a folder in", std::env::temp_dir()))?;
    let manifest = format!(
        "[package]\nname = \"x\"\nversion = \"0.0.0\"\n[lib]\npath = \"Cargo.toml\"\n\
         [dependencies]\nwasmtime = {{ version = \"{major}\", default-features = false }}\n"
    );
    let file = place.path().join("Cargo.toml");
    fs::write(&file, manifest).map_err(file_error("write", &file))?;
    let mut command = Command::new("cargo");
    command.args(["generate-lockfile", "--quiet"]).current_dir(place.path());
    tool::run(&mut command, doing)?;
    locked_version(place.path()).ok_or_else(|| ProvisionError::Unfit {
        doing: doing.to_owned(),
        reason: format!("cargo found no release of {major}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_old_or_no_checkout_is_told() {
        let root = tempfile::tempdir().unwrap();
        let (cache, exe) = (Cache::at(root.path()), WorkerExe::at(Path::new("/bin/false")));
        let build = |against| {
            let id = "x".parse().unwrap();
            let profile = Profile::default();
            build(&cache, &exe, id, &against, profile, &mut |_| {}).unwrap_err().to_string()
        };
        let message = build(Against::Version(Version::new(35, 0, 0)));
        assert!(message.contains("from 36 on"), "{message}");
        let message = build(Against::Path("/nowhere".into()));
        assert!(message.contains("/nowhere/Cargo.toml"), "{message}");
    }
}
