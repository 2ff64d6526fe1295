//! Asks releases for what they make of one case, as a bisection needs it.
//!
//! What a release answered is kept in the cache; a release at a border between good and bad has to
//! answer the same three times.

mod asking;

use super::{Answer, Case, ReproRun, Thoroughness, bisect, judge_alone};
use crate::engines::{Backend, Installed};
use crate::job::Budget;
use crate::outcome::{EngineVerdict, Outcome, Termination};
use crate::provision::{Cache, ProvisionError};
use crate::sandbox::{Pool, SeatError, WorkerExe};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use thiserror::Error;

/// All releases are asked where that is foretold to take no longer than this, in microseconds of
/// CPU time; else as few as a search by halves needs.
const ALL_US_MAX: u64 = 60_000_000;

/// A release at a border is asked this often before it counts.
const BORDER_RUNS: usize = 3;

/// Why releases could not be asked.
#[derive(Debug, Error)]
pub enum InquiryError {
    /// No worker would start.
    #[error(transparent)]
    Seat(#[from] SeatError),
    /// An answer could not be kept.
    #[error(transparent)]
    Provision(#[from] ProvisionError),
}

/// A release that may be asked.
#[derive(Clone, Debug)]
pub struct Release {
    /// Its version.
    pub version: String,
    /// The engine; `None` where it has to be obtained first.
    pub engine: Option<Installed>,
}

/// Obtains the engine of a release that is not there yet, or says why it cannot.
pub type Obtain<'a> = dyn FnMut(&Release) -> Result<Installed, String> + 'a;

/// What to ask, and how.
#[derive(Debug)]
pub struct Question {
    /// The case.
    pub case: Case,
    /// Blake3 of its module, under which answers are kept.
    pub module: [u8; 32],
    /// The limits of a job.
    pub budget: Budget,
    /// The oracle whose violations count as bad; `None` for all.
    pub oracle: Option<String>,
    /// The backend, of no engine in particular.
    pub backend: Backend,
    /// This executable.
    pub exe: WorkerExe,
    /// Where answers are kept.
    pub cache: Cache,
}

/// A release that has answered.
#[derive(Debug)]
pub struct Asked<'a> {
    /// Its version.
    pub version: &'a str,
    /// Its answer.
    pub answer: Answer,
    /// What it did, run by run.
    pub outcomes: &'a [Outcome],
}

/// Some releases, oldest first, and what they have answered so far.
pub struct Inquiry<'a> {
    question: &'a Question,
    releases: Vec<Release>,
    pool: Pool,
    stop: &'a AtomicBool,
    outcomes: BTreeMap<usize, Vec<Outcome>>,
    /// Why a release could not be obtained.
    missing: BTreeMap<usize, String>,
    shown: BTreeMap<usize, Answer>,
}

