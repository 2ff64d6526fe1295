//! A track: one recipe on one backend, scaled up by some of its counts, and what it cost so far.
//!
//! The next size follows from the costs of the last: while they grow in proportion, large steps lead
//! towards the limit; where one grows faster, doublings lead up to a size at which a ladder can be
//! measured; where the limit is foretold to break a budget by far, one leap shows it.

mod suspicion;

use super::Guide;
use crate::job::Budget;
use crate::oracles::{Costs, Resource};
use crate::recipe::Recipe;
use crate::shapes;

pub(super) use self::suspicion::Suspicion;

/// Costs below this tell no power, in bytes.
const TELLING_BYTES: u64 = 256 << 10;

/// A module that costs this much is large enough to be the largest of a ladder.
const LADDER_US: u64 = 400_000;
const LADDER_ALLOCATED_BYTES: u64 = 1 << 30;

/// A limit that is foretold to need this many times a budget is tried, and as much is asked for.
const OVER_BUDGET: f64 = 2.0;

/// A module that is foretold to take longer than this, in seconds, and not to break its budget, is
/// not tried: many others can be tried in its place.
const AFFORDABLE_S: f64 = 6.0;

/// Steps in proportion.
const STEP: u64 = 8;

/// Allocated bytes that stand for a second where times must not be looked at.
const BYTES_PER_SECOND: f64 = 1e9;

/// A track on its way.
#[derive(Clone, Debug)]
pub(super) struct Track {
    pub(super) base: Recipe,
    pub(super) scaled: Vec<String>,
    /// Position of the backend.
    pub(super) backend: usize,
    /// The largest recipe of the track that is within the limits, and its size.
    pub(super) largest: (Recipe, u64),
    /// The factor by which the last recipe was scaled.
    pub(super) up: u64,
    /// Sizes and costs so far, without the fixed part.
    pub(super) points: Vec<(u64, Costs)>,
}

/// Where a track goes next.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Way {
    /// To this size, the factor and the recipe.
    On(u64, Recipe),
    /// To a measured ladder up to the last size.
    Ladder(Suspicion),
    /// Nowhere.
    End,
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn ratio(more: u64, less: u64) -> f64 {
    more as f64 / less.max(1) as f64
}

impl Track {
    /// The last recipe that was run.
    pub(super) fn last(&self) -> Recipe {
        if self.up == u64::MAX {
            return self.largest.0.clone();
        }
        shapes::scale(&self.base, &self.scaled, self.up, 1)
    }

    /// The recipe at the top of a ladder: the last one, or one smaller where that took longer than a
    /// ladder needs.
    pub(super) fn ladder_top(&self, guide: Guide, power: f64) -> Recipe {
        let over = self.seconds(guide) * 1e6 / (ratio(LADDER_US, 1) * 1.5);
        let (Some((last, _)), true) = (self.points.last(), over > 1.0) else { return self.last() };
        let first = self.points.first().map_or(*last, |(size, _)| *size);
        // Between the first size and the last, in proportion to the counts.
        let times = ratio(*last, first) / over.powf(1.0 / power.max(1.0));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive")]
        let up = times.ceil() as u64;
        shapes::scale(&self.base, &self.scaled, up.max(1), 1)
    }

    /// Seconds that the last size took, or stands for.
    fn seconds(&self, guide: Guide) -> f64 {
        let Some((_, costs)) = self.points.last() else { return 0.0 };
        let of = |resource| ratio(costs.total.get(&resource).copied().unwrap_or(0), 1);
        match guide {
            Guide::Everything => of(Resource::Time) / 1e6,
            Guide::Counters => of(Resource::Allocated) / BYTES_PER_SECOND,
        }
    }

    /// Where it goes next. `known` are causes that were found already.
    pub(super) fn next(
        &self,
        guide: Guide,
        budget: &Budget,
        known: &dyn Fn(&str, Resource) -> bool,
    ) -> Way {
        let Some((size, costs)) = self.points.last() else { return Way::End };
        let suspicion = self.suspicion(guide, known);
        let total = |resource| costs.total.get(&resource).copied().unwrap_or(0);
        let at_end = *size * 10 >= self.largest.1 * 9;
        if let Some(suspicion) = &suspicion {
            let large = (guide == Guide::Everything && total(Resource::Time) >= LADDER_US)
                || total(Resource::Allocated) >= LADDER_ALLOCATED_BYTES;
            if large || at_end {
                return Way::Ladder(suspicion.clone());
            }
        }
        if at_end {
            return Way::End;
        }
        let power = suspicion.as_ref().map_or(1.05, |suspicion| suspicion.power);
        let times_left = ratio(self.largest.1, *size);
        let seconds = self.seconds(guide);
        let peak = ratio(total(Resource::Peak), 1);
        // Straight to where a budget breaks, where that is foretold by far.
        let over_time = ratio(budget.cpu_s, 1) * OVER_BUDGET / seconds;
        let over_memory = ratio(budget.memory_bytes, 1) * OVER_BUDGET / peak.max(1.0);
        let at_limit = times_left.powf(power);
        let dominant = |resource| super::archive::dominant(costs, resource);
        let breaks_time = seconds > 0.05
            && at_limit > over_time
            && !known(&dominant(Resource::Time), Resource::Time);
        let breaks_memory = peak > ratio(TELLING_BYTES * 64, 1)
            && times_left > over_memory
            && !known(&dominant(Resource::Peak), Resource::Peak);
        if suspicion.is_none() && (breaks_time || breaks_memory) {
            let leap = if breaks_memory { over_memory } else { over_time.powf(1.0 / power) };
            return self.on(leap.min(times_left));
        }
        let step = if suspicion.is_some() { 2 } else { STEP };
        let step = ratio(step, 1).min(times_left);
        if seconds * step.powf(power) > AFFORDABLE_S {
            return Way::End;
        }
        self.on(step)
    }

