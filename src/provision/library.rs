//! Libraries with Wasmtime's C API that a person has: a file, an unpacked archive, an archive.

use super::{Cache, ProvisionError, file_error, probe, tool};
use crate::engines::{Code, EngineId, Installed};
use crate::sandbox::WorkerExe;
use object::Object;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The library's name in an official archive.
const LIBRARY: &str = "libwasmtime.so";

/// Adds the library at `path` under the name `id`; the path may also be a folder or a `.tar.xz` with
/// the library in it, as the official archives of the C API are.
pub fn add_library(
    cache: &Cache,
    exe: &WorkerExe,
    id: EngineId,
    path: &Path,
) -> Result<Installed, ProvisionError> {
    cache.add(|place| {
        let source = if path.to_string_lossy().ends_with(".tar.xz") {
            let unpacked = place.join("archive");
            fs::create_dir(&unpacked).map_err(file_error("make", &unpacked))?;
            let doing = format!("unpack {}", path.display());
            tool::run(Command::new("tar").arg("-xJf").arg(path).arg("-C").arg(&unpacked), &doing)?;
            find(&unpacked)
        } else if path.is_dir() {
            find(path)
        } else {
            Some(path.to_owned())
        };
        let unfit = |reason: String| ProvisionError::Unfit {
            doing: format!("add the library {}", path.display()),
            reason,
        };
        let source = source.ok_or_else(|| unfit(format!("there is no {LIBRARY} in it")))?;
        let file = place.join(LIBRARY);
        fs::copy(&source, &file).map_err(file_error("read", &source))?;
        let _ = fs::remove_dir_all(place.join("archive"));
        let engine = Installed {
            version: version_of(&id),
            id,
            source: format!("library {}", path.display()),
            code: Code::Library(file),
            ..Installed::builtin()
        };
        tried(exe, engine)
    })
}

/// The version in a name such as `41.0.0-mine`; nothing for other names.
fn version_of(id: &EngineId) -> String {
    let number = |c: char| c.is_ascii_digit() || c == '.';
    let text = id.as_str();
    let end = text.find(|c| !number(c)).unwrap_or(text.len());
    text[..end].trim_end_matches('.').to_owned()
}

/// The library somewhere below `folder`.
fn find(folder: &Path) -> Option<PathBuf> {
    let mut below = Vec::new();
    for entry in fs::read_dir(folder).ok()?.flatten() {
        let path = entry.path();
        if path.is_dir() {
            below.push(path);
        } else if path.file_name().is_some_and(|name| name == LIBRARY) {
            return Some(path);
        }
    }
    below.iter().find_map(|folder| find(folder))
}

/// A library that is for this machine, loads, and compiles something; with what it lacks.
pub(super) fn tried(exe: &WorkerExe, engine: Installed) -> Result<Installed, ProvisionError> {
    let title = engine.id.title();
    let unfit = |reason: &str| ProvisionError::Unfit {
        doing: format!("use the library of {title}"),
        reason: reason.to_owned(),
    };
    if let Some(file) = engine.code.file() {
        let bytes = fs::read(file).map_err(file_error("read", file))?;
        let object = object::File::parse(&*bytes).map_err(|_| unfit("it is no library"))?;
        let own = match std::env::consts::ARCH {
            "x86_64" => object.architecture() == object::Architecture::X86_64,
            "aarch64" => object.architecture() == object::Architecture::Aarch64,
            _ => true,
        };
        if !own {
            return Err(unfit("it is for another processor than this machine's"));
        }
    }
    let engine = probe(exe, engine)?;
    if engine.lacks.is_empty() {
        return Err(unfit("it compiles not even a small module of WebAssembly 1.0"));
    }
    Ok(engine)
}