impl<'a> Inquiry<'a> {
    /// Nobody has been asked yet.
    pub fn new(
        question: &'a Question,
        releases: Vec<Release>,
        pool: Pool,
        stop: &'a AtomicBool,
    ) -> Inquiry<'a> {
        let (outcomes, missing) = (BTreeMap::new(), BTreeMap::new());
        Inquiry { question, releases, pool, stop, outcomes, missing, shown: BTreeMap::new() }
    }

    /// Asks until all borders are known and stand; each release that has answered is shown once.
    /// `thoroughness` is chosen by the cost of a first answer where it is not given.
    pub fn search(
        &mut self,
        thoroughness: Option<Thoroughness>,
        obtain: &mut Obtain<'_>,
        show: &mut dyn FnMut(Asked<'_>),
    ) -> Result<Vec<Option<Answer>>, InquiryError> {
        let thoroughness = match thoroughness {
            Some(thoroughness) => thoroughness,
            None => self.affordable(obtain)?,
        };
        loop {
            let mut failure = None;
            let answers = bisect(self.releases.len(), thoroughness, &mut |which| {
                if failure.is_none() {
                    failure = self.run(which, 1, obtain).err();
                }
                self.show(which, show);
                which.iter().map(|&at| self.answer(at)).collect()
            });
            if let Some(error) = failure {
                return Err(error);
            }
            let thin = self.thin(&answers);
            if thin.is_empty() || self.stop.load(Relaxed) {
                return Ok(answers);
            }
            self.run(&thin, BORDER_RUNS, obtain)?;
        }
    }

    /// Every release that was asked, oldest first.
    pub fn asked(&self) -> Vec<Asked<'_>> {
        (0..self.releases.len())
            .filter(|at| self.shown.contains_key(at))
            .map(|at| self.asked_at(at))
            .collect()
    }

    fn asked_at(&self, at: usize) -> Asked<'_> {
        Asked {
            version: &self.releases[at].version,
            answer: self.answer(at),
            outcomes: self.outcomes.get(&at).map(Vec::as_slice).unwrap_or_default(),
        }
    }

    fn show(&mut self, which: &[usize], show: &mut dyn FnMut(Asked<'_>)) {
        for &at in which {
            let answer = self.answer(at);
            // More runs may have changed it.
            if self.shown.get(&at) != Some(&answer) && !self.stop.load(Relaxed) {
                self.shown.insert(at, answer);
                show(self.asked_at(at));
            }
        }
    }

    /// How thorough one can be, by what the newest release costs.
    fn affordable(&mut self, obtain: &mut Obtain<'_>) -> Result<Thoroughness, InquiryError> {
        let newest = self.releases.len().saturating_sub(1);
        self.run(&[newest], 1, obtain)?;
        let runs = self.outcomes.get(&newest).map(Vec::as_slice).unwrap_or_default();
        let cost_us = runs.first().map_or(0, |outcome| outcome.measurements.cpu_us);
        let all_us = cost_us.saturating_mul(self.releases.len() as u64);
        Ok(if all_us <= ALL_US_MAX { Thoroughness::All } else { Thoroughness::Halves })
    }

    /// Releases at a border that have not answered often enough: a border stands on both sides.
    fn thin(&self, answers: &[Option<Answer>]) -> Vec<usize> {
        let says = |at: &usize| matches!(answers[*at], Some(Answer::Good | Answer::Bad));
        let said: Vec<usize> = (0..answers.len()).filter(says).collect();
        let borders = said.windows(2).filter(|pair| answers[pair[0]] != answers[pair[1]]);
        let few = |at: &usize| self.outcomes.get(at).is_some_and(|runs| runs.len() < BORDER_RUNS);
        borders.flatten().copied().filter(few).collect()
    }

    fn on(&self, engine: &Installed) -> Backend {
        self.question.backend.clone().on(&engine.id)
    }

    /// What a release says in all its runs.
    fn answer(&self, at: usize) -> Answer {
        if let Some(reason) = self.missing.get(&at) {
            return Answer::CannotSay(reason.clone());
        }
        let runs = self.outcomes.get(&at).map(Vec::as_slice).unwrap_or_default();
        let answers: Vec<Answer> = runs.iter().map(|outcome| self.judge(at, outcome)).collect();
        match answers.split_first() {
            None => Answer::CannotSay("it was not run".to_owned()),
            Some((first, rest)) if rest.iter().all(|answer| answer == first) => first.clone(),
            Some(_) => {
                let bad = answers.iter().filter(|answer| **answer == Answer::Bad).count();
                Answer::CannotSay(format!("bad in {bad} of {} runs", answers.len()))
            }
        }
    }

    fn judge(&self, at: usize, outcome: &Outcome) -> Answer {
        let Question { case, budget, oracle, .. } = self.question;
        let Some(engine) = &self.releases[at].engine else {
            return Answer::CannotSay("it is not there".to_owned());
        };
        let run = judge_alone(case, &self.on(engine), budget, outcome.clone());
        let ReproRun { violations, inconclusive, .. } = run;
        let wanted = |name: &str| oracle.as_deref().is_none_or(|wanted| wanted == name);
        if violations.iter().any(|judged| wanted(&judged.violation.oracle)) {
            return Answer::Bad;
        }
        if let Some(judged) = violations.first() {
            return Answer::CannotSay(format!("it fails otherwise: {}", judged.violation.summary));
        }
        if let Termination::Completed { verdict: EngineVerdict::NotApplicable { reason } } =
            &outcome.termination
        {
            return Answer::CannotSay(reason.clone());
        }
        // What another oracle cannot tell does not matter.
        let untold = inconclusive.iter().find(|it| wanted(it.oracle));
        untold.map_or(Answer::Good, |it| Answer::CannotSay(it.to_string()))
    }
}
