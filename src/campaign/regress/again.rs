//! Runs that need the machine to themselves: what is run again, and ladders.

use super::{Check, Checked, RegressError, Seen, case_of, hold};
use crate::campaign::events::Silent;
use crate::campaign::{
    CONFIRMATIONS, Court, LadderError, Plan, Repro, ReproRun, judge_alone, measure, reproduce,
};
use crate::corpus::Specimen;
use crate::sandbox::Pool;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Runs again what differed; what does not differ every time is unclear. What was unclear gets one
/// more chance, alone: a busy machine may be all that was wrong.
pub(super) fn confirm(
    check: &Check<'_>,
    mut first: Checked,
    pool: &Pool,
    stop: &AtomicBool,
) -> Result<Checked, RegressError> {
    let mut repro = Repro {
        case: case_of(check.entry)?,
        backends: vec![check.backend.clone()],
        budget: check.entry.expectations.budget(),
        times: 1,
        keep_artifacts: false,
    };
    let again = |repro: &Repro| -> Result<Vec<Checked>, RegressError> {
        let report = reproduce(repro, pool, stop, &Silent);
        if let Some(error) = report.seat_error {
            return Err(error.into());
        }
        let judge = |run: ReproRun| {
            // Without those violations that come of a comparison, as the first time.
            let run = judge_alone(&repro.case, &check.backend, &repro.budget, run.outcome);
            let cpu_us = run.outcome.measurements.cpu_us;
            Checked { seen: hold(check, repro.case.expectation.as_ref(), &run), cpu_us }
        };
        Ok(report.runs.into_iter().map(judge).collect())
    };
    if let Seen::Unclear(_) = first.seen {
        match again(&repro)?.pop() {
            Some(second) => first = second,
            None => return Ok(first),
        }
    }
    if !matches!(first.seen, Seen::Differs(..)) {
        return Ok(first);
    }
    repro.times = CONFIRMATIONS;
    let more = again(&repro)?;
    let differ = more.iter().filter(|it| matches!(it.seen, Seen::Differs(..))).count();
    if differ == more.len() {
        return Ok(first);
    }
    let seen = Seen::Unclear(format!("it differs in {} of {} runs", differ + 1, more.len() + 1));
    Ok(Checked { seen, ..first })
}

/// Measures the ladder of a case that is about growth, three times as any finding of that kind.
pub(super) fn climb(
    check: &Check<'_>,
    pool: &Pool,
    stop: &AtomicBool,
) -> Result<Checked, RegressError> {
    let unclear = |reason: String| Checked { seen: Seen::Unclear(reason), cpu_us: 0 };
    let scaled = &check.entry.expectations.scaled;
    let Specimen::Recipe(recipe) = &check.entry.specimen else {
        return Ok(unclear("only a recipe has a ladder of sizes".to_owned()));
    };
    let plan = match Plan::of(recipe, scaled) {
        Ok(plan) => plan,
        Err(error) => return Ok(unclear(error.to_string())),
    };
    let budget = check.entry.expectations.budget();
    let mut seen = Vec::new();
    for _ in 0..=CONFIRMATIONS {
        let run = match measure(&plan, &check.backend, budget, pool, stop) {
            Ok((ladder, outcome)) => {
                let (violations, inconclusive) =
                    Court::judge_ladder(plan.top(), &check.backend, &budget, &outcome, &ladder);
                let (backend, artifact) = (check.backend.clone(), None);
                ReproRun { backend, outcome, violations, inconclusive, artifact }
            }
            Err(LadderError::Seat(error)) => return Err(error.into()),
            Err(LadderError::Fell(fell)) => judge_alone(&fell.0, &check.backend, &budget, fell.1),
            Err(error) => return Ok(unclear(error.to_string())),
        };
        let cpu_us = run.outcome.measurements.cpu_us;
        let held = hold(check, plan.top().expectation.as_ref(), &run);
        seen.push(Checked { seen: held, cpu_us });
        // The first that is as expected is enough: a border is not measured finely here.
        if seen.last().is_some_and(|it| it.seen == Seen::AsExpected) || stop.load(Relaxed) {
            break;
        }
    }
    Ok(of_ladders(seen).unwrap_or_else(|| unclear("it was not measured".to_owned())))
}

/// What ladders say together: it differs where all of them do.
fn of_ladders(mut all: Vec<Checked>) -> Option<Checked> {
    let differ = all.iter().filter(|it| matches!(it.seen, Seen::Differs(..))).count();
    let count = all.len();
    let last = all.pop()?;
    if last.seen == Seen::AsExpected || differ == 0 || differ == count {
        return Some(last);
    }
    let seen = Seen::Unclear(format!("it differs in {differ} of {count} ladders"));
    Some(Checked { seen, ..last })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::{Expect, PASS};

    #[test]
    fn ladders_differ_where_all_of_them_do() {
        let expect = Expect {
            releases: Vec::new(),
            backends: Vec::new(),
            verdict: PASS.to_owned(),
            key: Vec::new(),
            also: Vec::new(),
        };
        let differs = Seen::Differs(Box::new(expect), "nothing is wrong".to_owned());
        let unclear = Seen::Unclear("the machine was busy".to_owned());
        let of = |all: &[&Seen]| {
            let all = all.iter().map(|&seen| Checked { seen: seen.clone(), cpu_us: 1 });
            of_ladders(all.collect()).map(|it| it.seen)
        };
        assert_eq!(of(&[&differs, &differs, &differs]), Some(differs.clone()));
        assert_eq!(of(&[&differs, &Seen::AsExpected]), Some(Seen::AsExpected));
        assert_eq!(of(&[&unclear, &unclear, &unclear]), Some(unclear.clone()));
        let some = Some(Seen::Unclear("it differs in 1 of 3 ladders".to_owned()));
        assert_eq!(of(&[&unclear, &unclear, &differs]), some);
        assert_eq!(of(&[]), None);
    }
}
