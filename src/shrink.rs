//! Shrinking: the least that still shows a finding.
//!
//! The predicate is the finding's signature, nothing weaker: a smaller case that fails otherwise is
//! another case. It must hold on the input and fail on the empty module, or there is nothing to
//! search for. Parameters go first, since a recipe of three numbers says more than any module; then
//! the unit, then options. A module without a recipe is taken apart by its structure.
//!
//! Every case that is better than the last is kept at once, so that whatever ends a shrink (a person,
//! a limit of time, a full disk) the best so far is there.

mod body;
mod growth;
mod guard;
mod module;
mod params;
mod predicate;
mod search;
mod sections;
#[cfg(test)]
mod tests;
mod unit;

use crate::campaign::CaseError;
use crate::recipe::Recipe;
use crate::sandbox::SeatError;
use crate::store::StoreError;
use std::time::Duration;
use thiserror::Error;

pub use self::growth::{Grown, GrowthHolds};
pub use self::guard::{guarded, is_guarded};
pub use self::predicate::{Sample, SignatureHolds};
pub use self::search::{Ended, Keep, Limits, Search, Smallest};

/// The smallest module there is.
pub const EMPTY_MODULE: &[u8] = b"\0asm\x01\0\0\0";

/// What is made smaller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Candidate {
    /// A recipe.
    Recipe(Recipe),
    /// A module that no recipe is known for.
    Module(Vec<u8>),
}

/// Whether a candidate still shows what is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It does.
    Holds,
    /// It does not; what happened instead.
    Fails(String),
    /// The run was stopped before it could be told.
    Stopped,
}

/// What is looked for. A signature is one kind; what needs several compilations, such as an
/// exponent of growth, is another.
pub trait Predicate {
    /// Asks once. Where it cannot be told, it fails.
    fn ask(&mut self, candidate: &Candidate) -> Result<Answer, ShrinkError>;
}

/// Why nothing can be made smaller.
#[derive(Debug, Error)]
pub enum ShrinkError {
    /// It does not hold to begin with.
    #[error("shrink it: what is looked for does not show in it: {0}")]
    NotThere(String),
    /// It holds always.
    #[error("shrink it: what is looked for shows in the empty module too, so everything shows it")]
    Always,
    /// A candidate became no case.
    #[error(transparent)]
    Case(#[from] CaseError),
    /// No worker would start.
    #[error(transparent)]
    Seat(#[from] SeatError),
    /// The best so far could not be kept.
    #[error("keep the smallest case so far: {0}")]
    Keep(#[from] StoreError),
}

/// The default time for one shrink.
pub const TIME_DEFAULT: Duration = Duration::from_secs(300);
