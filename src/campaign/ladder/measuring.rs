//! The runs of a ladder, whoever makes them, and what they come to.

use super::{LadderError, Plan};
use crate::campaign::Case;
use crate::engines::Backend;
use crate::job::{Budget, Curve, Job, Planted};
use crate::oracles::{Costs, Ladder, Rung};
use crate::outcome::Outcome;
use crate::sandbox::Task;
use std::collections::BTreeMap;

/// Runs of each size.
const RUNS: usize = 3;

/// Steps of planted work beside the smallest size: a few milliseconds.
const CONTROL_STEPS: u64 = 1_500;

/// One run of a measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::campaign) enum Slot {
    Base,
    Rung(usize),
    Control(usize),
}

/// A ladder that is being measured.
#[derive(Debug)]
pub(in crate::campaign) struct Measuring {
    pub(in crate::campaign) plan: Plan,
    costs: BTreeMap<Slot, Costs>,
    /// Runs that have not ended.
    left: usize,
    /// The first run that did not compile, or did not come to its end.
    failure: Option<(Slot, Outcome)>,
    /// What came of the largest size that ran.
    pub(in crate::campaign) top: Option<Outcome>,
    /// How many sizes ran.
    reached: usize,
}

impl Measuring {
    /// A measurement and its runs in their order.
    pub(in crate::campaign) fn new(plan: Plan) -> (Measuring, Vec<Slot>) {
        let rungs = 0..plan.rungs.len();
        let run = rungs.flat_map(|at| [Slot::Rung(at), Slot::Control(at)]);
        let run: Vec<Slot> = std::iter::once(Slot::Base).chain(run).collect();
        Measuring::of(plan, run.repeat(RUNS))
    }

    /// The same without what only makes times sure: each size once, and no control.
    pub(in crate::campaign) fn once(plan: Plan) -> (Measuring, Vec<Slot>) {
        let rungs = (0..plan.rungs.len()).map(Slot::Rung);
        let slots = std::iter::once(Slot::Base).chain(rungs).collect();
        Measuring::of(plan, slots)
    }

    fn of(plan: Plan, slots: Vec<Slot>) -> (Measuring, Vec<Slot>) {
        let left = slots.len();
        let costs = BTreeMap::new();
        (Measuring { plan, costs, left, failure: None, top: None, reached: 0 }, slots)
    }

    /// The module of a run; none of a planted one.
    pub(in crate::campaign) fn case(&self, slot: Slot) -> Option<&Case> {
        match slot {
            Slot::Base => Some(&self.plan.base),
            Slot::Rung(at) => self.plan.rungs.get(at),
            Slot::Control(_) => None,
        }
    }

    /// One run as a task.
    pub(in crate::campaign) fn task(
        &self,
        slot: Slot,
        id: u64,
        backend: &Backend,
        budget: Budget,
    ) -> Task {
        let control;
        let case = match (self.case(slot), slot) {
            (Some(case), _) => case,
            (None, Slot::Base | Slot::Rung(_)) => self.plan.top(),
            (None, Slot::Control(at)) => {
                let size = CONTROL_STEPS << at;
                control = Case::of_planted(Planted::Cost { curve: Curve::Linear, size }, size);
                &control
            }
        };
        // What it costs to compile, and nothing else.
        let compile = case.job(id, backend, budget);
        let job = Job { repeat: false, edge: None, execution: None, ..compile };
        Task { jobs: vec![job], module: case.module.clone() }
    }

    /// Takes a run into account; whether it was the last.
    pub(in crate::campaign) fn note(&mut self, slot: Slot, outcome: Outcome) -> bool {
        self.left -= 1;
        match Costs::of(&outcome) {
            Some(costs) => {
                let least = match self.costs.remove(&slot) {
                    Some(known) => known.least(&costs),
                    None => costs,
                };
                self.costs.insert(slot, least);
            }
            None => {
                self.failure.get_or_insert((slot, outcome.clone()));
            }
        }
        if let Slot::Rung(at) = slot
            && at >= self.reached
        {
            (self.top, self.reached) = (Some(outcome), at + 1);
        }
        self.left == 0
    }

    /// Ends the ladder below a size.
    pub(in crate::campaign) fn end_before(&mut self, slot: Slot) -> Result<(), LadderError> {
        match slot {
            Slot::Rung(at) if at > 0 => self.plan.rungs.truncate(at),
            Slot::Rung(_) | Slot::Base | Slot::Control(_) => {
                let words = "more than the smallest size: it takes too long".to_owned();
                return Err(LadderError::Incomplete(words));
            }
        }
        Ok(())
    }

    /// Whether what is left of it can be spared.
    pub(in crate::campaign) fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// The ladder, once all runs have ended.
    pub(in crate::campaign) fn ladder(&self) -> Result<Ladder, LadderError> {
        if let Some((slot, outcome)) = &self.failure {
            return Err(match self.case(*slot) {
                Some(case) => LadderError::Fell(Box::new((case.clone(), outcome.clone()))),
                None => LadderError::Incomplete(format!(
                    "all sizes: a planted job ended with {}",
                    outcome.termination.name()
                )),
            });
        }
        let costs = |slot| {
            let costs = self.costs.get(&slot).cloned();
            costs.ok_or_else(|| LadderError::Incomplete("all sizes: it was stopped".to_owned()))
        };
        let rung = |(at, case): (usize, &Case)| {
            // Without a control, every time is noise.
            let control = self.costs.get(&Slot::Control(at)).map_or(0, Costs::time_us);
            let control = (CONTROL_STEPS << at, control);
            Ok(Rung { size: case.module_bytes, costs: costs(Slot::Rung(at))?, control })
        };
        let rungs = self.plan.rungs.iter().enumerate().map(rung);
        Ok(Ladder {
            base: (self.plan.base.module_bytes, costs(Slot::Base)?),
            rungs: rungs.collect::<Result<_, LadderError>>()?,
            limit_size: self.plan.limit_size,
        })
    }
}
