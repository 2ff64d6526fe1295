//! The entries of a corpus: files with a recipe each, as text or in the compact form.
//!
//! What cannot be used is named and left out, and the rest goes on. Only recipes are ever written as
//! what lasts: they carry a version, so that a change of the generator does not move their meaning.

use crate::campaign::FUZZED_BYTES_MAX;
use crate::cli::exit::{in_one_sentence, remark};
use crate::cli::{Exit, recipes};
use crate::recipe::Recipe;
use crate::shapes;
use crate::store;
use anyhow::{Context, Result, ensure};
use clap::Args;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Reasons that are told one by one; of the rest only the number.
const TOLD_MAX: usize = 20;

/// Entries of one corpus that are read: many times what fuzzers keep.
const ENTRIES_MAX: usize = 1 << 20;

/// Which recipes a command is about.
#[derive(Args, Debug)]
pub(super) struct EntriesOpts {
    /// Folders of recipes, or of a libFuzzer corpus
    #[arg(required = true, value_name = "FOLDER")]
    from: Vec<PathBuf>,
    /// Leave out recipes whose module has more bytes; fuzzers reject those above the default
    #[arg(long, value_name = "BYTES", default_value_t = FUZZED_BYTES_MAX)]
    max_bytes: u64,
}

impl EntriesOpts {
    /// Reads them.
    pub(super) fn read(&self) -> Result<Entries> {
        Entries::read(&self.from, self.max_bytes)
    }
}

/// A corpus as far as it can be used.
#[derive(Debug, Default)]
pub(super) struct Entries {
    /// The recipes, each once, in the order of their files.
    pub(super) recipes: Vec<Recipe>,
    /// Files that are no use.
    rejected: usize,
}

impl Entries {
    /// Reads the files of the folders, and of the folders in them. Recipes whose module would have more
    /// than `module_bytes_max` bytes are left out.
    pub(super) fn read(folders: &[PathBuf], module_bytes_max: u64) -> Result<Entries> {
        let mut paths = Vec::new();
        let mut entries = Entries::default();
        for folder in folders {
            let listed = fs::read_dir(folder)
                .with_context(|| format!("list the corpus {}", folder.display()))?;
            entries.list(listed, &mut paths)?;
        }
        paths.sort();
        let mut seen = BTreeSet::new();
        for path in &paths {
            match recipe(path, module_bytes_max) {
                Ok(recipe) if seen.insert(recipe.id()) => entries.recipes.push(recipe),
                Ok(_) => {}
                Err(error) => entries.reject(path, &in_one_sentence(&error)),
            }
        }
        Ok(entries)
    }

    fn list(&mut self, listed: fs::ReadDir, paths: &mut Vec<PathBuf>) -> Result<()> {
        for entry in listed.flatten() {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => match fs::read_dir(&path) {
                    Ok(listed) => self.list(listed, paths)?,
                    Err(error) => self.reject(&path, &error.to_string()),
                },
                Ok(_) => paths.push(path),
                Err(error) => self.reject(&path, &error.to_string()),
            }
            ensure!(
                paths.len() <= ENTRIES_MAX,
                "read a corpus of more than {ENTRIES_MAX} files; split it, or minimise it first"
            );
        }
        Ok(())
    }

    fn reject(&mut self, path: &Path, reason: &str) {
        self.rejected += 1;
        if self.rejected <= TOLD_MAX {
            remark(&format!("brink: left out {}: {reason}", path.display()));
        }
    }

    /// Says what came of it, and how the command ends: what was left out must not go unseen.
    pub(super) fn finish(&self, done: &str) -> Exit {
        if self.rejected > TOLD_MAX {
            remark(&format!("brink: left out {} more", self.rejected - TOLD_MAX));
        }
        remark(&format!("{done}; {} left out", files(self.rejected)));
        if self.rejected == 0 { Exit::Nothing } else { Exit::Usage }
    }
}

fn files(count: usize) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}

fn recipe(path: &Path, module_bytes_max: u64) -> Result<Recipe> {
    let recipe = recipes::read(path)?;
    ensure!(
        shapes::small(&recipe, module_bytes_max).is_some(),
        "{recipe} makes a module of more than {module_bytes_max} bytes, or has counts to match; see \
         --max-bytes"
    );
    Ok(recipe)
}

/// Makes the folder that results go to.
pub(super) fn make_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("make the folder {}", folder.display()))
}

/// Writes recipes as text, each under its id.
pub(super) fn write_recipes(all: &[Recipe], folder: &Path) -> Result<()> {
    make_folder(folder)?;
    all.iter().try_for_each(|recipe| recipes::write(recipe, folder))
}

/// Writes a file that appears whole.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    Ok(store::write_file(path, &mut |sink| sink.write_all(bytes))?)
}
