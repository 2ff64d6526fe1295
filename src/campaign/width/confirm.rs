//! Whether a wrong access of the matrix shows in a module of its own, every time.

use super::{WidthEvidence, Wrong};
use crate::campaign::events::Silent;
use crate::campaign::{
    CONFIRMATIONS, Case, CaseError, Finding, Judged, Repro, ReproRun, Subject, reproduce,
};
use crate::job::Budget;
use crate::recipe::Recipe;
use crate::sandbox::{Pool, SeatError};
use std::sync::atomic::AtomicBool;
use thiserror::Error;

/// Runs a wrong access of the matrix alone, with the plainest addresses that show it, as often as it
/// takes to confirm it. `None` where it does not show every time.
pub fn confirm_width(
    wrong: &Wrong,
    budget: Budget,
    pool: &Pool,
    stop: &AtomicBool,
) -> Result<Option<Finding>, WidthError> {
    let plain =
        |recipe: &Recipe| recipe.clone().with("address", 0).with("offset", 1).with("memory", 0);
    for recipe in wrong.recipes.iter().map(plain).chain(wrong.recipes.iter().cloned()) {
        let repro = Repro {
            case: Case::of_recipe(&recipe)?,
            backends: vec![wrong.backend.clone()],
            budget,
            times: CONFIRMATIONS + 1,
            keep_artifacts: false,
        };
        let mut report = reproduce(&repro, pool, stop, &Silent);
        if let Some(error) = report.seat_error {
            return Err(error.into());
        }
        let all = report.runs.len();
        let shows = |run: &ReproRun| {
            let oracle = wrong.evidence.oracle();
            let first = WidthEvidence::seen_by(oracle, &run.outcome).into_iter().next()?;
            let judged = run.violations.iter().find(|judged| judged.violation.oracle == oracle)?;
            (first.key() == wrong.evidence.key()).then(|| judged.clone())
        };
        let seen: Vec<Judged> = report.runs.iter().filter_map(shows).collect();
        let (Some(first), Some(run)) = (seen.first(), report.runs.pop()) else { continue };
        if seen.len() < all {
            continue;
        }
        let count = u32::try_from(all).unwrap_or(u32::MAX);
        let (subject, backend) = (Subject::Recipe(recipe), wrong.backend.clone());
        let seen = (count, count);
        return Ok(Some(Finding::of(first, subject, backend, budget, run.outcome, seen)));
    }
    Ok(None)
}

/// Why widths could not be checked.
#[derive(Debug, Error)]
pub enum WidthError {
    /// No worker would start.
    #[error(transparent)]
    Seat(#[from] SeatError),
    /// A module could not be stored.
    #[error(transparent)]
    Case(#[from] CaseError),
}
