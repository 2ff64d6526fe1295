//! Engines on this machine: obtaining them, and keeping them in a cache.
//!
//! Nothing is downloaded or built unless a person asked for that engine by name. An engine comes
//! into the cache whole or not at all: it is put together beside it, tried, and moved in.

mod build;
mod cache;
mod fuzzer;
mod library;
mod probe;
mod program;
mod results;
mod tool;
mod wheel;

pub use self::build::{Against, Profile, between, build};
pub use self::cache::{Cache, release_order};
pub use self::fuzzer::merge_corpus;
pub use self::library::add_library;
pub use self::probe::probe;
pub use self::program::{add_executable, add_web};
pub use self::results::module_hash;
pub use self::wheel::{add_release, newest_releases};

use crate::names::did_you_mean;
use crate::sandbox::SeatError;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Why an engine is not there.
#[derive(Debug, Error)]
pub enum ProvisionError {
    /// The cache knows no such engine.
    #[error(
        "find the engine {name:?}{}; `brink engine list` names those that are there, and \
         `brink engine add` gets more",
        did_you_mean(.nearest.as_deref())
    )]
    Unknown {
        /// The name asked for.
        name: String,
        /// The name that looks most like it.
        nearest: Option<String>,
    },
    /// A file or folder could not be used.
    #[error("{doing} {}: {source}", .path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// What is in the cache is not what was put there.
    #[error(
        "use the engine {id}: {reason}; remove it with `brink engine remove {id}` and add it again"
    )]
    Damaged {
        /// The engine.
        id: String,
        /// What is wrong.
        reason: String,
    },
    /// A program that was needed failed or is not there.
    #[error("{doing}: {reason}")]
    Tool {
        /// What it was needed for.
        doing: String,
        /// What went wrong.
        reason: String,
    },
    /// What was obtained is not what was asked for.
    #[error("{doing}: {reason}")]
    Unfit {
        /// What was being done.
        doing: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The engine does not run.
    #[error("try the engine: {0}")]
    Seat(#[from] SeatError),
}

/// An error about a file.
fn file_error(
    doing: &'static str,
    path: impl Into<PathBuf>,
) -> impl FnOnce(io::Error) -> ProvisionError {
    let path = path.into();
    move |source| ProvisionError::File { doing, path, source }
}
