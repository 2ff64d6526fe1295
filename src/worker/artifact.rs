//! What is read off an artifact: its hash, and how much machine code it has. Keeps it where a job
//! wants more of it.

use crate::job::Job;
use object::{Object, ObjectSection};
use std::io;

/// The section of an artifact that describes the engine's settings, which differ between a checked
/// compilation and a plain one.
const SETTINGS_SECTION: &str = ".wasmtime.engine";

/// How the sections of native debug information are called. Wasmtime numbers the names of generated
/// sources by a counter of the whole process, so they differ from compilation to compilation.
const DEBUG_SECTIONS: &str = ".debug_";

/// Blake3, in hexadecimal, of everything in an artifact but the description of the settings.
pub(super) fn fingerprint(artifact: &[u8]) -> String {
    let mut hasher = blake3::Hasher::new();
    match object::File::parse(artifact) {
        Ok(file) => {
            let counts = |name: &str| name != SETTINGS_SECTION && !name.starts_with(DEBUG_SECTIONS);
            for section in file.sections().filter(|s| s.name().is_ok_and(counts)) {
                hasher.update(section.name_bytes().unwrap_or_default());
                hasher.update(section.data().unwrap_or_default());
            }
        }
        // Whatever it is, its bytes can be compared.
        Err(_) => drop(hasher.update(artifact)),
    }
    hasher.finalize().to_hex().to_string()
}

/// Writes an artifact where the job wants it.
pub(super) fn keep(artifact: &[u8], job: &Job) -> io::Result<()> {
    let Some(path) = &job.artifact else { return Ok(()) };
    std::fs::write(path, artifact).map_err(|error| {
        let place = std::env::temp_dir();
        io::Error::other(format!(
            "it could not write {} bytes of compiled module: {error}; make room in {}, name another \
             place with TMPDIR, or raise a limit with `ulimit -f`",
            artifact.len(),
            place.display()
        ))
    })
}

/// Size of the machine code in an artifact, which is an ELF file.
pub(super) fn code_bytes(artifact: &[u8]) -> u64 {
    object::File::parse(artifact)
        .ok()
        .and_then(|file| file.section_by_name(".text").map(|section| section.size()))
        .unwrap_or(0)
}
