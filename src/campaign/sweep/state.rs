//! What a running sweep keeps in mind.

use super::track::{TELLING_STARTS, TELLING_US, Track};
use crate::campaign::confirming::Footing;
use crate::campaign::{Case, Court};
use crate::engines::Backend;
use crate::outcome::{Outcome, Termination};
use crate::recipe::RecipeId;
use crate::sandbox::Task;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The state that all seats share.
#[derive(Default)]
pub(super) struct State {
    pub(super) next_id: u64,
    pub(super) planned: u64,
    /// Steps that may begin.
    pub(super) open: Vec<Step>,
    pub(super) building: usize,
    /// Steps that are foretold to break a budget, worst last; `None` until their time has come.
    pub(super) suspects: Option<Vec<Step>>,
    pub(super) ready: VecDeque<Task>,
    pub(super) groups: BTreeMap<u64, Group>,
    pub(super) jobs: BTreeMap<u64, Running>,
    /// What is known of each line and backend, by their positions.
    pub(super) tracks: BTreeMap<(usize, usize), Track>,
    /// The least CPU time that a module took on each backend, in microseconds.
    pub(super) least_us: BTreeMap<usize, u64>,
    /// Recipes that were run, by position of the backend.
    pub(super) recipes: BTreeSet<(RecipeId, usize)>,
    pub(super) court: Court,
    pub(super) findings: u64,
    pub(super) footing: Footing,
}

impl State {
    /// Notes what a module cost on a backend.
    pub(super) fn note_cost(&mut self, backend: usize, outcome: &Outcome) {
        let cost = outcome.measurements.cpu_us;
        // What was not applicable cost nothing and says nothing.
        if cost > 0 && matches!(outcome.termination, Termination::Completed { .. }) {
            let least = self.least_us.entry(backend).or_insert(cost);
            *least = cost.min(*least);
        }
    }

    /// The least cost on a backend that says anything of a module.
    pub(super) fn telling_us(&self, backend: usize) -> u64 {
        let least = self.least_us.get(&backend).copied().unwrap_or(0);
        TELLING_US.max(least.saturating_mul(TELLING_STARTS))
    }
}

/// One rung of one line.
#[derive(Clone, Copy)]
pub(super) struct Step {
    pub(super) line: usize,
    pub(super) rung: usize,
    /// The one backend to run on, for a suspect, after which the line does not go on.
    pub(super) only: Option<usize>,
}

/// One case on its way through the backends.
pub(super) struct Group {
    pub(super) step: Step,
    pub(super) case: Case,
    pub(super) outcomes: Vec<(Backend, Outcome)>,
    /// Whether its backends have been compared.
    pub(super) compared: bool,
    pub(super) left: usize,
}

/// One job that has not ended.
pub(super) struct Running {
    pub(super) group: u64,
    pub(super) backend: usize,
    pub(super) confirms: Option<u64>,
}
