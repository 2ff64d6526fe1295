//! The parent's side of running jobs: starts workers, sends them jobs, and takes back outcomes.
//!
//! A worker watches over its own children; this side only watches over the worker. Whatever goes
//! wrong here becomes [`Termination::Infrastructure`](crate::outcome::Termination), never a finding.

mod modules;
mod pool;
mod seat;
mod selftest;
mod unix;

pub use self::modules::{ArtifactFile, ModuleBytes, ModuleFileError, StoredModule};
pub use self::pool::{Bench, Next, Pool, PoolStats, Task, Tasks};
pub use self::seat::{Seat, SeatError};
pub use self::selftest::{Check, plant_one, self_test};
pub use self::unix::Mapped;

use crate::engines::{Code, EngineId, Installed};
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

/// An engine, and the executable whose workers run it.
#[derive(Clone, Debug)]
pub struct Host {
    exe: WorkerExe,
    engine: Installed,
}

impl Host {
    /// The host of an engine; `exe` is this executable.
    pub fn new(exe: &WorkerExe, engine: Installed) -> Host {
        let exe = match &engine.code {
            Code::Worker(file) => WorkerExe::at(file),
            Code::Builtin
            | Code::Library(_)
            | Code::Executable(_)
            | Code::Node(_)
            | Code::Jsc(_) => exe.clone(),
        };
        Host { exe, engine }
    }

    /// The host of the built-in engine.
    pub fn builtin(exe: &WorkerExe) -> Host {
        Host::new(exe, Installed::builtin())
    }

    /// The engine's name.
    pub fn id(&self) -> &EngineId {
        &self.engine.id
    }

    /// The engine.
    pub fn engine(&self) -> &Installed {
        &self.engine
    }
}
