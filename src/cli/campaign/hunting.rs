//! A round that hunts, from what is newest in the corpus as well.

use super::corpus::Corpus;
use super::rotation::{Done, Round, Step};
use crate::campaign::{Hunt, HuntOptions, Observer};
use crate::recipe::Recipe;
use anyhow::Result;

/// Recipes of the corpus that a hunt begins with.
const KNOWN_MAX: usize = 16;

pub(super) struct Hunting;

impl Step for Hunting {
    fn name(&self) -> &'static str {
        "hunt"
    }

    fn recipes(&self, corpus: &Corpus, observer: &dyn Observer) -> Result<Option<Vec<Recipe>>> {
        Ok(Some(corpus.newest(KNOWN_MAX, observer)?))
    }

    fn run(&self, round: &Round<'_>) -> Result<Done> {
        let plan = &round.file.plan;
        let mut options = HuntOptions {
            backends: round.file.backends.clone(),
            budget: round.file.budget,
            time: round.time,
            cases: None,
            seed: plan.round_seed,
            shard: plan.shard,
            first: 0,
            known: plan.recipes.clone(),
            past: Vec::new(),
            open: Vec::new(),
            found: round.found.clone(),
        };
        options.go_on(round.past.clone());
        let end = Hunt::new(options, round.observer, round.stop).run(round.pool)?;
        Ok(Done { complete: end.complete, stats: end.stats, worth: end.best })
    }
}
