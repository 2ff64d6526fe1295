//! The project's memory: cases that once went wrong, and what each release is expected to do.
//!
//! A case is a folder: `recipe.toml` (or `module.wasm`, where there is no recipe) and
//! `expect.toml`. Its name is the case's name. What cannot be read is named with its path, and the
//! others are still there to be run.

mod add;
mod bless;
mod error;
mod expect;
mod read;

use self::read::{folders_of, name_of, optional};
use crate::limits::{HeadroomError, headroom};
use crate::recipe::Recipe;
use crate::shapes;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

pub use self::add::{FILE_BYTES_MAX, New, slug};
pub use self::bless::blessed;
pub use self::error::CorpusError;
pub use self::expect::{EXPECT_VERSION, Expect, ExpectError, Expectations, PASS};

/// Name of the file with a case's recipe.
pub const RECIPE_FILE: &str = "recipe.toml";
/// Name of the file with its module, where it has no recipe.
pub const MODULE_FILE: &str = "module.wasm";
/// Name of the file that says what is expected.
pub const EXPECT_FILE: &str = "expect.toml";

/// What every module begins with, and its version.
const MODULE_HEAD: &[u8] = b"\0asm\x01\0\0\0";

/// Largest text of a case that is read, in bytes: no more is committed either.
pub const TEXT_BYTES_MAX: u64 = FILE_BYTES_MAX as u64;
/// Largest module that is read, in bytes: no engine takes more. What is committed is smaller.
const MODULE_BYTES_MAX: u64 = 1 << 30;

/// What is compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Specimen {
    /// A recipe.
    Recipe(Recipe),
    /// A module in binary form.
    Module(Vec<u8>),
}

/// A case.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name.
    pub slug: String,
    /// Where it is.
    pub folder: PathBuf,
    /// What is compiled.
    pub specimen: Specimen,
    /// What is expected of whom.
    pub expectations: Expectations,
}

/// The cases of some directories.
#[derive(Debug, Default)]
pub struct Corpus {
    /// The cases, by name.
    pub entries: Vec<Entry>,
    /// What is wrong with the other folders.
    pub faults: Vec<CorpusError>,
}

impl Corpus {
    /// Reads all cases in these directories; a directory may also be a case itself.
    pub fn read(directories: &[PathBuf]) -> Corpus {
        let mut corpus = Corpus::default();
        let mut folders: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        // One folder has many paths, of which the first one is told.
        let mut places = BTreeSet::new();
        for directory in directories {
            match folders_of(directory) {
                Ok((found, dangling)) if found.is_empty() && dangling.is_empty() => {
                    corpus.faults.push(CorpusError::Empty(directory.clone()));
                }
                Ok((found, dangling)) => {
                    corpus.faults.extend(dangling.into_iter().map(CorpusError::Dangling));
                    for folder in found {
                        let place = folder.canonicalize().unwrap_or_else(|_| folder.clone());
                        if places.insert(place) {
                            let all = folders.entry(name_of(&folder).to_lowercase()).or_default();
                            all.push(folder);
                        }
                    }
                }
                Err(source) => {
                    corpus.faults.push(CorpusError::Io { path: directory.clone(), source });
                }
            }
        }
        for (slug, mut folders) in folders {
            if folders.len() > 1 {
                corpus.faults.push(CorpusError::Twice { slug, folders });
                continue;
            }
            match folders.pop().map(|folder| Entry::read(&folder)) {
                Some(Ok(entry)) => corpus.entries.push(entry),
                Some(Err(fault)) => corpus.faults.push(fault),
                None => {}
            }
        }
        corpus
    }
}

impl Entry {
    /// Reads the case in a folder.
    pub fn read(folder: &Path) -> Result<Entry, CorpusError> {
        let recipe = optional(&folder.join(RECIPE_FILE), TEXT_BYTES_MAX)?;
        let module = optional(&folder.join(MODULE_FILE), MODULE_BYTES_MAX)?;
        let specimen = match (recipe, module) {
            (Some(text), None) => {
                let path = || folder.join(RECIPE_FILE);
                let text = String::from_utf8_lossy(&text);
                let recipe = Recipe::from_toml(&text)
                    .map_err(|source| CorpusError::Recipe { path: path(), source })?;
                shapes::check(&recipe)
                    .map_err(|source| CorpusError::Check { path: path(), source })?;
                Specimen::Recipe(recipe)
            }
            (None, Some(bytes)) => {
                check_module(&bytes, &folder.join(MODULE_FILE))?;
                Specimen::Module(bytes)
            }
            (Some(_), Some(_)) => return Err(CorpusError::Both(folder.to_owned())),
            (None, None) => {
                let folder = folder.to_owned();
                return Err(CorpusError::Missing { folder, name: RECIPE_FILE });
            }
        };
        let path = folder.join(EXPECT_FILE);
        let Some(text) = optional(&path, TEXT_BYTES_MAX)? else {
            return Err(CorpusError::Missing { folder: folder.to_owned(), name: EXPECT_FILE });
        };
        let expectations = Expectations::from_toml(&String::from_utf8_lossy(&text))
            .map_err(|source| CorpusError::Expect { path, source })?;
        let (slug, folder) = (name_of(folder), folder.to_owned());
        Ok(Entry { slug, folder, specimen, expectations })
    }
}

/// Refuses a module that cannot be read to its end: no engine would get to the point of the case.
fn check_module(bytes: &[u8], path: &Path) -> Result<(), CorpusError> {
    if !bytes.starts_with(MODULE_HEAD) {
        return Err(CorpusError::NoModule(path.to_owned()));
    }
    match headroom(bytes) {
        // A module may be invalid on purpose.
        Ok(_) | Err(HeadroomError::UnknownIndex { .. }) => Ok(()),
        Err(source) if source.is_past_a_limit() => Ok(()),
        Err(source @ (HeadroomError::Unreadable(_) | HeadroomError::Component)) => {
            Err(CorpusError::Unreadable { path: path.to_owned(), source })
        }
    }
}

#[cfg(test)]
mod tests;
