//! What to sweep, and what an earlier part of the sweep has done.

use crate::campaign::{Event, Scope, Subject};
use crate::engines::Backend;
use crate::job::Budget;
use crate::outcome::Outcome;
use crate::recipe::{Proximity, RecipeId};
use crate::triage::Signature;
use std::collections::BTreeMap;
use std::time::Duration;

/// What to sweep.
#[derive(Clone, Debug)]
pub struct SweepOptions {
    /// Which lines.
    pub scope: Scope,
    /// On which backends.
    pub backends: Vec<Backend>,
    /// Under which limits.
    pub budget: Budget,
    /// The time for the whole sweep, if it is limited.
    pub time: Option<Duration>,
    /// Cells of an earlier part of the same run, by line, proximity and backend; they are not run
    /// again.
    pub past: BTreeMap<(String, Proximity, Backend), Past>,
    /// Findings of an earlier part.
    pub known: Vec<Signature>,
}

impl SweepOptions {
    /// Leaves out what an earlier part of the run has done, as its events say.
    pub fn go_on(&mut self, past: &[Event]) {
        for event in past {
            if let Event::Found { finding } = event {
                self.known.push(finding.signature.clone());
            } else if let Event::JobEnded {
                line,
                at: Some(at),
                backend,
                outcome,
                violations,
                subject: Subject::Recipe(recipe),
                ..
            } = event
                && outcome.says_something()
            {
                let past = Past {
                    recipe: recipe.id(),
                    outcome: Outcome::clone(outcome),
                    violations: violations.clone(),
                };
                self.past.insert((line.clone(), *at, backend.clone()), past);
            }
        }
    }
}

/// What came of a cell in an earlier part of the run.
#[derive(Clone, Debug)]
pub struct Past {
    /// Its recipe.
    pub recipe: RecipeId,
    /// What came of it.
    pub outcome: Outcome,
    /// Signatures of its violations.
    pub violations: Vec<String>,
}
