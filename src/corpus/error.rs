//! What can be wrong with a folder that is to be a case, each in one sentence with its path.

use super::{EXPECT_FILE, ExpectError, MODULE_FILE, RECIPE_FILE};
use crate::limits::HeadroomError;
use crate::recipe::RecipeError;
use crate::shapes::RecipeCheckError;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

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
    /// The module cannot be read to its end; one that is merely invalid can be.
    #[error("use {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: HeadroomError,
    },
    /// Something else than a file has the name of one.
    #[error("read {}: it is no file", .0.display())]
    NoFile(PathBuf),
    /// A link leads nowhere.
    #[error("follow the link {}: what it leads to is not there", .0.display())]
    Dangling(PathBuf),
    /// A file is larger than any that a case has.
    #[error("read {}: it has {bytes} bytes, and {most} are the most", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// How large it is.
        bytes: u64,
        /// How large it may be.
        most: u64,
    },
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
