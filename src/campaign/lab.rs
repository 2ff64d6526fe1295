//! A lab: cases compiled and judged one by one in this process, for fuzzers.
//!
//! What runs is the worker's own code, and the court judges, so what a fuzzer finds is what a sweep
//! would find. Known issues are passed over, that a fuzzer may get past them.

use super::ladder::{Measuring, Slot};
use super::machine::Artifacts;
use super::{Case, Court, Judged, LadderError, Plan, Subject};
use crate::engines::Backend;
use crate::job::{Budget, Job};
use crate::oracles::Severity;
use crate::outcome::Outcome;
use crate::recipe::Recipe;
use crate::triage::{KnownIssues, Standing};
use crate::worker::{InProcess, Spare};
use std::io;
use std::sync::Arc;

/// How often a violation that may be one of chance must be seen again.
const MORE_RUNS: usize = 2;

/// How a case is tried.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trial {
    /// Whether the accesses in the machine code are looked at.
    pub look: bool,
    /// Whether it is compiled once more, to compare.
    pub repeat: bool,
    /// Whether what was compiled is run, where it can be.
    pub run: bool,
}

/// How far a ladder was climbed, and what was seen.
#[derive(Debug)]
pub struct Climb {
    /// The largest size that was tried.
    pub top: Subject,
    /// What is new and wrong.
    pub news: Vec<Judged>,
    /// Whether all sizes were tried.
    pub is_whole: bool,
}

/// An engine in this process and what is known of it.
pub struct Lab {
    engine: InProcess,
    known: Arc<KnownIssues>,
}

impl Lab {
    /// Makes the built-in engine ready. What is known is passed over.
    pub fn open(known: KnownIssues) -> io::Result<Lab> {
        Ok(Lab { engine: InProcess::start()?, known: Arc::new(known) })
    }

    /// Compiles a case and says what came of it, and what is new and wrong.
    pub fn try_case(
        &mut self,
        case: &Case,
        backend: &Backend,
        budget: Budget,
        trial: Trial,
    ) -> (Outcome, Vec<Judged>) {
        let artifacts = Artifacts::default();
        let mut job = Job { repeat: trial.repeat, ..case.job(0, backend, budget) };
        // What a fuzzer calls is small: code that fills memories and stacks has its place in a child.
        job.execution = None;
        job.edge = job.edge.filter(|_| trial.run);
        if trial.look {
            artifacts.ask(&mut job);
        }
        let mut outcome = self.engine.run(&job, self.spare(case, &job));
        artifacts.look(case, backend, &mut outcome);
        // Its file is closed now.
        job.artifact = None;
        let (judged, _) = Court::judge(case, backend, &budget, &outcome, None);
        let news = self.news(judged, backend);
        let again = || {
            let outcome = self.engine.run(&job, self.spare(case, &job));
            Court::judge(case, backend, &budget, &outcome, None).0
        };
        (outcome, sure(news, again))
    }

    /// Climbs the ladder whose largest size is `recipe`, once, and judges by what repeats exactly:
    /// memory and code. Time proves nothing without the planted jobs that a full ladder has. All sizes
    /// together may take the time of one job: where the next would take more, by how the last ones
    /// grew, the ladder ends, as nothing could stop it.
    pub fn climb(
        &mut self,
        recipe: &Recipe,
        scaled: &[String],
        backend: &Backend,
        budget: Budget,
    ) -> Result<Climb, LadderError> {
        let (mut measuring, slots) = Measuring::once(Plan::of(recipe, scaled)?);
        let most_us = budget.cpu_s.saturating_mul(1_000_000);
        // The first is of next to nothing.
        let (mut all_us, mut sizes_us) = (0_u64, Vec::new());
        let mut is_whole = true;
        for slot in slots {
            if all_us.saturating_add(foretold(&sizes_us)) > most_us {
                measuring.end_before(slot)?;
                is_whole = false;
                break;
            }
            let Some(case) = measuring.case(slot).cloned() else { continue };
            for job in measuring.task(slot, 0, backend, budget).jobs {
                let outcome = self.engine.run(&job, self.spare(&case, &job));
                let news =
                    self.news(Court::judge(&case, backend, &budget, &outcome, None).0, backend);
                if !news.is_empty() {
                    return Ok(Climb { top: case.subject, news, is_whole: false });
                }
                all_us = all_us.saturating_add(outcome.measurements.cpu_us);
                if slot != Slot::Base {
                    sizes_us.push(outcome.measurements.cpu_us);
                }
                measuring.note(slot, outcome);
            }
            if measuring.has_failed() {
                break;
            }
        }
        let ladder = measuring.ladder()?;
        let top = measuring.plan.top().clone();
        let none = || LadderError::Incomplete("any size".to_owned());
        let outcome = measuring.top.ok_or_else(none)?;
        let (judged, _) = Court::judge_ladder(&top, backend, &budget, &outcome, &ladder);
        Ok(Climb { top: top.subject, news: self.news(judged, backend), is_whole })
    }

