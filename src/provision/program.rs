//! Programs as engines: a `wasmtime` executable, `node` for V8, `jsc` for JavaScriptCore.

use super::{Cache, ProvisionError, file_error, probe, tool};
use crate::engines::{Code, EngineId, Installed};
use crate::sandbox::WorkerExe;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Adds the `wasmtime` executable at `path` under the name `id`. It stays where it is.
pub fn add_executable(
    cache: &Cache,
    exe: &WorkerExe,
    id: EngineId,
    path: &Path,
) -> Result<Installed, ProvisionError> {
    let doing = format!("ask {} for its version", path.display());
    let file = path.canonicalize().map_err(file_error("find the executable", path))?;
    let output = tool::run(Command::new(&file).arg("--version"), &doing)?;
    let said = String::from_utf8_lossy(&output.stdout);
    // `wasmtime 48.0.8 (6d2a5a2 2026-01-01)`, older ones `wasmtime-cli 14.0.0`.
    let version = said.split_whitespace().nth(1).unwrap_or_default();
    if !said.starts_with("wasmtime") || semver::Version::parse(version).is_err() {
        let reason = format!("it does not say that it is Wasmtime, but {:?}", said.trim());
        return Err(ProvisionError::Unfit { doing, reason });
    }
    let engine = Installed {
        id,
        version: version.to_owned(),
        source: format!("executable {}", file.display()),
        code: Code::Executable(file),
        ..Installed::builtin()
    };
    cache.add(|_| tried(exe, engine))
}

/// Adds a web engine: `v8` by its `node`, `jsc` by itself; `path` where it is not on the `PATH`.
pub fn add_web(
    cache: &Cache,
    exe: &WorkerExe,
    id: EngineId,
    path: Option<&Path>,
) -> Result<Installed, ProvisionError> {
    let (program, script) = match id.as_str() {
        "v8" => ("node", "console.log(process.versions.v8 + ' node ' + process.versions.node)"),
        _ => ("jsc", "print('unknown')"),
    };
    let file = match path {
        Some(path) => path.canonicalize().map_err(file_error("find the program", path))?,
        None => on_path(program)?,
    };
    let doing = format!("ask {} for its version", file.display());
    let output = tool::run(Command::new(&file).args(["-e", script]), &doing)?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let engine = Installed {
        version: said.split_whitespace().next().unwrap_or("unknown").to_owned(),
        source: format!("program {} ({said})", file.display()),
        code: if program == "node" { Code::Node(file) } else { Code::Jsc(file) },
        id,
        ..Installed::builtin()
    };
    cache.add(|_| tried(exe, engine))
}

/// Where the shell finds a program.
fn on_path(program: &str) -> Result<PathBuf, ProvisionError> {
    let find = tool::run(
        Command::new("sh").arg("-c").arg(format!("command -v {program}")),
        &format!("find {program}"),
    );
    let output = find.map_err(|_| ProvisionError::Tool {
        doing: format!("find {program}"),
        reason: "it is not on the PATH; install it, or name it with --program".to_owned(),
    })?;
    Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()))
}

fn tried(exe: &WorkerExe, engine: Installed) -> Result<Installed, ProvisionError> {
    let doing = format!("use {}", engine.id.title());
    let engine = probe(exe, engine)?;
    if engine.lacks.is_empty() {
        let reason = "it compiles not even a small module of WebAssembly 1.0".to_owned();
        return Err(ProvisionError::Unfit { doing, reason });
    }
    Ok(engine)
}
