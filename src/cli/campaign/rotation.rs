//! What the rounds of a campaign do, in turn. To add a step: a file beside this one with a unit
//! struct that implements [`Step`], and its place in [`ROTATION`].

use super::corpus::Corpus;
use super::{hunting, regressing, sweeping};
use crate::campaign::{Finding, Observer};
use crate::cli::session::{Plan, RunFile};
use crate::recipe::Recipe;
use crate::sandbox::{Pool, PoolStats};
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// The steps, in turn.
pub(super) const ROTATION: &[&dyn Step] =
    &[&hunting::Hunting, &sweeping::Sweeping, &regressing::Regressing];

/// What a round may do.
pub(super) trait Step {
    /// Its name: a verb's noun, as `hunt`.
    fn name(&self) -> &'static str;

    /// What it has of the time of a round, which is a second or more.
    fn share(&self, time: Duration) -> Duration {
        time
    }

    /// The recipes that a round is about; none where there is nothing to do now. They are kept with
    /// the round, so that it is about the same after a kill.
    fn recipes(&self, corpus: &Corpus, observer: &dyn Observer) -> Result<Option<Vec<Recipe>>>;

    /// Runs a round, or what is left of it.
    fn run(&self, round: &Round<'_>) -> Result<Done>;
}

/// What a round is: kept in its `run.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct RoundPlan {
    /// Its number, from 0.
    pub(super) round: u64,
    /// The name of its step.
    pub(super) step: String,
    pub(super) round_seed: u64,
    pub(super) shard: (u64, u64),
    pub(super) recipes: Vec<Recipe>,
}

impl Plan for RoundPlan {
    const COMMAND: &'static str = "campaign round";

    fn seed(&self) -> u64 {
        self.round_seed
    }
}

/// A round that is under way.
pub(super) struct Round<'a> {
    pub(super) file: &'a RunFile<RoundPlan>,
    /// What is left of its time.
    pub(super) time: Option<Duration>,
    /// What happened in it before a kill.
    pub(super) past: Vec<crate::campaign::Event>,
    /// The recipes that the campaign keeps.
    pub(super) corpus: &'a Corpus,
    /// What the campaign has found.
    pub(super) found: Vec<Finding>,
    pub(super) pool: &'a Pool,
    pub(super) observer: &'a dyn Observer,
    pub(super) stop: &'a AtomicBool,
}

/// How a round ended.
pub(super) struct Done {
    /// Whether it came to its end, rather than being stopped.
    pub(super) complete: bool,
    pub(super) stats: PoolStats,
    /// Recipes that are worth keeping.
    pub(super) worth: Vec<Recipe>,
}

/// The seed of a round: of the campaign's seed and its number alone.
pub(super) fn seed(campaign: u64, round: u64) -> u64 {
    let mut hasher = blake3::Hasher::new_derive_key("brink campaign round");
    hasher.update(&campaign.to_le_bytes());
    hasher.update(&round.to_le_bytes());
    let mut bytes = [0; 8];
    hasher.finalize_xof().fill(&mut bytes);
    // As a float holds it, since other programs may read the seed as one.
    u64::from_le_bytes(bytes) >> 11
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_round_has_a_seed_of_its_own_and_always_the_same() {
        let seeds: std::collections::BTreeSet<u64> =
            (0..3).flat_map(|campaign| (0..100).map(move |round| seed(campaign, round))).collect();
        assert_eq!(seeds.len(), 300);
        assert_eq!(seed(1, 2), seed(1, 2));
    }

    #[test]
    fn names_of_steps_are_told_apart() {
        let names: std::collections::BTreeSet<_> = ROTATION.iter().map(|it| it.name()).collect();
        assert_eq!(names.len(), ROTATION.len());
    }
}
