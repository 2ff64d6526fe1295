//! Machine code on its way from jobs to the check of its accesses.

use super::Case;
use crate::job::Job;
use crate::outcome::{EngineVerdict, MachineCheck, Outcome, Termination};
use crate::sandbox::ArtifactFile;
use crate::width;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// What triples of targets begin with whose code can be looked at.
const CHECKED: &str = "x86_64";

/// The artifacts that running jobs write.
#[derive(Debug, Default)]
pub(super) struct Artifacts(Mutex<HashMap<u64, std::io::Result<ArtifactFile>>>);

impl Artifacts {
    /// Asks a job for its artifact, where its code can be looked at.
    pub(super) fn ask(&self, job: &mut Job) {
        if !job.backend.target().triple.starts_with(CHECKED) {
            return;
        }
        let file = ArtifactFile::new();
        job.artifact = file.as_ref().ok().map(ArtifactFile::path);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(job.id, file);
    }

    /// Looks at the machine code that a job wrote, and adds what is found to its outcome.
    pub(super) fn look(&self, case: &Case, outcome: &mut Outcome) {
        let file = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&outcome.job);
        let Some(file) = file else { return };
        let accepted = matches!(
            outcome.termination,
            Termination::Completed { verdict: EngineVerdict::Accepted { .. } }
        );
        if accepted {
            let checked = file
                .and_then(|file| file.read())
                .and_then(|artifact| Ok((artifact, case.module.bytes()?)))
                .map(|(artifact, module)| width::check(&module, &artifact, case.accesses_count));
            let failed =
                |error| MachineCheck::failed(format!("hand over the machine code: {error}"));
            outcome.machine = Some(checked.unwrap_or_else(failed));
        }
    }
}
