//! Asks releases: obtains those that are not there, runs the case, keeps the answers.

use super::{Inquiry, InquiryError, Obtain, Question, Release};
use crate::campaign::events::Silent;
use crate::campaign::{Repro, reproduce};
use crate::engines::Backend;
use crate::outcome::Outcome;
use crate::sandbox::Host;
use std::sync::atomic::Ordering::Relaxed;

impl Inquiry<'_> {
    /// Sees to it that each of these releases has answered at least `times` times.
    pub(super) fn run(
        &mut self,
        which: &[usize],
        times: usize,
        obtain: &mut Obtain<'_>,
    ) -> Result<(), InquiryError> {
        let Question { case, budget, cache, module, exe, .. } = self.question;
        let mut lacking = Vec::new();
        for &at in which {
            if self.stop.load(Relaxed) || self.missing.contains_key(&at) {
                continue;
            }
            let engine = match self.releases[at].engine.clone() {
                Some(engine) => engine,
                None => match obtain(&self.releases[at]) {
                    Ok(engine) => engine,
                    Err(reason) => {
                        self.missing.insert(at, reason);
                        continue;
                    }
                },
            };
            self.releases[at].engine = Some(engine.clone());
            if !self.pool.hosts.iter().any(|host| *host.id() == engine.id) {
                self.pool.hosts.push(Host::new(exe, engine.clone()));
            }
            let job = case.job(0, &self.on(&engine), *budget);
            let known =
                self.outcomes.entry(at).or_insert_with(|| cache.results(&engine, &job, module));
            lacking.extend(std::iter::repeat_n(at, times.saturating_sub(known.len())));
        }
        lacking.sort_unstable();
        let backends = lacking.iter().filter_map(|&at| self.releases[at].engine.as_ref());
        let backends: Vec<Backend> = backends.map(|engine| self.on(engine)).collect();
        if backends.is_empty() {
            return Ok(());
        }
        let repro = Repro {
            case: case.clone(),
            backends,
            budget: *budget,
            times: 1,
            keep_artifacts: false,
        };
        let report = reproduce(&repro, &self.pool, self.stop, &Silent);
        if let Some(error) = report.seat_error {
            return Err(error.into());
        }
        for run in report.runs {
            let is = |release: &Release| {
                release.engine.as_ref().is_some_and(|engine| engine.id == *run.backend.engine())
            };
            if let Some(at) = self.releases.iter().position(is) {
                self.outcomes.entry(at).or_default().push(run.outcome);
            }
        }
        for at in lacking {
            let (Some(engine), Some(outcomes)) =
                (&self.releases[at].engine, self.outcomes.get(&at))
            else {
                continue;
            };
            if outcomes.iter().all(Outcome::says_something) {
                let job = case.job(0, &self.on(engine), *budget);
                // What cannot be kept is asked again the next time.
                let _ = cache.keep_results(engine, &job, module, outcomes);
            }
        }
        Ok(())
    }
}
