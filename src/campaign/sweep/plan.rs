//! What a sweep does next: the order of steps, what is left out, and the making of jobs.

use super::state::{Group, Running, State, Step};
use super::track::Foretold;
use super::{Past, Sweep, suspects};
use crate::campaign::{Case, CaseError, Event, Line, Skip, Subject};
use crate::engines::Backend;
use crate::job::{INLINE_BYTES_MAX, Job};
use crate::recipe::Proximity;
use crate::sandbox::Task;
use crate::shapes::ResolveError;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// The share of a timed sweep's time after which suspects are tried.
const LADDER_SHARE: f64 = 0.55;

/// Jobs that are foretold to take longer than this are not batched: another seat could take some.
const BATCHED_MAX: Duration = Duration::from_millis(50);

impl Sweep<'_> {
    /// The step to begin next: the one that is foretold to cost least, so that as many lines as
    /// possible get as near as possible; among equals the farthest from the limit. Late in a timed
    /// sweep, the suspects come first.
    pub(super) fn choose(&self, state: &mut State) -> Option<Step> {
        let idle = state.open.is_empty() && state.groups.is_empty() && state.building == 0;
        if let Some(time) = self.options.time
            && state.suspects.is_none()
            && (idle || self.started.elapsed() > time.mul_f64(LADDER_SHARE))
        {
            state.suspects = Some(suspects::suspects(self, state));
        }
        if let Some(suspect) = self.next_suspect(state) {
            return Some(suspect);
        }
        let cost = |step: &Step| -> Duration {
            (0..self.options.backends.len())
                .filter_map(|backend| Some(self.foretell(state, step, backend)?.cpu))
                .sum()
        };
        let steps = state.open.iter().enumerate();
        let best = steps.min_by_key(|(_, step)| (cost(step), step.rung, step.line))?.0;
        Some(state.open.swap_remove(best))
    }

    pub(super) fn foretell(&self, state: &State, step: &Step, backend: usize) -> Option<Foretold> {
        let line = &self.lines[step.line];
        let used = line.used(line.rungs[step.rung]);
        state.tracks.get(&(step.line, backend))?.foretell(used, state.telling_us(backend))
    }

    /// Builds the case of a step; none where an earlier part of the run has settled it.
    fn build(&self, line: &Line, at: Proximity) -> Result<Option<Case>, BuildFailure> {
        let backends = &self.options.backends;
        let past: Vec<_> = backends.iter().filter_map(|b| self.past(line, at, b)).collect();
        let known = |signature: &String| self.lock().court.knows(signature);
        let settled = past.iter().all(|past| past.violations.iter().all(known));
        // Where all say the same there is nothing to compare either.
        let ending = |past: &&Past| past.outcome.termination.name();
        let agreed = past.windows(2).all(|pair| ending(&pair[0]) == ending(&pair[1]));
        if past.len() == backends.len() && settled && agreed {
            return Ok(None);
        }
        Ok(Some(Case::of_recipe(&line.recipe(at)?)?))
    }

    /// Begins a step: builds its case and makes its jobs.
    pub(super) fn begin(&self, step: Step) {
        let line = &self.lines[step.line];
        let at = line.rungs[step.rung];
        let built = self.build(line, at);
        let mut state = self.lock();
        state.building -= 1;
        let case = match built {
            Ok(Some(case)) => case,
            Ok(None) => return self.advance(&mut state, step),
            Err(BuildFailure::Resolve(error)) => {
                self.skip(line, at, None, error.to_string());
                return self.advance(&mut state, step);
            }
            Err(BuildFailure::Case(error)) => {
                state.footing.fail(error);
                self.stop.store(true, Relaxed);
                return;
            }
        };
        let group_id = state.next_id;
        state.next_id += 1;
        let (mut jobs, mut outcomes) = (Vec::new(), Vec::new());
        for (position, backend) in self.options.backends.iter().enumerate() {
            if step.only.is_some_and(|only| only != position) {
                continue;
            }
            if let Some(past) = self.past(line, at, backend) {
                outcomes.push((backend.clone(), past.outcome.clone()));
                continue;
            }
            if let Some(reason) = self.reason_to_skip(&state, &step, position) {
                self.skip(line, at, Some(backend), reason);
                continue;
            }
            if let Subject::Recipe(recipe) = &case.subject
                && !state.recipes.insert((recipe.id(), position))
            {
                self.observer.observe(Event::Shared {
                    line: line.name.clone(),
                    at,
                    subject: case.subject.clone(),
                    backend: backend.clone(),
                });
                continue;
            }
            let id = state.next_id;
            state.next_id += 1;
            jobs.push(self.job(&case, id, backend));
            state.jobs.insert(id, Running { group: group_id, backend: position, confirms: None });
        }
        state.planned += jobs.len() as u64;
        if jobs.is_empty() && outcomes.is_empty() {
            return self.advance(&mut state, step);
        }
        let left = jobs.len();
        self.queue(&mut state, &step, &case, jobs);
        let group = Group { step, case, outcomes, left, compared: false };
        state.groups.insert(group_id, group);
        self.retry_past(&mut state, group_id);
        self.close(&mut state, group_id);
    }

    /// Small modules that are quick go through all backends of an engine in one batch; others one by one, the
    /// costliest backend first.
    fn queue(&self, state: &mut State, step: &Step, case: &Case, mut jobs: Vec<Job>) {
        if jobs.is_empty() {
            return;
        }
        let module = case.module.clone();
        let cost = |job: &Job| Some(self.foretell(state, step, state.jobs[&job.id].backend)?.cpu);
        let quick = |job: &Job| cost(job).is_none_or(|foretold| foretold < BATCHED_MAX);
        if case.module_bytes <= INLINE_BYTES_MAX && jobs.iter().all(quick) {
            for jobs in jobs.chunk_by(|a, b| a.backend.engine() == b.backend.engine()) {
                state.ready.push_back(Task { jobs: jobs.to_vec(), module: module.clone() });
            }
            return;
        }
        jobs.sort_by_cached_key(|job| std::cmp::Reverse(cost(job)));
        for job in jobs {
            state.ready.push_back(Task { jobs: vec![job], module: module.clone() });
        }
    }

    fn reason_to_skip(&self, state: &State, step: &Step, backend: usize) -> Option<String> {
        let left = self.time_left()?;
        let track = state.tracks.get(&(step.line, backend));
        if let Some(reason) = track.and_then(|track| track.blocked.clone()) {
            return Some(reason);
        }
        if step.only.is_some() {
            return None;
        }
        let foretold = self.foretell(state, step, backend)?.cpu;
        if foretold > Duration::from_secs(self.options.budget.cpu_s) {
            return Some(format!(
                "{} s of CPU time foretold, more than a job may use; sweep with --full, --at or a \
                 larger --time-limit",
                foretold.as_secs()
            ));
        }
        (foretold > left)
            .then(|| format!("{} s of CPU time foretold, more than is left", foretold.as_secs()))
    }

    /// Time left for the sweep, where it is limited.
    pub(super) fn time_left(&self) -> Option<Duration> {
        Some(self.options.time?.saturating_sub(self.started.elapsed()))
    }

    /// The time is over: what has not begun will not, but for what confirms a finding.
    pub(super) fn skip_the_rest(&self, state: &mut State) {
        const REASON: &str = "no time is left";
        state.suspects = Some(Vec::new());
        for mut task in std::mem::take(&mut state.ready) {
            let confirms =
                |job: &Job| state.jobs.get(&job.id).is_some_and(|job| job.confirms.is_some());
            let (kept, dropped) = task.jobs.into_iter().partition(confirms);
            task.jobs = kept;
            if !task.jobs.is_empty() {
                state.ready.push_back(task);
            }
            let dropped: Vec<Job> = dropped;
            for job in dropped {
                let Some(running) = state.jobs.remove(&job.id) else { continue };
                let Some(group) = state.groups.get_mut(&running.group) else { continue };
                group.left -= 1;
                let line = &self.lines[group.step.line];
                let at = line.rungs[group.step.rung];
                self.skip(line, at, Some(&job.backend), REASON.to_owned());
                self.close(state, running.group);
            }
        }
        for step in std::mem::take(&mut state.open) {
            let line = &self.lines[step.line];
            for &at in &line.rungs[step.rung..] {
                self.skip(line, at, None, REASON.to_owned());
            }
        }
    }

    pub(super) fn skip(
        &self,
        line: &Line,
        at: Proximity,
        backend: Option<&Backend>,
        reason: String,
    ) {
        let skip = Skip { line: line.name.clone(), at, backend: backend.cloned(), reason };
        self.observer.observe(Event::Skipped { skip });
    }

    /// Opens the next rung of a line.
    pub(super) fn advance(&self, state: &mut State, step: Step) {
        if step.only.is_none() && step.rung + 1 < self.lines[step.line].rungs.len() {
            state.open.push(Step { rung: step.rung + 1, ..step });
        }
    }
}

enum BuildFailure {
    Resolve(ResolveError),
    Case(CaseError),
}

impl From<ResolveError> for BuildFailure {
    fn from(error: ResolveError) -> BuildFailure {
        BuildFailure::Resolve(error)
    }
}

impl From<CaseError> for BuildFailure {
    fn from(error: CaseError) -> BuildFailure {
        BuildFailure::Case(error)
    }
}
