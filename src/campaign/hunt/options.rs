//! What to hunt, and where an earlier part of the hunt ended.

use crate::campaign::{Event, Finding, Subject};
use crate::engines::Backend;
use crate::job::Budget;
use crate::outcome::Outcome;
use crate::recipe::Recipe;
use std::collections::BTreeSet;
use std::time::Duration;

/// What to hunt.
#[derive(Clone, Debug)]
pub struct HuntOptions {
    /// On which backends.
    pub backends: Vec<Backend>,
    /// Under which limits.
    pub budget: Budget,
    /// For how long, if that is limited.
    pub time: Option<Duration>,
    /// How many cases, if that is limited; the search is repeatable then.
    pub cases: Option<u64>,
    /// What chance is drawn from.
    pub seed: u64,
    /// The part of the search that is done here, from 1, and the number of parts.
    pub shard: (u64, u64),
    /// The number of the first case: above 0 where an earlier part has begun.
    pub first: u64,
    /// Recipes to begin with, before a small module of each shape.
    pub known: Vec<Recipe>,
    /// Jobs of an earlier part of the same hunt: recipe, backend, outcome.
    pub past: Vec<(Recipe, Backend, Outcome)>,
    /// What went wrong in an earlier part and had not been confirmed when that ended.
    pub open: Vec<(Recipe, Backend)>,
    /// Findings of an earlier part.
    pub found: Vec<Finding>,
}

impl HuntOptions {
    /// Begins where an earlier part of the hunt ended, as its events say.
    pub fn go_on(&mut self, past: Vec<Event>) {
        let mut open = Vec::new();
        for event in past {
            if let Event::Found { finding } = event {
                self.found.push(*finding);
            } else if let Event::JobEnded { line, subject, backend, outcome, violations, .. } =
                event
            {
                let number = line.split(' ').nth(2).and_then(|word| word.parse::<u64>().ok());
                self.first = self.first.max(number.map_or(0, |number| number + 1));
                let Subject::Recipe(recipe) = subject else { continue };
                if !violations.is_empty() {
                    open.push((recipe.clone(), backend.clone(), violations));
                }
                if outcome.says_something() {
                    self.past.push((recipe, backend, Outcome::clone(&outcome)));
                }
            }
        }
        // One case of each is enough, and none of what was found.
        let mut told: BTreeSet<String> =
            self.found.iter().map(|finding| finding.signature.to_string()).collect();
        for (recipe, backend, violations) in open {
            let before = told.len();
            told.extend(violations);
            if told.len() > before {
                self.open.push((recipe, backend));
            }
        }
    }
}
