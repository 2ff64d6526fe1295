//! Published releases of Wasmtime, from the wheels of the Python package `wasmtime`.
//!
//! Each holds the library with the C API of that release. `pip` fetches and verifies the wheel by
//! the index; the wheel's own record is checked again when the library is taken out of it.

use super::{Cache, ProvisionError, file_error, library, tool};
use crate::engines::{Code, EngineId, Installed};
use crate::sandbox::WorkerExe;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use semver::Version;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The programs that may be pip, in the order in which they are tried.
const PIP: &[&[&str]] = &[&["pip"], &["pip3"], &["python3", "-m", "pip"]];

/// Largest library in a wheel, in bytes.
const LIBRARY_BYTES_MAX: u64 = 1 << 30;

/// Adds the release of that version from its wheel: `41.0.0`, or `41` for the newest 41.
pub fn add_release(
    cache: &Cache,
    exe: &WorkerExe,
    version: &str,
) -> Result<Installed, ProvisionError> {
    cache.add(|place| {
        let wheel = download(place, version)?;
        let engine = unpack(&wheel, place)?;
        let _ = fs::remove_file(&wheel);
        library::tried(exe, engine)
    })
}

/// The newest release with a wheel of each major version in the range; those without one are left
/// out.
pub fn newest_releases(majors: RangeInclusive<u64>) -> Result<Vec<String>, ProvisionError> {
    let mut newest: BTreeMap<u64, Version> = BTreeMap::new();
    for version in list_releases()?.iter().filter_map(|text| Version::parse(text).ok()) {
        if majors.contains(&version.major) {
            let best = newest.entry(version.major).or_insert_with(|| version.clone());
            *best = version.max(best.clone());
        }
    }
    if newest.is_empty() {
        return Err(ProvisionError::Unfit {
            doing: format!("get the releases from {} to {}", majors.start(), majors.end()),
            reason: "none of them has a wheel".to_owned(),
        });
    }
    Ok(newest.into_values().map(|version| version.to_string()).collect())
}

/// The versions that have a wheel, newest first.
fn list_releases() -> Result<Vec<String>, ProvisionError> {
    let doing = "ask which releases of Wasmtime have a wheel";
    let output = pip(&["index", "versions", "wasmtime"], doing)?;
    let text = String::from_utf8_lossy(&output);
    let line = text.lines().find_map(|line| line.strip_prefix("Available versions:"));
    let versions = line.map(|line| line.split(',').map(|v| v.trim().to_owned()).collect());
    versions.ok_or_else(|| ProvisionError::Tool {
        doing: doing.to_owned(),
        reason: "pip's answer has no line of available versions".to_owned(),
    })
}

