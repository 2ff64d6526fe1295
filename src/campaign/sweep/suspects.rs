//! Steps that are foretold to break a budget: where a timed sweep looks when it has seen enough.
//!
//! Climbing all lines evenly spends the time on what goes well. A line whose cost per byte stands
//! out shows, by the power it grows with, where it will run over; going right there on one backend
//! turns the suspicion into a finding or clears it.

use super::Sweep;
use super::state::{State, Step};
use crate::recipe::Proximity;
use std::time::Duration;

/// A suspect is foretold to need at least this many times a budget, so that it will fail for
/// certain if the foretelling is half right, and will fail again when it is reproduced.
const TIMES_BUDGET: u32 = 2;

/// Where cost grows in proportion, a long time is only suspicious above this many nanoseconds per
/// byte, twenty times what plain code costs: a million small functions take long and may.
const NS_PER_BYTE_SUSPICIOUS: u64 = 20_000;

/// Where cost was seen to grow with at least this power of the size, it is suspicious anyway.
const POWER_SUSPICIOUS: f64 = 1.15;

/// A suspect may run over the end of a timed sweep by so much: what it would show is worth some
/// waiting, but not more than a small sweep takes as a whole.
const OVERTIME_MAX: Duration = Duration::from_secs(5);

impl Sweep<'_> {
    /// The suspect to try next; those that there is no time for are passed over, and counted with what is
    /// left of their lines.
    pub(super) fn next_suspect(&self, state: &mut State) -> Option<Step> {
        loop {
            let suspect = state.suspects.as_mut()?.pop()?;
            if !self.takes_too_long(state, &suspect) {
                return Some(suspect);
            }
        }
    }

    fn takes_too_long(&self, state: &State, suspect: &Step) -> bool {
        let Some(left) = self.time_left() else { return false };
        // No job takes more than its budget, whatever it is foretold.
        let budget = Duration::from_secs(self.options.budget.cpu_s);
        let foretold = suspect.only.and_then(|only| self.foretell(state, suspect, only));
        foretold.is_some_and(|foretold| foretold.cpu.min(budget) > left + OVERTIME_MAX)
    }
}

/// The suspects, one for each shape, worst cost per byte last.
pub(super) fn suspects(sweep: &Sweep<'_>, state: &State) -> Vec<Step> {
    let mut suspects: Vec<(u64, &str, Step)> = Vec::new();
    for (at, line) in sweep.lines.iter().enumerate() {
        let Some((ns_per_byte, step)) = suspect(sweep, state, at) else { continue };
        let shape = line.name.split(' ').next().unwrap_or_default();
        match suspects.iter_mut().find(|(_, other, _)| *other == shape) {
            Some(other) if other.0 < ns_per_byte => *other = (ns_per_byte, shape, step),
            Some(_) => {}
            None => suspects.push((ns_per_byte, shape, step)),
        }
    }
    suspects.sort_by_key(|(ns_per_byte, ..)| *ns_per_byte);
    suspects.into_iter().map(|(.., step)| step).collect()
}

/// The first rung of a line that is foretold to break a budget, on the first backend that can
/// tell, and the cost per byte that says how much the line stands out.
fn suspect(sweep: &Sweep<'_>, state: &State, line: usize) -> Option<(u64, Step)> {
    let budget = &sweep.options.budget;
    let backend = (0..sweep.options.backends.len()).find(|&backend| {
        state
            .tracks
            .get(&(line, backend))
            .is_some_and(|track| track.foretell(1, state.telling_us(backend)).is_some())
    })?;
    if state.tracks.get(&(line, backend))?.blocked.is_some() {
        return None;
    }
    let rungs = sweep.lines[line].rungs.iter().enumerate();
    rungs
        .filter(|(_, at)| !matches!(at, Proximity::Above(_)))
        .map(|(rung, _)| Step { line, rung, only: Some(backend) })
        .find_map(|step| {
            let foretold = sweep.foretell(state, &step, backend)?;
            let stands_out = foretold.ns_per_byte >= NS_PER_BYTE_SUSPICIOUS
                || foretold.power.is_some_and(|power| power >= POWER_SUSPICIOUS);
            let too_long =
                stands_out && foretold.cpu > Duration::from_secs(budget.cpu_s) * TIMES_BUDGET;
            let too_much = foretold.memory_bytes / u64::from(TIMES_BUDGET) > budget.memory_bytes;
            (too_long || too_much).then_some((foretold.ns_per_byte, step))
        })
}
