//! What a hunt has in hand: cases that run and why, violations and ladders on their way.

use crate::campaign::confirming::Confirming;
use crate::campaign::hunt::cause::Cause;
use crate::campaign::hunt::track::Track;
use crate::campaign::ladder::{Measuring, Slot};
use crate::campaign::{Case, Judged};
use crate::job::Budget;
use crate::oracles::Costs;
use crate::recipe::Recipe;

/// Why a case is run.
pub(in crate::campaign::hunt) enum Goal {
    Seed,
    Fresh,
    Mutated,
    /// A limit.
    Edge,
    /// The next size of a track, and its factor.
    Track(Box<Track>, u64),
    /// Once more with all of the budget, since it ran out of a scout's.
    Again,
}

impl Goal {
    pub(in crate::campaign::hunt) fn name(&self) -> &'static str {
        match self {
            Goal::Seed => "seed",
            Goal::Fresh => "fresh",
            Goal::Mutated => "mutated",
            Goal::Edge => "edge",
            Goal::Track(..) => "track",
            Goal::Again => "again",
        }
    }
}

/// An elite that has not been scaled yet, and what it cost without the fixed part.
pub(in crate::campaign::hunt) struct Start {
    pub(in crate::campaign::hunt) recipe: Recipe,
    pub(in crate::campaign::hunt) backend: usize,
    pub(in crate::campaign::hunt) costs: Costs,
    pub(in crate::campaign::hunt) size: u64,
}

/// One case on one backend.
pub(in crate::campaign::hunt) struct Attempt {
    pub(in crate::campaign::hunt) case: Case,
    pub(in crate::campaign::hunt) backend: usize,
    pub(in crate::campaign::hunt) goal: Goal,
    pub(in crate::campaign::hunt) budget: Budget,
    /// The number of the case.
    pub(in crate::campaign::hunt) number: u64,
}

/// One job that has not ended.
pub(in crate::campaign::hunt) enum Running {
    Case(Box<Attempt>),
    /// A run that confirms the accusation of that number.
    Confirm(u64),
    /// A run of the ladder of the accusation of that number.
    Ladder(u64, Slot),
}

/// A violation that is being confirmed, and its cause.
pub(in crate::campaign::hunt) struct Accused {
    pub(in crate::campaign::hunt) violation: Confirming,
    pub(in crate::campaign::hunt) backend: usize,
    pub(in crate::campaign::hunt) cause: Cause,
}

/// A ladder that is being measured, again and again while it violates.
pub(in crate::campaign::hunt) struct Measured {
    pub(in crate::campaign::hunt) measuring: Measuring,
    pub(in crate::campaign::hunt) backend: usize,
    /// The cause that it is measured for.
    pub(in crate::campaign::hunt) suspected: Cause,
    /// What the first measurement showed, and how many did.
    pub(in crate::campaign::hunt) shown: Option<(Judged, Cause)>,
    pub(in crate::campaign::hunt) seen: u32,
}
