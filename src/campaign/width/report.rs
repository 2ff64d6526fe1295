//! What checking the matrix brought.

use crate::engines::Backend;
use crate::outcome::{EngineVerdict, Mismatch, Outcome, Termination};
use crate::recipe::Recipe;
use crate::sandbox::PoolStats;
use crate::shapes::accesses_recipe;
use crate::width::{Batch, Point};
use std::collections::BTreeMap;

/// What came of it.
#[derive(Debug, Default)]
pub struct WidthReport {
    /// Functions looked at, over all backends.
    pub functions: u64,
    /// Machine accesses looked at.
    pub accesses: u64,
    /// Machine code looked at, in bytes.
    pub code_bytes: u64,
    /// By backend, how many modules were looked at, and how many it does not take.
    pub modules: BTreeMap<Backend, (u64, u64)>,
    /// What is wrong, by kind and operator.
    pub wrong: BTreeMap<String, Vec<Wrong>>,
    /// What could not be told, each with its backend; and how many there are.
    pub unsure: Vec<(Backend, String)>,
    /// How many there are.
    pub unsure_count: u64,
    /// What could not be looked at, each with its backend.
    pub failed: Vec<(Backend, String)>,
    /// How the machine was used.
    pub stats: PoolStats,
}

/// One wrong access of the matrix.
#[derive(Clone, Debug)]
pub struct Wrong {
    /// Its function alone, cut down to each of its units: one of them has it.
    pub recipes: Vec<Recipe>,
    /// What compiled it.
    pub backend: Backend,
    /// What is wrong.
    pub mismatch: Mismatch,
}

impl WidthReport {
    pub(super) fn add(&mut self, batch: &Batch, backend: &Backend, outcome: &Outcome) {
        let (looked_at, not_taken) = self.modules.entry(backend.clone()).or_default();
        let Some(machine) = &outcome.machine else {
            let ended = &outcome.termination;
            if let Termination::Completed { verdict: EngineVerdict::NotApplicable { .. } } = ended {
                // Which proposals a backend lacks is known; the rest of the matrix goes on.
                *not_taken += 1;
            } else if let Termination::Completed { verdict: EngineVerdict::Refused { refusal } } =
                ended
            {
                self.failed.push((backend.clone(), format!("refused: {}", refusal.message)));
            } else {
                self.failed.push((backend.clone(), format!("ended in {}", ended.name())));
            }
            return;
        };
        if let Some(reason) = &machine.failure {
            self.failed.push((backend.clone(), reason.clone()));
            return;
        }
        *looked_at += 1;
        self.functions += machine.functions;
        self.accesses += machine.accesses;
        self.code_bytes += machine.code_bytes;
        self.unsure_count += machine.unsure_count;
        self.unsure.extend(machine.unsure.iter().map(|why| (backend.clone(), why.clone())));
        for mismatch in &machine.mismatches {
            let Some(Point { units, addressing }) = batch.point(mismatch.function) else {
                let reason = format!("function {} is not of the matrix", mismatch.function);
                self.failed.push((backend.clone(), reason));
                continue;
            };
            let recipe = |unit| accesses_recipe(unit, *addressing, batch.memory);
            let recipes = units.iter().map(recipe).collect();
            let key = format!("{} {}", mismatch.kind, mismatch.operator);
            let wrong = Wrong { recipes, backend: backend.clone(), mismatch: mismatch.clone() };
            self.wrong.entry(key).or_default().push(wrong);
        }
    }
}