    /// A size so many times as large as the last.
    fn on(&self, times: f64) -> Way {
        let last = self.points.last().map_or(1, |(size, _)| *size);
        if times * ratio(last, 1) >= 0.9 * ratio(self.largest.1, 1) {
            return Way::On(u64::MAX, self.largest.0.clone());
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive, and a float that is too large becomes the greatest number"
        )]
        let up = (ratio(self.up, 1) * times).ceil() as u64;
        Way::On(up, shapes::scale(&self.base, &self.scaled, up, 1))
    }

    /// How much the track promises: what grows fast comes first, then what costs much per byte.
    pub(super) fn promise(&self, guide: Guide, known: &dyn Fn(&str, Resource) -> bool) -> f64 {
        let power = self.suspicion(guide, known).map_or(0.0, |suspicion| suspicion.power);
        let Some((size, costs)) = self.points.last() else { return 0.0 };
        4.0 * power + promise(costs, *size, guide, known)
    }
}

/// What the costs of a module promise: those for each byte of Wasm that are of no known cause.
pub(super) fn promise(
    costs: &Costs,
    size: u64,
    guide: Guide,
    known: &dyn Fn(&str, Resource) -> bool,
) -> f64 {
    let (passes, resource) = match guide {
        Guide::Everything => (&costs.passes_us, Resource::Time),
        Guide::Counters => (&costs.passes_bytes, Resource::Allocated),
    };
    let unknown = passes.iter().filter(|(pass, _)| !known(pass, resource)).map(|(_, cost)| cost);
    let time = ratio(unknown.sum(), size);
    let peak = costs.total.get(&Resource::Peak).copied().unwrap_or(0);
    let is_known = known(&super::archive::dominant(costs, Resource::Peak), Resource::Peak);
    // Plain code takes a microsecond and 200 bytes for each byte.
    let memory = if is_known { 0.0 } else { ratio(peak, size) / 200.0 };
    time.max(memory).max(0.01).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn costs(us: u64, bytes: u64) -> Costs {
        let total = BTreeMap::from([
            (Resource::Time, us),
            (Resource::Peak, bytes),
            (Resource::Allocated, bytes),
            (Resource::Code, bytes),
        ]);
        let passes_us = BTreeMap::from([("regalloc".to_owned(), us)]);
        let passes_bytes = BTreeMap::from([("regalloc".to_owned(), bytes)]);
        Costs { total, passes_us, passes_bytes }
    }

    fn track(points: &[(u64, u64, u64)]) -> Track {
        let base = Recipe::new("repeat").with("count", 1_000);
        let largest = (base.clone().with("count", 1_000_000), 7_000_000);
        let points = points.iter().map(|&(size, us, bytes)| (size, costs(us, bytes))).collect();
        Track { base, scaled: vec!["count".to_owned()], backend: 0, largest, up: 1, points }
    }

    const BUDGET: Budget = Budget::new(20, 4 << 30);

    fn next(track: &Track, guide: Guide) -> Way {
        track.next(guide, &BUDGET, &|_, _| false)
    }

    #[test]
    fn what_grows_in_proportion_takes_large_steps_and_ends_at_the_limit() {
        let plain = track(&[(1_000, 3_000, 1 << 20), (8_000, 24_000, 8 << 20)]);
        assert!(matches!(next(&plain, Guide::Everything), Way::On(8, _)));
        let done = track(&[(1_000_000, 90_000, 1 << 20), (7_000_000, 500_000, 7 << 20)]);
        assert_eq!(next(&done, Guide::Everything), Way::End);
    }

    #[test]
    fn what_grows_faster_is_doubled_and_then_measured() {
        let small = track(&[(1_000, 3_000, 1 << 20), (2_000, 12_000, 2 << 20)]);
        assert!(matches!(next(&small, Guide::Everything), Way::On(2, _)));
        let large = track(&[(10_000, 200_000, 1 << 20), (20_000, 800_000, 2 << 20)]);
        let Way::Ladder(suspicion) = next(&large, Guide::Everything) else { panic!("no ladder") };
        assert_eq!((suspicion.resource, suspicion.pass.as_str()), (Resource::Time, "regalloc"));
        let known = |pass: &str, _| pass == "regalloc";
        let way = large.next(Guide::Everything, &BUDGET, &known);
        assert!(!matches!(way, Way::Ladder(_)), "what is known is not measured again");
    }

    #[test]
    fn counters_alone_guide_where_times_must_not() {
        let slow = track(&[(10_000, 200_000, 1 << 20), (20_000, 800_000, 2 << 20)]);
        let fast = track(&[(10_000, 1, 1 << 20), (20_000, 2, 2 << 20)]);
        assert_eq!(next(&slow, Guide::Counters), next(&fast, Guide::Counters));
    }

    #[test]
    fn a_limit_that_breaks_the_budget_by_far_is_leapt_to() {
        let costly = track(&[(10_000, 100_000, 1 << 20), (20_000, 200_000, 2 << 20)]);
        let Way::On(up, _) = next(&costly, Guide::Everything) else { panic!("no leap") };
        assert!((100..=200).contains(&up), "{up}");
    }
}
