//! The measurement behind the growth oracle: one recipe at sizes that double.
//!
//! Every size runs a few times, and the least of its costs counts. Between the sizes runs a planted
//! job whose cost is known to be linear, as a control: where that does not come out linear, the
//! machine was too busy and times prove nothing. All sizes run once before any runs again, so that a
//! burst of other work does not hit all runs of one size.

mod measuring;

use super::{Case, CaseError};
use crate::engines::Backend;
use crate::job::{Budget, Curve, Planted};
use crate::oracles::Ladder;
use crate::outcome::Outcome;
use crate::recipe::Recipe;
use crate::sandbox::{Next, Pool, SeatError, Tasks};
use crate::shapes;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};
use thiserror::Error;

pub(super) use self::measuring::{Measuring, Slot};

/// Sizes of a ladder.
const RUNGS: u32 = 7;

/// How much smaller than the largest module the one is that stands for nothing at all.
const BASE_DOWN: u64 = 1 << 12;

/// A module of the next size is between so many and so many tenths as large, or the recipe's size
/// is not what is scaled.
const STEP_TENTHS: std::ops::RangeInclusive<u64> = 15..=26;

/// Modules are not thought larger than this, in bytes, even where the limits would allow it: twice
/// the largest function, and more than most embedders take.
const LIMIT_SIZE_MAX: u64 = 16 << 20;

/// What is scaled in a recipe, and what came of it: the evidence of a growth finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The parameters that were scaled together.
    pub scaled: Vec<String>,
    /// What was measured.
    pub ladder: Ladder,
}

/// Why a recipe has no ladder.
#[derive(Debug, Error)]
pub enum LadderError {
    /// A size cannot be built or stored.
    #[error(transparent)]
    Case(#[from] CaseError),
    /// No doubling of the parameters doubles the module.
    #[error("scale {scaled} of {recipe}: the module does not double with them")]
    NotInProportion {
        /// The parameters.
        scaled: String,
        /// The recipe.
        recipe: String,
    },
    /// Its largest module is past a limit.
    #[error("scale {0}: it is past a limit already")]
    PastLimit(String),
    /// A size was not compiled, which may be a finding by itself.
    #[error("measure the size of {} bytes, which ended with {}", .0.0.module_bytes, .0.1.termination.name())]
    Fell(Box<(Case, Outcome)>),
    /// What there is of it tells nothing.
    #[error("measure {0}")]
    Incomplete(String),
    /// No worker would start.
    #[error(transparent)]
    Seat(#[from] SeatError),
}

/// The modules of a ladder.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What is scaled.
    pub scaled: Vec<String>,
    base: Case,
    rungs: Vec<Case>,
    limit_size: u64,
}

impl Plan {
    /// The ladder whose largest size is `recipe`.
    pub fn of(recipe: &Recipe, scaled: &[String]) -> Result<Plan, LadderError> {
        let Some(size) = shapes::within_limits(recipe) else {
            return Err(LadderError::PastLimit(recipe.to_string()));
        };
        let at = |down: u64| Case::of_recipe(&shapes::scale(recipe, scaled, 1, down));
        let rungs = (0..RUNGS).rev().map(|halvings| at(1 << halvings));
        let rungs = rungs.collect::<Result<Vec<Case>, CaseError>>()?;
        let doubles = rungs.windows(2).all(|pair| {
            STEP_TENTHS.contains(&(pair[1].module_bytes * 10 / pair[0].module_bytes.max(1)))
        });
        if !doubles {
            return Err(LadderError::NotInProportion {
                scaled: scaled.join(" and "),
                recipe: recipe.to_string(),
            });
        }
        let limit_size =
            shapes::largest(recipe, scaled, LIMIT_SIZE_MAX).map_or(size, |(_, size)| size);
        Ok(Plan { scaled: scaled.to_vec(), base: at(BASE_DOWN)?, rungs, limit_size })
    }

    /// A ladder of planted costs: how one looks whose law is known.
    pub fn planted(curve: Curve, sizes: &[u64]) -> Plan {
        let case = |size| Case::of_planted(Planted::Cost { curve, size }, size);
        let limit_size = sizes.last().copied().unwrap_or(0);
        let rungs = sizes.iter().map(|&size| case(size)).collect();
        Plan { scaled: Vec::new(), base: case(0), rungs, limit_size }
    }

    /// The largest size.
    pub fn top(&self) -> &Case {
        &self.rungs[self.rungs.len() - 1]
    }
}

/// Measures a ladder on its own, and says what came of its largest size too.
pub fn measure(
    plan: &Plan,
    backend: &Backend,
    budget: Budget,
    pool: &Pool,
    stop: &AtomicBool,
) -> Result<(Ladder, Outcome), LadderError> {
    let (measuring, slots) = Measuring::new(plan.clone());
    let state = State { measuring, queue: slots.into(), running: Vec::new(), seat_error: None };
    let work = Work { backend, budget, state: Mutex::new(state) };
    pool.run(&work, stop);
    let state = work.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    if let Some(error) = state.seat_error {
        return Err(error.into());
    }
    let ladder = state.measuring.ladder()?;
    let none = || LadderError::Incomplete("the largest size: it was stopped".to_owned());
    Ok((ladder, state.measuring.top.ok_or_else(none)?))
}

struct Work<'a> {
    backend: &'a Backend,
    budget: Budget,
    state: Mutex<State>,
}

struct State {
    measuring: Measuring,
    queue: VecDeque<Slot>,
    /// The runs by the numbers of their jobs.
    running: Vec<Slot>,
    seat_error: Option<SeatError>,
}

impl Tasks for Work<'_> {
    fn next(&self) -> Next {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(slot) = state.queue.pop_front().filter(|_| !state.measuring.has_failed()) else {
            return Next::Done;
        };
        let id = state.running.len() as u64;
        state.running.push(slot);
        Next::Task(state.measuring.task(slot, id, self.backend, self.budget))
    }

    fn ended(&self, outcome: Outcome) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = usize::try_from(outcome.job).ok().and_then(|at| state.running.get(at)).copied();
        if let Some(slot) = slot {
            state.measuring.note(slot, outcome);
        }
    }

    fn seat_failed(&self, error: SeatError) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).seat_error = Some(error);
    }
}