    fn news(&self, judged: Vec<Judged>, backend: &Backend) -> Vec<Judged> {
        judged.into_iter().filter(|judged| is_news(&self.known, judged, backend)).collect()
    }

    /// Panics are spared where nothing of them is new.
    fn spare(&self, case: &Case, job: &Job) -> Spare {
        let (case, backend, budget) = (case.clone(), job.backend.clone(), job.budget);
        let known = Arc::clone(&self.known);
        Box::new(move |outcome| {
            let (judged, _) = Court::judge(&case, &backend, &budget, outcome, None);
            !judged.iter().any(|judged| is_news(&known, judged, &backend))
        })
    }
}

/// How long the next size may take, given the times of those before it: as much longer than the last as
/// that was than the one before, and half as much again.
fn foretold(times_us: &[u64]) -> u64 {
    let [.., before, last] = times_us else { return 0 };
    let grown = last.saturating_mul(*last).checked_div(*before).unwrap_or(0);
    grown.max(last.saturating_mul(2)).saturating_mul(3) / 2
}

/// What is no chance of a new compilation. One pair of artifacts that differ may never come again, and
/// then tells nobody what to look for.
fn sure(mut news: Vec<Judged>, again: impl FnMut() -> Vec<Judged>) -> Vec<Judged> {
    if news.iter().any(may_be_chance) {
        let more = std::iter::repeat_with(again).take(MORE_RUNS);
        let shown = more.into_iter().all(|judged| judged.iter().any(may_be_chance));
        news.retain(|judged| shown || !may_be_chance(judged));
    }
    news
}

/// Whether a violation may show in one compilation and not in the next.
fn may_be_chance(judged: &Judged) -> bool {
    judged.violation.oracle == "determinism"
}

/// Whether a violation is neither known nor merely worth knowing.
fn is_news(known: &KnownIssues, judged: &Judged, backend: &Backend) -> bool {
    judged.violation.severity != Severity::Information
        && !matches!(
            known.standing(&judged.violation, &judged.signature, backend),
            Standing::Known(_)
        )
}

#[cfg(test)]
mod tests {
    use super::{Judged, foretold, sure};
    use crate::oracles::{Severity, Violation};

    fn judged(oracle: &str) -> Judged {
        let violation = Violation {
            oracle: oracle.to_owned(),
            key: "a key".to_owned(),
            summary: "a summary".to_owned(),
            severity: Severity::Bug,
        };
        let signature = serde_json::from_str(&format!("\"{oracle}|a key\"")).unwrap();
        Judged { signature, violation }
    }

    /// The oracles whose violations stay, where later compilations show what is said of each.
    fn staying(first: &[&str], later: &[&[&str]]) -> (Vec<String>, usize) {
        let list = |oracles: &[&str]| oracles.iter().map(|oracle| judged(oracle)).collect();
        let mut runs = 0;
        let again = || {
            runs += 1;
            list(later[runs - 1])
        };
        let sure = sure(list(first), again);
        (sure.into_iter().map(|judged| judged.violation.oracle).collect(), runs)
    }

    #[test]
    fn artifacts_that_differ_are_told_where_they_differ_every_time() {
        let differ = &["determinism"][..];
        assert_eq!(staying(differ, &[differ, differ]), (vec!["determinism".to_owned()], 2));
        assert_eq!(staying(differ, &[differ, &[]]), (Vec::new(), 2));
        assert_eq!(staying(differ, &[&["crash"]]), (Vec::new(), 1));
        let both = &["crash", "determinism"][..];
        assert_eq!(staying(both, &[&[]]), (vec!["crash".to_owned()], 1));
        assert_eq!(staying(&["crash"], &[]), (vec!["crash".to_owned()], 0));
    }

    #[test]
    fn what_grew_fast_is_foretold_to_go_on_so() {
        assert_eq!(foretold(&[]), 0);
        assert_eq!(foretold(&[7]), 0);
        // Eight times as long, twice as long, and no longer.
        assert_eq!(foretold(&[1, 10, 80]), 960);
        assert_eq!(foretold(&[10, 20]), 60);
        assert_eq!(foretold(&[20, 20]), 60);
    }
}
