//! Fails one allocation after the other while modules with large type sections are loaded and linked,
//! and says what came of it. A round that takes the process with it is one fault; the next child goes
//! on with the next allocation.

use super::{Case, CaseError, Court, Judged};
use crate::engines::Backend;
use crate::job::{Budget, PlantedShortage, Shortage};
use crate::outcome::{Outcome, ShortageFault, Termination};
use crate::recipe::Recipe;
use crate::sandbox::{Bench, Pool, SeatError, Task};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use thiserror::Error;

/// Children that may die in one run before it is given up.
const DEATHS_MAX: u64 = 40;

/// Why allocations could not be failed.
#[derive(Debug, Error)]
pub enum ShortageError {
    /// The module could not be made.
    #[error(transparent)]
    Case(#[from] CaseError),
    /// No worker would start.
    #[error(transparent)]
    Seat(#[from] SeatError),
}

/// What came of failing the allocations of one module on one backend.
#[derive(Clone, Debug, Default)]
pub struct ShortageReport {
    /// Rounds in which an allocation failed.
    pub rounds: u64,
    /// Those that ended with the error that is promised.
    pub errors: u64,
    /// Those that went well all the same.
    pub survived: u64,
    /// Whether it came to the end of the allocations.
    pub complete: bool,
    /// Why the rest was not run, if so, for a reason that is not the engine's.
    pub failure: Option<String>,
    /// Those in which it was granted, since the function that makes it had aborted before.
    pub granted: u64,
    /// Where the engine aborted, each function once.
    pub aborts: Vec<ShortageFault>,
    /// What else went wrong.
    pub faults: Vec<ShortageFault>,
    /// The same as violations, without those of equal signature.
    pub violations: Vec<Judged>,
}

/// A module, and how much of it is looked at.
#[derive(Clone, Debug)]
pub struct ShortageCase {
    /// The module.
    pub recipe: Recipe,
    /// The most allocations that are failed one by one, and as many again of those behind them, where
    /// a round takes too long for more.
    pub each_max: u64,
}

/// Rounds at the limit of types, each of which loads a million of them five times, in seconds.
const EACH_AT_THE_LIMIT: u64 = 6;

/// The modules: types and functions with as many parameters as the limits allow, in such numbers that
/// every allocation can be failed; and one type section at its limit.
pub fn shortage_recipes() -> Vec<ShortageCase> {
    let of = |shape: &str, params: &[(&str, u64)]| {
        let add = |recipe: Recipe, (name, value): &(&str, u64)| recipe.with(name, *value);
        params.iter().fold(Recipe::new(shape), add)
    };
    let at_the_limit = of("rec-group", &[("count", 1_000_000)]);
    let small = vec![
        of("types", &[("count", 2_000), ("params", 2)]),
        of("types", &[("count", 20), ("params", 990), ("results", 1_000)]),
        of("function-imports-used", &[("count", 20), ("params", 1_000), ("results", 1_000)]),
        of("function-imports-used", &[("count", 500)]),
        of("rec-groups", &[("count", 500), ("size", 4)]),
        of("rec-group", &[("count", 2_000)]),
        of("subtypes", &[("count", 20), ("depth", 63)]),
        of("struct-fields", &[("count", 2), ("fields", 10_000)]),
    ];
    let small = small.into_iter().map(|recipe| ShortageCase { recipe, each_max: u64::MAX });
    small.chain([ShortageCase { recipe: at_the_limit, each_max: EACH_AT_THE_LIMIT }]).collect()
}

/// Fails each of the first `each` allocations of a module on a backend, and as many again of the others.
pub fn run_short(
    recipe: &Recipe,
    backend: &Backend,
    (budget, each): (Budget, u64),
    planted: Option<PlantedShortage>,
    pool: &Pool,
    stop: &AtomicBool,
) -> Result<ShortageReport, ShortageError> {
    let mut case = Case::of_recipe(recipe)?;
    case.execution = None;
    let mut bench = Bench::new(pool);
    let mut report = ShortageReport::default();
    let mut first = 1;
    for id in 0..=DEATHS_MAX {
        if stop.load(Relaxed) {
            break;
        }
        let mut job = case.job(id, backend, budget);
        (job.repeat, job.edge) = (false, None);
        let granted = report.aborts.iter().filter_map(|fault| fault.aborted_in.clone()).collect();
        job.shortage = Some(Shortage { first, each, granted, planted });
        let task = Task { jobs: vec![job], module: case.module.clone() };
        let Some(outcome) = bench.run(task, stop)?.pop() else { break };
        let died = !matches!(outcome.termination, Termination::Completed { .. });
        let next = report.add(&outcome);
        // Where it did not come to refusing any, nothing is said of that.
        let refused = outcome.shortage.is_some();
        let judge = || Court::judge(&case, backend, &budget, &outcome, None).0;
        for judged in refused.then(judge).unwrap_or_default() {
            let known = |other: &Judged| other.signature == judged.signature;
            if !report.violations.iter().any(known) {
                report.violations.push(judged);
            }
        }
        match next {
            Some(next) if died => first = next,
            Some(_) => break,
            None => {
                report.failure = Some(why_not(&outcome)).filter(|_| !stop.load(Relaxed));
                break;
            }
        }
    }
    Ok(report)
}

impl ShortageReport {
    /// Adds what one child did; where it died, the first allocation that it has not come to. `None`
    /// where it could not do it, or not to its end.
    fn add(&mut self, outcome: &Outcome) -> Option<u64> {
        let check = outcome.shortage.as_ref()?;
        self.rounds += check.rounds;
        self.errors += check.errors;
        self.survived += check.survived;
        self.complete = check.complete;
        self.granted += check.granted;
        for fault in &check.faults {
            let list = if fault.aborted_in.is_some() { &mut self.aborts } else { &mut self.faults };
            list.push(fault.clone());
        }
        let next = check.faults.last().map_or(0, |fault| fault.allocation) + 1;
        check.failure.is_none().then_some(next)
    }
}

fn why_not(outcome: &Outcome) -> String {
    let failure = outcome.shortage.as_ref().and_then(|check| check.failure.clone());
    failure.unwrap_or_else(|| match &outcome.termination {
        Termination::Completed { verdict } => format!("it was {}", verdict.name()),
        Termination::Infrastructure { message } => message.clone(),
        Termination::TimedOut { .. }
        | Termination::OutOfMemory { .. }
        | Termination::Panicked { .. }
        | Termination::StackOverflow { .. }
        | Termination::Signaled { .. }
        | Termination::OutputLimit
        | Termination::Ambiguous => {
            format!("it ended as {} in phase {}", outcome.termination.name(), outcome.phase)
        }
    })
}
