//! A round that drives what is newest in the corpus along each of its counts, on every backend: a
//! hunt tries a recipe on one.

use super::corpus::Corpus;
use super::rotation::{Done, Round, Step};
use crate::campaign::{Observer, Scope, Sweep, SweepOptions};
use crate::cli::sweep::LADDER;
use crate::recipe::Recipe;
use anyhow::Result;
use std::collections::BTreeMap;
use std::time::Duration;

/// Recipes of one round: as many as a few minutes take.
const RECIPES_MAX: usize = 12;

pub(super) struct Sweeping;

impl Step for Sweeping {
    fn name(&self) -> &'static str {
        "sweep"
    }

    /// A sweep of a few recipes is done sooner than a hunt.
    fn share(&self, time: Duration) -> Duration {
        (time / 2).max(Duration::from_secs(1))
    }

    fn recipes(&self, corpus: &Corpus, observer: &dyn Observer) -> Result<Option<Vec<Recipe>>> {
        let recipes = corpus.not_swept(RECIPES_MAX, observer)?;
        Ok(Some(recipes).filter(|recipes| !recipes.is_empty()))
    }

    fn run(&self, round: &Round<'_>) -> Result<Done> {
        let scope = Scope {
            recipes: round.file.plan.recipes.clone(),
            rungs: LADDER.to_vec(),
            ..Scope::default()
        };
        let mut options = SweepOptions {
            scope,
            backends: round.file.backends.clone(),
            budget: round.file.budget,
            time: round.time,
            past: BTreeMap::new(),
            known: round.found.iter().map(|finding| finding.signature.clone()).collect(),
        };
        options.go_on(&round.past);
        let end = Sweep::new(options, round.observer, round.stop).run(round.pool)?;
        Ok(Done { complete: end.complete, stats: end.stats, worth: Vec::new() })
    }
}
