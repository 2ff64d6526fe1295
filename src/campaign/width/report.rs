//! What checking the matrix brought.

use crate::engines::Backend;
use crate::ops::{Addressing, Unit};
use crate::outcome::{EdgeMismatch, EngineVerdict, Mismatch, Outcome, Phase, Termination};
use crate::recipe::Recipe;
use crate::sandbox::PoolStats;
use crate::shapes::accesses_recipe;
use crate::width::{Batch, Point};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

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
    /// Calls at the end of memory.
    pub calls: u64,
    /// Modules that were called so, modules that could not be, and modules whose calls were compared
    /// with an interpreter's.
    pub run: (u64, u64, u64),
    /// Why not, each with its backend.
    pub not_run: BTreeSet<(Backend, String)>,
    /// What could not be looked at, each with its backend.
    pub failed: Vec<(Backend, String)>,
    /// How the machine was used.
    pub stats: PoolStats,
}

/// One wrong access of the matrix.
#[derive(Clone, Debug)]
pub struct Wrong {
    /// Its function alone, cut down to each of its units with that operator: one of them has it.
    pub recipes: Vec<Recipe>,
    /// What compiled it.
    pub backend: Backend,
    /// What is wrong.
    pub evidence: WidthEvidence,
}

/// How it shows that an access is wrong.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum WidthEvidence {
    /// In the machine code.
    Code(Mismatch),
    /// In what a call at the end of memory did.
    Call(EdgeMismatch),
}

impl WidthEvidence {
    /// What an outcome holds of it, as the oracle of that name sees it; nothing for other oracles.
    pub fn seen_by(oracle: &str, outcome: &Outcome) -> Vec<WidthEvidence> {
        let in_code = outcome.machine.iter().flat_map(|it| &it.mismatches).cloned();
        let in_calls = outcome.edge.iter().flat_map(|it| &it.mismatches).cloned();
        match oracle {
            "width" => in_code.map(WidthEvidence::Code).collect(),
            "edge" => in_calls.map(WidthEvidence::Call).collect(),
            _ => Vec::new(),
        }
    }

    /// The oracle that sees it.
    pub fn oracle(&self) -> &'static str {
        match self {
            WidthEvidence::Code(_) => "width",
            WidthEvidence::Call(_) => "edge",
        }
    }

    /// The Wasm operator that it is about, by its name.
    fn operator(&self) -> &str {
        match self {
            WidthEvidence::Code(mismatch) => &mismatch.operator,
            WidthEvidence::Call(mismatch) => &mismatch.operator,
        }
    }

    /// What it has in common with others of the same cause.
    pub fn key(&self) -> String {
        match self {
            WidthEvidence::Code(mismatch) => mismatch.key(),
            WidthEvidence::Call(mismatch) => mismatch.key(),
        }
    }
}

impl fmt::Display for WidthEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WidthEvidence::Code(mismatch) => mismatch.fmt(f),
            WidthEvidence::Call(mismatch) => mismatch.fmt(f),
        }
    }
}

impl WidthReport {
    pub(super) fn add(&mut self, batch: &Batch, backend: &Backend, outcome: &Outcome) {
        self.add_run(batch, backend, outcome);
        if outcome.phase == Phase::Run && outcome.is_sensitive() {
            let reason = "a function faulted when it was run, and the rest of its module was not \
                          looked at";
            self.failed.push((backend.clone(), reason.to_owned()));
            return;
        }
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
                let (name, phase) = (ended.name(), outcome.phase);
                self.failed.push((backend.clone(), format!("ended in {name}, in phase {phase}")));
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
            let point = batch.point(mismatch.function);
            self.add_wrong(batch, point, backend, WidthEvidence::Code(mismatch.clone()));
        }
    }

    /// Adds what running it brought.
    fn add_run(&mut self, batch: &Batch, backend: &Backend, outcome: &Outcome) {
        let Some(edge) = &outcome.edge else { return };
        self.calls += edge.calls;
        let (run, not_run, compared) = &mut self.run;
        *compared += u64::from(edge.compared);
        match &edge.failure {
            None => *run += 1,
            Some(reason) => {
                *not_run += 1;
                self.not_run.insert((backend.clone(), reason.clone()));
            }
        }
        for mismatch in &edge.mismatches {
            let place = usize::try_from(mismatch.function).ok();
            let point = place.and_then(|place| batch.points.get(place));
            self.add_wrong(batch, point, backend, WidthEvidence::Call(mismatch.clone()));
        }
    }

    fn add_wrong(
        &mut self,
        batch: &Batch,
        point: Option<&Point>,
        backend: &Backend,
        evidence: WidthEvidence,
    ) {
        let Some(Point { units }) = point else {
            let reason = format!("a function is not of the matrix, in which {evidence}");
            self.failed.push((backend.clone(), reason));
            return;
        };
        let has = |(unit, _): &&(Unit, Addressing)| {
            unit.steps().iter().any(|step| step.op.name == evidence.operator())
        };
        let recipe = |(unit, addressing): &_| accesses_recipe(unit, *addressing, batch.memory);
        let mut recipes: Vec<Recipe> = units.iter().filter(has).map(recipe).collect();
        if recipes.is_empty() {
            recipes = units.iter().map(recipe).collect();
        }
        let key = evidence.key();
        let wrong = Wrong { recipes, backend: backend.clone(), evidence };
        self.wrong.entry(key).or_default().push(wrong);
    }
}
