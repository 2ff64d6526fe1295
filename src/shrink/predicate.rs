//! Whether a case still has the signature of a finding.

use super::{Answer, Candidate, Predicate, ShrinkError};
use crate::campaign::{Case, Court, ReproRun, Subject, inspected};
use crate::engines::Backend;
use crate::job::Budget;
use crate::oracles;
use crate::outcome::{Outcome, Phase};
use crate::sandbox::{Bench, Pool};
use crate::triage::Signature;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// The name of a module on its way.
const MODULE_NAME: &str = "module.wasm";

/// What shows by the end of a compilation shows in a smaller case after no more time. One that has
/// taken this many times as long as the best so far, and some more for a busy machine, will not show
/// it; what compiles and does not crash may go on for much longer than what crashes.
const PATIENCE: u64 = 2;
const PATIENCE_S: u64 = 1;

/// Samples that are kept.
const SAMPLES_MAX: usize = 1_000;

/// What one recipe cost on the way.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What it was.
    pub subject: Subject,
    /// What came of it on the finding's backend.
    pub outcome: Outcome,
}

/// The predicate of a finding: its signature is seen again.
pub struct SignatureHolds<'a> {
    bench: Bench<'a>,
    stop: &'a AtomicBool,
    signature: Signature,
    /// The finding's own backend first.
    backends: Vec<Backend>,
    budget: Budget,
    compares: bool,
    /// The most CPU time that a case is given, in seconds, where the budget is not the point.
    patience_s: Option<u64>,
    /// Whether the second compilation is where it shows.
    repeat: bool,
    samples: Vec<Sample>,
    next: u64,
}

impl<'a> SignatureHolds<'a> {
    /// The predicate of a violation that was seen in `run`; `peers` are the backends that it is
    /// compared with.
    pub fn new(
        pool: &'a Pool,
        stop: &'a AtomicBool,
        run: &ReproRun,
        signature: Signature,
        peers: &[Backend],
        budget: Budget,
    ) -> SignatureHolds<'a> {
        let seen = run.violations.iter().find(|judged| judged.signature == signature);
        let oracle = seen.map(|judged| judged.violation.oracle.as_str()).unwrap_or_default();
        let compares = oracles::compares(oracle);
        let mut backends = vec![run.backend.clone()];
        if compares {
            backends.extend(peers.iter().filter(|peer| **peer != run.backend).cloned());
        }
        SignatureHolds {
            bench: Bench::new(pool),
            stop,
            signature,
            backends,
            budget,
            compares,
            patience_s: match oracle {
                "timeout" | "memory" | "growth" | "determinism" => None,
                _ => Some(patience_s(&run.outcome)),
            },
            repeat: oracle == "determinism" || run.outcome.phase == Phase::Repeat,
            samples: Vec::new(),
            next: 0,
        }
    }

    /// What was tried, and what came of it.
    pub fn into_samples(self) -> Vec<Sample> {
        self.samples
    }

    fn run(&mut self, case: &Case) -> Result<Vec<(Backend, Outcome)>, ShrinkError> {
        let mut outcomes = Vec::new();
        for backend in &self.backends {
            let mut job = case.job(self.next, backend, self.budget);
            if let Some(patience_s) = self.patience_s.filter(|_| !self.compares && !self.repeat) {
                job.budget.cpu_s = job.budget.cpu_s.min(patience_s);
            }
            job.repeat = self.repeat;
            self.next += 1;
            let ran = inspected(&mut self.bench, case, job, self.stop)?;
            outcomes.extend(ran.map(|outcome| (backend.clone(), outcome)));
        }
        Ok(outcomes)
    }
}

fn patience_s(outcome: &Outcome) -> u64 {
    (outcome.measurements.cpu_us * PATIENCE).div_ceil(1_000_000) + PATIENCE_S
}

impl Predicate for SignatureHolds<'_> {
    fn ask(&mut self, candidate: &Candidate) -> Result<Answer, ShrinkError> {
        let case = match candidate {
            Candidate::Recipe(recipe) => Case::of_recipe(recipe)?,
            Candidate::Module(bytes) => Case::of_module(MODULE_NAME, bytes.clone())?,
        };
        let outcomes = self.run(&case)?;
        let Some((backend, outcome)) = outcomes.first() else { return Ok(Answer::Stopped) };
        if self.stop.load(Relaxed) || outcomes.len() < self.backends.len() {
            return Ok(Answer::Stopped);
        }
        let judge = |peers| Court::judge(&case, backend, &self.budget, outcome, peers).0;
        let mut judged = judge(None);
        if self.compares {
            judged.extend(judge(Some(&outcomes)));
        }
        let answer = if judged.iter().any(|judged| judged.signature == self.signature) {
            self.patience_s = self.patience_s.map(|_| patience_s(outcome));
            Answer::Holds
        } else {
            Answer::Fails(match judged.first() {
                Some(other) => format!("it fails otherwise: {}", other.violation.summary),
                None => format!("on {backend} it ended as: {}", outcome.termination.name()),
            })
        };
        if self.samples.len() < SAMPLES_MAX {
            self.samples.push(Sample { subject: case.subject.clone(), outcome: outcome.clone() });
        }
        Ok(answer)
    }
}
