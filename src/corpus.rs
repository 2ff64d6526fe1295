//! The project's memory: cases that once went wrong, and what each release is expected to do.
//!
//! A case is a folder: `recipe.toml` (or `module.wasm`, where there is no recipe) and
//! `expect.toml`. Its name is the case's name. What cannot be read is named with its path, and the
//! others are still there to be run.

mod add;
mod bless;
mod expect;

use crate::recipe::{Recipe, RecipeError};
use crate::shapes::{self, RecipeCheckError};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};
use thiserror::Error;

pub use self::add::{FILE_BYTES_MAX, New, slug};
pub use self::bless::blessed;
pub use self::expect::{EXPECT_VERSION, Expect, ExpectError, Expectations, PASS};

/// Name of the file with a case's recipe.
pub const RECIPE_FILE: &str = "recipe.toml";
/// Name of the file with its module, where it has no recipe.
pub const MODULE_FILE: &str = "module.wasm";
/// Name of the file that says what is expected.
pub const EXPECT_FILE: &str = "expect.toml";

/// What every module begins with, and its version.
const MODULE_HEAD: &[u8] = b"\0asm\x01\0\0\0";

/// Why a folder is no case.
#[derive(Debug, Error)]
pub enum CorpusError {
    /// Something could not be read.
    #[error("read {}: {source}", path.display())]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that a case has is not there.
    #[error("find {name} in {}: a case has {EXPECT_FILE} and either {RECIPE_FILE} or {MODULE_FILE}",
            folder.display())]
    Missing {
        /// The folder.
        folder: PathBuf,
        /// The file.
        name: &'static str,
    },
    /// It has a recipe and a module.
    #[error("use {}: it has both {RECIPE_FILE} and {MODULE_FILE}; remove one", .0.display())]
    Both(PathBuf),
    /// The recipe cannot be read.
    #[error("use {}: {source}", path.display())]
    Recipe {
        /// The file.
        path: PathBuf,
        /// Why.
        source: RecipeError,
    },
    /// The recipe does not fit its shape.
    #[error("use {}: {source}", path.display())]
    Check {
        /// The file.
        path: PathBuf,
        /// Why.
        source: RecipeCheckError,
    },
    /// What is expected cannot be read.
    #[error("use {}: {source}", path.display())]
    Expect {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ExpectError,
    },
    /// The module is none.
    #[error("use {}: it does not begin as a WebAssembly module does", .0.display())]
    NoModule(PathBuf),
    /// Several folders have one name, upper and lower case being equal.
    #[error("use the name {slug:?}: several cases have it, {}; rename all but one", list(.folders))]
    Twice {
        /// The name.
        slug: String,
        /// The folders.
        folders: Vec<PathBuf>,
    },
    /// No case is there.
    #[error("find a case in {}: it has no folder with {EXPECT_FILE}", .0.display())]
    Empty(PathBuf),
}

fn list(folders: &[PathBuf]) -> String {
    let all: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
    all.join(" and ")
}

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
        for directory in directories {
            match folders_of(directory) {
                Ok(found) if found.is_empty() => {
                    corpus.faults.push(CorpusError::Empty(directory.clone()));
                }
                Ok(found) => {
                    for folder in found {
                        let all = folders.entry(name_of(&folder).to_lowercase()).or_default();
                        if !all.contains(&folder) {
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
        let recipe = optional(&folder.join(RECIPE_FILE))?;
        let module = optional(&folder.join(MODULE_FILE))?;
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
            (None, Some(bytes)) if bytes.starts_with(MODULE_HEAD) => Specimen::Module(bytes),
            (None, Some(_)) => return Err(CorpusError::NoModule(folder.join(MODULE_FILE))),
            (Some(_), Some(_)) => return Err(CorpusError::Both(folder.to_owned())),
            (None, None) => {
                let folder = folder.to_owned();
                return Err(CorpusError::Missing { folder, name: RECIPE_FILE });
            }
        };
        let path = folder.join(EXPECT_FILE);
        let Some(text) = optional(&path)? else {
            return Err(CorpusError::Missing { folder: folder.to_owned(), name: EXPECT_FILE });
        };
        let expectations = Expectations::from_toml(&String::from_utf8_lossy(&text))
            .map_err(|source| CorpusError::Expect { path, source })?;
        let (slug, folder) = (name_of(folder), folder.to_owned());
        Ok(Entry { slug, folder, specimen, expectations })
    }
}

fn name_of(folder: &Path) -> String {
    // `.` and `..` have a name too.
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    whole.file_name().unwrap_or(whole.as_os_str()).to_string_lossy().into_owned()
}

/// The folders of cases in a directory, hidden ones left out; the directory itself, where it is
/// one.
fn folders_of(directory: &Path) -> io::Result<Vec<PathBuf>> {
    if [RECIPE_FILE, MODULE_FILE, EXPECT_FILE].iter().any(|name| directory.join(name).exists()) {
        return Ok(vec![directory.to_owned()]);
    }
    let mut folders = Vec::new();
    for there in fs::read_dir(directory)? {
        let path = there?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes()[0] == b'.');
        if path.is_dir() && !hidden {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}

/// The content of a file; `None` where there is none.
fn optional(path: &Path) -> Result<Option<Vec<u8>>, CorpusError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(CorpusError::Io { path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests;
