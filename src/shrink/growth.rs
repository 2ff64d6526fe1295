//! Whether the costs of a case still grow as those of a finding do.
//!
//! What is asked of is the whole ladder, whose largest size is the case: the signature must be seen
//! again, and the power must not have become a lesser one. A ladder of small sizes costs too
//! little to tell anything, so a case shrinks only as far as its growth can be seen.

use super::{Answer, Candidate, Predicate, ShrinkError};
use crate::campaign::{Court, Judged, LadderError, Plan, measure};
use crate::engines::Backend;
use crate::job::Budget;
use crate::oracles::{Ladder, Violation};
use crate::outcome::Outcome;
use crate::recipe::Recipe;
use crate::sandbox::Pool;
use crate::triage::Signature;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// By how much a power may seem less, with the errors of two fits.
const EXPONENT_SLACK: f64 = 0.15;

/// How often a case is measured before its costs are said not to grow.
const LOOKS_MAX: u32 = 2;

/// A growth that was seen.
#[derive(Clone, Debug)]
pub struct Grown {
    /// Its signature.
    pub signature: Signature,
    /// The violation.
    pub violation: Violation,
    /// What was measured.
    pub ladder: Ladder,
    /// What came of the largest size.
    pub top: Outcome,
    /// The greatest power among the costs that the violation is about.
    pub exponent: f64,
}

/// The predicate of a finding about growth.
pub struct GrowthHolds<'a> {
    pool: &'a Pool,
    stop: &'a AtomicBool,
    backend: Backend,
    budget: Budget,
    scaled: Vec<String>,
    signature: Option<String>,
    exponent_min: f64,
}

impl<'a> GrowthHolds<'a> {
    /// The predicate of a signature that is seen where the parameters `scaled` are scaled together;
    /// without one, of the first growth that is seen.
    pub fn new(
        pool: &'a Pool,
        stop: &'a AtomicBool,
        backend: &Backend,
        budget: Budget,
        scaled: &[String],
        signature: Option<&str>,
    ) -> GrowthHolds<'a> {
        GrowthHolds {
            pool,
            stop,
            backend: backend.clone(),
            budget,
            scaled: scaled.to_vec(),
            signature: signature.map(str::to_owned),
            exponent_min: 0.0,
        }
    }

    /// From now on, signature and power must be those of `grown`.
    pub fn hold_on_to(&mut self, grown: &Grown) {
        self.signature = Some(grown.signature.to_string());
        self.exponent_min = grown.exponent - EXPONENT_SLACK;
    }

    /// Measures once; what was seen instead, where it is not the same growth.
    pub fn look(&self, recipe: &Recipe) -> Result<Result<Grown, String>, ShrinkError> {
        let measured = Plan::of(recipe, &self.scaled).and_then(|plan| {
            let (ladder, top) = measure(&plan, &self.backend, self.budget, self.pool, self.stop)?;
            Ok((plan, ladder, top))
        });
        let (plan, ladder, top) = match measured {
            Ok(measured) => measured,
            Err(LadderError::Seat(error)) => return Err(error.into()),
            Err(LadderError::Case(error)) => return Err(error.into()),
            Err(
                error @ (LadderError::NotInProportion { .. }
                | LadderError::PastLimit(_)
                | LadderError::Fell(_)
                | LadderError::Incomplete(_)),
            ) => return Ok(Err(format!("it has no ladder: {error}"))),
        };
        let (judged, inconclusive) =
            Court::judge_ladder(plan.top(), &self.backend, &self.budget, &top, &ladder);
        let same = judged.into_iter().find(|judged| match &self.signature {
            Some(signature) => judged.signature.to_string() == *signature,
            None => judged.violation.oracle == "growth",
        });
        let Some(judged) = same else {
            let why = inconclusive.into_iter().next();
            return Ok(Err(
                why.map_or_else(|| "its costs do not grow so".to_owned(), |it| it.to_string())
            ));
        };
        let exponent = exponent(&ladder, &judged.violation);
        if exponent < self.exponent_min {
            return Ok(Err(format!("its costs grow as N^{exponent:.2} alone")));
        }
        let Judged { signature, violation } = judged;
        Ok(Ok(Grown { signature, violation, ladder, top, exponent }))
    }
}

/// The power of the cost that a violation is about: that of its pass where passes are charged with
/// it, else that of the total.
fn exponent(ladder: &Ladder, violation: &Violation) -> f64 {
    let trends = ladder.trends();
    let of_pass = trends.iter().find(|it| {
        it.pass.as_ref().is_some_and(|pass| violation.key == format!("{pass} {}", it.resource))
    });
    let total = trends
        .iter()
        .find(|it| it.pass.is_none() && violation.key.ends_with(&it.resource.to_string()));
    of_pass.or(total).map_or(0.0, |trend| trend.fit.exponent)
}

impl Predicate for GrowthHolds<'_> {
    fn ask(&mut self, candidate: &Candidate) -> Result<Answer, ShrinkError> {
        let Candidate::Recipe(recipe) = candidate else {
            return Ok(Answer::Fails("a module has no sizes to compare".to_owned()));
        };
        let mut answer = Answer::Stopped;
        // A busy machine may hide what is there, once.
        for _ in 0..LOOKS_MAX {
            let seen = self.look(recipe);
            if self.stop.load(Relaxed) {
                return Ok(Answer::Stopped);
            }
            answer = match seen? {
                Ok(_) => return Ok(Answer::Holds),
                Err(why) => Answer::Fails(why),
            };
        }
        Ok(answer)
    }
}
