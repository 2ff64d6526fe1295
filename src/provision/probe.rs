//! Finds what an engine lacks by trying: a small module for each proposal on each target.
//!
//! Tables of which release has what would be long and wrong; the engine itself knows. A target that
//! refuses even the first version of WebAssembly, or cannot be configured, is not offered.

use crate::engines::Installed;
use crate::engines::{Backend, targets};
use crate::job::{Budget, Job};
use crate::outcome::{EngineVerdict, Outcome, Termination};
use crate::proposals::Proposal;
use crate::sandbox::{Host, Seat, SeatError, StoredModule, WorkerExe};
use crate::shapes::{Rope, specimen};
use std::collections::{BTreeMap, BTreeSet};

/// What trying one small module may cost.
const BUDGET: Budget = Budget::new(30, 2 << 30);

/// Fills in what `engine` lacks on each target that it offers; `exe` is this executable.
pub fn probe(exe: &WorkerExe, mut engine: Installed) -> Result<Installed, SeatError> {
    engine.lacks = BTreeMap::new();
    let mut seat = Seat::start(&Host::new(exe, engine.clone()))?;
    let specimens: Vec<(Proposal, Rope)> =
        Proposal::ALL.iter().map(|&proposal| (proposal, Rope::from(specimen(proposal)))).collect();
    for target in targets(&engine.id) {
        let backend = Backend::new(target).on(&engine.id);
        let jobs = specimens.iter().zip(0..).filter_map(|((proposal, module), id)| {
            Some(Job {
                id,
                module: StoredModule::new(module).ok()?.source(),
                proposals: BTreeSet::from_iter(
                    proposal.builds_on().iter().copied().chain([*proposal]),
                ),
                backend: backend.clone(),
                budget: BUDGET,
                artifact: None,
                repeat: false,
                edge: None,
                execution: None,
                shortage: None,
            })
        });
        let mut lacks = BTreeSet::new();
        let mut each = |outcome: Outcome| {
            let at = usize::try_from(outcome.job).unwrap_or(usize::MAX);
            if let Some((proposal, _)) = specimens.get(at)
                && refuses(&outcome)
            {
                lacks.insert(*proposal);
            }
        };
        seat.run(jobs.collect(), &|| false, &mut each)?;
        if !lacks.contains(&Proposal::Mvp) {
            engine.lacks.insert(target.id.to_owned(), lacks);
        }
    }
    Ok(engine)
}

/// A crash is no refusal: who crashes has it, if badly.
fn refuses(outcome: &Outcome) -> bool {
    match &outcome.termination {
        Termination::Completed { verdict } => match verdict {
            EngineVerdict::Accepted { .. } => false,
            EngineVerdict::Refused { .. } | EngineVerdict::NotApplicable { .. } => true,
        },
        // Nor is a job that could not be run: it would be taken for lacking for ever.
        Termination::Infrastructure { .. }
        | Termination::TimedOut { .. }
        | Termination::OutOfMemory { .. }
        | Termination::Panicked { .. }
        | Termination::StackOverflow { .. }
        | Termination::Signaled { .. }
        | Termination::OutputLimit
        | Termination::Ambiguous => false,
    }
}
