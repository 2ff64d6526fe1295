//! The parent's side of running jobs: starts workers, sends them jobs, and takes back outcomes.
//!
//! A worker watches over its own children; this side only watches over the worker. Whatever goes
//! wrong here becomes [`Termination::Infrastructure`](crate::outcome::Termination), never a finding.

mod modules;
mod pool;
mod seat;
mod selftest;

pub use self::modules::{ModuleFileError, StoredModule};
pub use self::pool::{Next, Pool, PoolStats, Task, Tasks};
pub use self::seat::{Seat, SeatError};
pub use self::selftest::{Check, plant_one, self_test};

use std::path::{Path, PathBuf};

/// Which executable to start as a worker.
#[derive(Clone, Debug)]
pub struct WorkerExe(PathBuf);

impl WorkerExe {
    /// The running executable, which is its own worker.
    pub fn this() -> std::io::Result<WorkerExe> {
        // The link stays right when the file has been replaced by a newer build meanwhile.
        std::fs::read_link("/proc/self/exe")?;
        Ok(WorkerExe(PathBuf::from("/proc/self/exe")))
    }

    /// Another `brink` executable.
    pub fn at(path: &Path) -> WorkerExe {
        WorkerExe(path.to_owned())
    }

    fn path(&self) -> &Path {
        &self.0
    }
}
