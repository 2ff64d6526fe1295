//! What is in a file or folder that a person names: told by its bytes, not by its name.

use super::Input;
use crate::cli::recorder::{FINDING_FILE, FindingFile, RECIPE_FILE};
use crate::recipe::{Recipe, one_line};
use crate::shapes;
use anyhow::{Context, Result, anyhow, bail, ensure};
use std::fs;
use std::io::Read;
use std::ops::RangeInclusive;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// Largest module that is read: the limit of the JavaScript API and one more byte, so that a
/// module just past it can be tried.
const MODULE_BYTES_MAX: u64 = (1 << 30) + 1;

/// Time limits in seconds that a finding may ask for: up to a day, as on the command line.
const TIME_LIMIT_S: RangeInclusive<u64> = 1..=86_400;

/// Memory limits in bytes that a finding may ask for: what a job needs to start at all, up to more
/// than any machine of today has.
const MEMORY_LIMIT_BYTES: RangeInclusive<u64> = (1 << 20)..=(1 << 40);

/// First bytes of a module in binary form.
const MAGIC: &[u8] = b"\0asm";

/// First bytes of what Wasmtime makes of one.
const ARTIFACT_MAGIC: &[u8] = b"\x7fELF";

/// Reads the finding in a folder.
pub(super) fn read_finding(folder: &Path) -> Result<Input> {
    let name = folder.join(FINDING_FILE);
    ensure!(
        name.exists(),
        "find a finding in {}: it has no {FINDING_FILE}; the findings of a run are the folders in \
         findings of its directory",
        folder.display()
    );
    let text = fs::read_to_string(&name)
        .with_context(|| format!("read the finding in {}", folder.display()))?;
    let finding = toml::from_str::<FindingFile>(&text)
        .map_err(|error| anyhow!(one_line(&error.to_string())))
        .with_context(|| format!("read the finding {}", name.display()))?;
    let limits = [
        ("time_limit_s", finding.time_limit_s, TIME_LIMIT_S),
        ("memory_limit_bytes", finding.memory_limit_bytes, MEMORY_LIMIT_BYTES),
    ];
    for (field, value, range) in limits {
        ensure!(
            range.contains(&value),
            "read the finding {}: {field} is {value}, and must be from {} to {}",
            name.display(),
            range.start(),
            range.end()
        );
    }
    match read_file(&folder.join(RECIPE_FILE))? {
        Input::Recipe(recipe, _) => Ok(Input::Recipe(recipe, Some(Box::new(finding)))),
        module @ Input::Module(_) => Ok(module),
    }
}

/// Reads a module or a recipe.
pub(super) fn read_file(path: &Path) -> Result<Input> {
    let doing = || format!("read {}", path.display());
    let metadata = fs::metadata(path).with_context(doing)?;
    // Opening a pipe has no end where nobody writes to it; what a shell has opened is open.
    let is_open = path.starts_with("/dev") || path.starts_with("/proc");
    ensure!(
        is_open || !metadata.file_type().is_fifo(),
        "read {}: it is a pipe; write what comes of it to a file, or name /dev/stdin",
        path.display()
    );
    let file = fs::File::open(path).with_context(doing)?;
    let size = metadata.len();
    ensure!(
        size <= MODULE_BYTES_MAX,
        "read {}: it has {size} bytes, and no module may have more than {}",
        path.display(),
        MODULE_BYTES_MAX - 1
    );
    let mut bytes = Vec::new();
    file.take(MODULE_BYTES_MAX).read_to_end(&mut bytes).with_context(doing)?;
    ensure!(!bytes.is_empty(), "read {}: the file is empty", path.display());
    if bytes.starts_with(MAGIC) {
        return Ok(Input::Module(bytes));
    }
    if path.extension().is_some_and(|extension| extension == "toml") {
        let text = String::from_utf8(bytes)
            .with_context(|| format!("read the recipe {}", path.display()))?;
        let recipe = Recipe::from_toml(&text)
            .with_context(|| format!("read the recipe {}", path.display()))?;
        return Ok(Input::Recipe(recipe, None));
    }
    ensure!(
        !bytes.starts_with(ARTIFACT_MAGIC),
        "read {}: it is a compiled module; name the module that it was compiled from",
        path.display()
    );
    let is_named_module =
        path.extension().is_some_and(|extension| extension == "wasm" || extension == "wat");
    match shapes::from_bytes(&bytes) {
        _ if is_named_module => {}
        Ok(recipe) => return Ok(Input::Recipe(recipe, None)),
        // No text begins so: this is a fuzzer's input, of another version or damaged.
        Err(error) if bytes[0] < b'\t' => bail!("read {}: {error}", path.display()),
        Err(_) => {}
    }
    match wat::parse_bytes(&bytes) {
        Ok(module) if module.starts_with(MAGIC) => Ok(Input::Module(module.into_owned())),
        Ok(_) => {
            bail!("read {}: it is neither a module (binary or text) nor a recipe", path.display())
        }
        Err(error) => {
            let message = error.to_string();
            // The first line says what is wrong, the arrow where.
            let place = message.lines().find_map(|line| line.split_once("--> "));
            let place = place.and_then(|(_, place)| place.split_once(':'));
            let place = place.map(|(_, place)| format!(" (line {place})")).unwrap_or_default();
            let line = message.lines().next().unwrap_or_default().to_owned() + &place;
            bail!(
                "read {}: it is neither a binary module, a recipe (.toml) nor WebAssembly text: \
                 {line}",
                path.display()
            )
        }
    }
}
