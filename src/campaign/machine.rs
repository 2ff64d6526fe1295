//! Machine code on its way from jobs to the check of its accesses.

use super::Case;
use crate::engines::Backend;
use crate::job::Job;
use crate::outcome::{EngineVerdict, MachineCheck, Outcome, Termination};
use crate::sandbox::{ArtifactFile, Bench, SeatError, Task};
use crate::width;
use std::collections::HashMap;
use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};

/// Larger modules, in bytes, are looked at one at a time.
const LARGE_BYTES: u64 = 256 << 10;

/// Runs one job of a case alone, machine code looked at; `None` where it was stopped.
pub fn inspected(
    bench: &mut Bench<'_>,
    case: &Case,
    mut job: Job,
    stop: &AtomicBool,
) -> Result<Option<Outcome>, SeatError> {
    let artifacts = Artifacts::default();
    artifacts.ask(&mut job);
    let backend = job.backend.clone();
    let task = Task { jobs: vec![job], module: case.module.clone() };
    let outcome = bench.run(task, stop)?.pop();
    Ok(outcome.map(|mut outcome| {
        artifacts.look(case, &backend, &mut outcome);
        outcome
    }))
}

/// The artifacts that running jobs write.
#[derive(Debug, Default)]
pub(super) struct Artifacts {
    files: Mutex<HashMap<u64, io::Result<ArtifactFile>>>,
    /// Held while a large module is looked at: what is known of it is not part of any job's memory.
    large: Mutex<()>,
    /// By job, the artifacts that somebody wants to have; `None` where nobody does.
    kept: Option<Mutex<HashMap<u64, Vec<u8>>>>,
}

impl Artifacts {
    /// With `keep`, every artifact is kept.
    pub(super) fn new(keep: bool) -> Artifacts {
        Artifacts { kept: keep.then(Mutex::default), ..Artifacts::default() }
    }

    /// The artifact of a job, where it is kept.
    pub(super) fn take(&self, job: u64) -> Option<Vec<u8>> {
        self.kept.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner).remove(&job)
    }

    /// Asks a job for its artifact, where its code can be looked at or somebody wants to have it.
    pub(super) fn ask(&self, job: &mut Job) {
        if self.kept.is_none() && !job.backend.target().is_x86_64() {
            return;
        }
        let file = ArtifactFile::new();
        job.artifact = file.as_ref().ok().map(ArtifactFile::path);
        self.files.lock().unwrap_or_else(PoisonError::into_inner).insert(job.id, file);
    }

    /// Looks at the machine code that a job wrote, and adds what is found to its outcome.
    pub(super) fn look(&self, case: &Case, backend: &Backend, outcome: &mut Outcome) {
        let file = self.files.lock().unwrap_or_else(PoisonError::into_inner).remove(&outcome.job);
        let Some(file) = file else { return };
        let accepted = matches!(
            outcome.termination,
            Termination::Completed { verdict: EngineVerdict::Accepted { .. } }
        );
        if !accepted {
            return;
        }
        let artifact = file.and_then(|file| file.read());
        if backend.target().is_x86_64() {
            let is_large = case.module_bytes > LARGE_BYTES;
            let _alone =
                is_large.then(|| self.large.lock().unwrap_or_else(PoisonError::into_inner));
            let failed =
                |error: &io::Error| MachineCheck::failed(format!("read the machine code: {error}"));
            outcome.machine = Some(match (&artifact, case.module.bytes()) {
                (Ok(artifact), Ok(module)) => width::check(&module, artifact, case.accesses_count),
                (Err(error), _) => failed(error),
                (_, Err(error)) => failed(&error),
            });
        }
        if let (Some(kept), Ok(artifact)) = (&self.kept, artifact) {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.insert(outcome.job, artifact.to_vec());
        }
    }
}
