//! The course of a shrink: what was asked, what is best, when it ends.

use super::{Answer, Candidate, EMPTY_MODULE, Predicate, ShrinkError, module, params, unit};
use crate::recipe::{Recipe, RecipeId};
use crate::shapes;
use crate::store::StoreError;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;

/// Rounds over everything; each later one only looks whether what came after it made room.
const ROUNDS_MAX: u32 = 4;

/// How near to the least that shows it a parameter comes at first, as a part of it.
pub(super) const PRECISION: f64 = 0.01;

/// When a shrink ends by itself.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Nothing is begun after this.
    pub deadline: Instant,
    /// Nothing more is asked after as many questions.
    pub asks_max: u32,
}

/// Why a shrink ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Nothing smaller was left to try.
    Exhausted,
    /// The time or the number of questions was used up.
    OutOfBudget,
    /// A person stopped it.
    Stopped,
}

/// What a shrink leaves.
#[derive(Clone, Debug)]
pub struct Smallest {
    /// The smallest case that was found.
    pub candidate: Candidate,
    /// Why it ended.
    pub ended: Ended,
    /// How many cases were tried.
    pub asks: u32,
    /// How many of them by the time that every parameter was within a hundredth of the least.
    pub asks_to_precision: Option<u32>,
}

/// A reason to unwind from wherever the search is.
pub(super) enum Halt {
    Ended(Ended),
    Error(ShrinkError),
}

impl From<ShrinkError> for Halt {
    fn from(error: ShrinkError) -> Halt {
        Halt::Error(error)
    }
}

/// Where the best so far goes.
pub type Keep<'a> = dyn FnMut(&Candidate) -> Result<(), StoreError> + 'a;

/// A running shrink.
pub struct Search<'a> {
    predicate: &'a mut dyn Predicate,
    keep: &'a mut Keep<'a>,
    limits: Limits,
    stop: &'a AtomicBool,
    best: Candidate,
    asks: u32,
    failed: BTreeSet<RecipeId>,
}

impl<'a> Search<'a> {
    /// A shrink of `input`.
    pub fn new(
        input: Candidate,
        predicate: &'a mut dyn Predicate,
        keep: &'a mut Keep<'a>,
        limits: Limits,
        stop: &'a AtomicBool,
    ) -> Search<'a> {
        let (asks, failed) = (0, BTreeSet::new());
        Search { predicate, keep, limits, stop, best: input, asks, failed }
    }

    /// Makes it as small as the limits allow.
    pub fn run(mut self) -> Result<Smallest, ShrinkError> {
        let mut asks_to_precision = None;
        let halt = match self.check() {
            Ok(()) => self.reduce(&mut asks_to_precision).err(),
            // The input is what there is, and not known to be small.
            Err(halt @ Halt::Ended(_)) => {
                (self.keep)(&self.best).map_err(ShrinkError::Keep)?;
                Some(halt)
            }
            Err(halt) => Some(halt),
        };
        let ended = match halt {
            None => Ended::Exhausted,
            Some(Halt::Ended(ended)) => ended,
            Some(Halt::Error(error)) => return Err(error),
        };
        Ok(Smallest { candidate: self.best, ended, asks: self.asks, asks_to_precision })
    }

    /// What is looked for must be in the input and not in everything.
    fn check(&mut self) -> Result<(), Halt> {
        let input = self.best.clone();
        if let Err(instead) = self.ask(&input)? {
            return Err(ShrinkError::NotThere(instead).into());
        }
        match self.ask(&Candidate::Module(EMPTY_MODULE.to_vec()))? {
            Ok(()) => Err(ShrinkError::Always.into()),
            Err(_) => {
                (self.keep)(&input).map_err(ShrinkError::Keep)?;
                Ok(())
            }
        }
    }

    fn reduce(&mut self, asks_to_precision: &mut Option<u32>) -> Result<(), Halt> {
        if matches!(self.best, Candidate::Module(_)) {
            return module::reduce(self);
        }
        for round in 0..ROUNDS_MAX {
            let before = self.best.clone();
            params::counts(self, round)?;
            params::together(self)?;
            unit::simplify(self)?;
            params::options(self)?;
            if self.best == before {
                break;
            }
        }
        *asks_to_precision = Some(self.asks);
        params::exactly(self)
    }

    /// The best so far.
    pub(super) fn best(&self) -> &Candidate {
        &self.best
    }

    /// The best recipe so far.
    pub(super) fn recipe(&self) -> Recipe {
        match &self.best {
            Candidate::Recipe(recipe) => recipe.clone(),
            Candidate::Module(_) => unreachable!("recipes shrink to recipes"),
        }
    }

    /// Whether a candidate shows what is looked for; if so, it is the best from now on.
    pub(super) fn holds(&mut self, candidate: Candidate) -> Result<bool, Halt> {
        if let Candidate::Recipe(recipe) = &candidate
            && (shapes::check(recipe).is_err() || self.failed.contains(&recipe.id()))
        {
            return Ok(false);
        }
        if candidate == self.best {
            return Ok(true);
        }
        if self.ask(&candidate)?.is_err() {
            if let Candidate::Recipe(recipe) = &candidate {
                self.failed.insert(recipe.id());
            }
            return Ok(false);
        }
        (self.keep)(&candidate).map_err(ShrinkError::Keep)?;
        self.best = candidate;
        Ok(true)
    }

    /// Whether a candidate shows what is looked for; the best stays what it is.
    pub(super) fn shows(&mut self, candidate: &Candidate) -> Result<bool, Halt> {
        Ok(self.ask(candidate)?.is_ok())
    }

    /// Whether the recipe shows what is looked for; if so, it is the best from now on.
    pub(super) fn recipe_holds(&mut self, recipe: Recipe) -> Result<bool, Halt> {
        self.holds(Candidate::Recipe(recipe))
    }

    /// What came of asking; `Err` says what happened instead.
    fn ask(&mut self, candidate: &Candidate) -> Result<Result<(), String>, Halt> {
        if self.stop.load(Relaxed) {
            return Err(Halt::Ended(Ended::Stopped));
        }
        if Instant::now() >= self.limits.deadline || self.asks >= self.limits.asks_max {
            return Err(Halt::Ended(Ended::OutOfBudget));
        }
        self.asks += 1;
        match self.predicate.ask(candidate)? {
            Answer::Holds => Ok(Ok(())),
            Answer::Fails(instead) => Ok(Err(instead)),
            Answer::Stopped => Err(Halt::Ended(Ended::Stopped)),
        }
    }
}