/// Runs the first pip that there is; its standard output.
fn pip(arguments: &[&str], doing: &str) -> Result<Vec<u8>, ProvisionError> {
    let mut missing = None;
    for program in PIP {
        let mut command = Command::new(program[0]);
        command.args(&program[1..]).arg("--disable-pip-version-check").args(arguments);
        match tool::run(&mut command, doing) {
            Ok(output) => return Ok(output.stdout),
            Err(error) if error.to_string().contains("is not installed") => {
                missing.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    Err(missing.expect("there is at least one program to try"))
}

fn download(place: &Path, version: &str) -> Result<PathBuf, ProvisionError> {
    let doing = format!("get the wheel of wasmtime {version}");
    let short = version.matches('.').count() < 2;
    let wanted = format!("wasmtime=={version}{}", if short { ".*" } else { "" });
    let place_text = place.to_string_lossy();
    let arguments = [
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--dest",
        &place_text,
        &wanted,
    ];
    pip(&arguments, &doing)?;
    let entries = fs::read_dir(place).map_err(file_error("read", place))?;
    let mut files = entries.flatten().map(|entry| entry.path());
    let wheel = files.find(|path| path.extension().is_some_and(|extension| extension == "whl"));
    wheel.ok_or(ProvisionError::Tool { doing, reason: "pip left no wheel".to_owned() })
}

/// Takes the library out of a wheel, checked against the wheel's record.
fn unpack(wheel: &Path, place: &Path) -> Result<Installed, ProvisionError> {
    let name = wheel.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let unfit = |reason: String| ProvisionError::Unfit {
        doing: format!("unpack the wheel {name}"),
        reason,
    };
    let version = name.split('-').nth(1).unwrap_or_default().to_owned();
    let id: EngineId = version.parse().map_err(|_| unfit("its name has no version".to_owned()))?;
    let file = File::open(wheel).map_err(file_error("open", wheel))?;
    let mut archive = zip::ZipArchive::new(file).map_err(|error| unfit(error.to_string()))?;
    let find = |suffix: &str| archive.file_names().find(|n| n.ends_with(suffix)).map(str::to_owned);
    let library = find("_libwasmtime.so").ok_or_else(|| {
        unfit(format!("it has no library for Linux on {}", std::env::consts::ARCH))
    })?;
    let record = find(".dist-info/RECORD").ok_or_else(|| unfit("it has no record".to_owned()))?;
    let mut read = |name: &str| -> Result<Vec<u8>, ProvisionError> {
        let entry = archive.by_name(name).map_err(|error| unfit(error.to_string()))?;
        let mut bytes = Vec::new();
        let read = entry.take(LIBRARY_BYTES_MAX).read_to_end(&mut bytes);
        read.map_err(|error| unfit(format!("read {name}: {error}")))?;
        Ok(bytes)
    };
    let record = String::from_utf8_lossy(&read(&record)?).into_owned();
    let bytes = read(&library)?;
    let stated = record.lines().find_map(|line| line.strip_prefix(&format!("{library},sha256=")));
    let stated = stated.and_then(|rest| rest.split(',').next()).unwrap_or_default();
    if stated != BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(&bytes)) {
        return Err(unfit(format!("the checksum of {library} is not the one in its record")));
    }
    let file = place.join("libwasmtime.so");
    fs::write(&file, bytes).map_err(file_error("write", &file))?;
    Ok(Installed {
        id,
        version,
        source: format!("wheel {name}"),
        code: Code::Library(file),
        ..Installed::builtin()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn wheel(place: &Path, name: &str, library: &[u8], sha256: &str) -> PathBuf {
        let path = place.join(name);
        let mut zip = zip::ZipWriter::new(File::create(&path).unwrap());
        let options = zip::write::SimpleFileOptions::default();
        zip.start_file("wasmtime/linux-x86_64/_libwasmtime.so", options).unwrap();
        zip.write_all(library).unwrap();
        zip.start_file("wasmtime-1.0.0.dist-info/RECORD", options).unwrap();
        let line = format!("wasmtime/linux-x86_64/_libwasmtime.so,sha256={sha256},3\n");
        zip.write_all(line.as_bytes()).unwrap();
        zip.finish().unwrap();
        path
    }

    #[test]
    fn a_library_comes_out_of_a_wheel_only_as_it_was_recorded() {
        let place = tempfile::tempdir().unwrap();
        let name = "wasmtime-1.0.0-py3-none-manylinux1_x86_64.whl";
        let sha256 = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(b"lib"));
        let engine = unpack(&wheel(place.path(), name, b"lib", &sha256), place.path()).unwrap();
        assert_eq!((engine.id.as_str(), engine.version.as_str()), ("1.0.0", "1.0.0"));
        assert_eq!(fs::read(engine.code.file().unwrap()).unwrap(), b"lib");
        let error = unpack(&wheel(place.path(), name, b"bad", &sha256), place.path()).unwrap_err();
        assert!(error.to_string().contains("checksum"), "{error}");
        fs::write(place.path().join(name), b"no zip").unwrap();
        let error = unpack(&place.path().join(name), place.path()).unwrap_err();
        assert!(error.to_string().contains("unpack the wheel"), "{error}");
    }
}
