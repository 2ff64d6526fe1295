//! The cost of a module must not grow out of proportion to its size.
//!
//! What is judged is a ladder: one recipe at sizes that double, what each cost, and a planted job of
//! linear cost that ran between them on the same machine. Each resource is fitted as a power of the
//! module's size in bytes ([`mod@fit`]), CPU time also for each pass of the compiler, so that the pass at
//! fault is named.
//!
//! A violation needs all of these: the power is above [`EXPONENT_MIN`] by twice its error, the law
//! nearest to it is N^1.5 or worse, the last doublings show it too, and the cost that follows for the
//! limit, taken at the low end of the error, breaks the budget of a job. N log N is no violation, and
//! neither is a square that stays within the budget as far as the limits let a module grow: an engine
//! may well choose the simple algorithm where the limits keep it harmless, and a report about it would
//! only cost attention.
//!
//! False alarms: a machine on which time does not pass evenly. So time is only judged where the planted
//! job's cost was found to be linear; bytes do not depend on the machine. A step (a cache that
//! overflows, a table that doubles) raises one pair of sizes, not two in a row.

mod fit;

use super::{Observation, Oracle, Verdict, violation};
use crate::job::Budget;
use crate::outcome::{EngineVerdict, Outcome, Termination};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

pub use self::fit::{Fit, Law, fit};

/// Powers up to this are as good as linear: caches and sorting account for that much.
const EXPONENT_MIN: f64 = 1.3;

/// How far the power of the planted linear job may be from 1.
const CONTROL_SLACK: f64 = 0.12;

/// Shorter times are not fitted, in microseconds: they are mostly those of the start.
const TELLING_US: u64 = 1_000;

/// The same for one pass.
const TELLING_PART_US: u64 = 250;

/// Fewer bytes are not fitted.
const TELLING_BYTES: u64 = 64 << 10;

/// What runs outside the compiler's own passes, by the name it has here.
const REST: &str = "outside-passes";

/// What a module costs of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    /// CPU time, in microseconds.
    Time,
    /// The peak of live allocations, in bytes.
    Peak,
    /// The sum of allocations, in bytes.
    Allocated,
    /// Machine code, in bytes.
    Code,
}

impl Resource {
    /// Every resource.
    pub const ALL: [Resource; 4] =
        [Resource::Time, Resource::Peak, Resource::Allocated, Resource::Code];
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Resource::Time => "CPU time",
            Resource::Peak => "live memory",
            Resource::Allocated => "allocated memory",
            Resource::Code => "code",
        })
    }
}

/// What one module cost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Costs {
    /// By resource.
    pub total: BTreeMap<Resource, u64>,
    /// CPU time by pass, in microseconds.
    pub passes_us: BTreeMap<String, u64>,
    /// Allocated bytes by pass.
    pub passes_bytes: BTreeMap<String, u64>,
}

impl Costs {
    /// The costs of a module that was compiled; `None` of one that was not.
    pub fn of(outcome: &Outcome) -> Option<Costs> {
        let Termination::Completed { verdict: EngineVerdict::Accepted { artifact } } =
            &outcome.termination
        else {
            return None;
        };
        let measured = &outcome.measurements;
        let total = BTreeMap::from([
            (Resource::Time, measured.cpu_us),
            (Resource::Peak, measured.peak_live_bytes),
            (Resource::Allocated, measured.allocated_bytes),
            (Resource::Code, artifact.code_bytes),
        ]);
        let mut passes_us: BTreeMap<String, u64> = measured.passes_us.iter().cloned().collect();
        let known: u64 = passes_us.values().sum();
        passes_us.insert(REST.to_owned(), measured.cpu_us.saturating_sub(known));
        Some(Costs {
            total,
            passes_us,
            passes_bytes: measured.passes_bytes.iter().cloned().collect(),
        })
    }

    /// CPU time, in microseconds.
    pub fn time_us(&self) -> u64 {
        self.total.get(&Resource::Time).copied().unwrap_or(0)
    }

    /// What is left of each figure without a fixed part.
    #[must_use]
    pub fn less(&self, fixed: &Costs) -> Costs {
        fn less<K: Ord + Clone>(
            ours: &BTreeMap<K, u64>,
            fixed: &BTreeMap<K, u64>,
        ) -> BTreeMap<K, u64> {
            let of = |key| fixed.get(key).copied().unwrap_or(0);
            ours.iter().map(|(key, cost)| (key.clone(), cost.saturating_sub(of(key)))).collect()
        }
        Costs {
            total: less(&self.total, &fixed.total),
            passes_us: less(&self.passes_us, &fixed.passes_us),
            passes_bytes: less(&self.passes_bytes, &fixed.passes_bytes),
        }
    }

    /// The lesser of each figure: what disturbs a run only makes it longer.
    #[must_use]
    pub fn least(mut self, other: &Costs) -> Costs {
        fn least<K: Ord>(ours: &mut BTreeMap<K, u64>, theirs: &BTreeMap<K, u64>) {
            for (key, cost) in ours {
                *cost = (*cost).min(theirs.get(key).copied().unwrap_or(0));
            }
        }
        least(&mut self.total, &other.total);
        least(&mut self.passes_us, &other.passes_us);
        least(&mut self.passes_bytes, &other.passes_bytes);
        self
    }
}

/// One size of a ladder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rung {
    /// Size of the module, in bytes.
    pub size: u64,
    /// The least that it cost in all runs.
    pub costs: Costs,
    /// The size of the planted linear job that ran beside it, and its least CPU time in
    /// microseconds.
    pub control: (u64, u64),
}

/// One recipe at sizes that double.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ladder {
    /// What a module costs that has hardly anything in it, and its size: the fixed part of all.
    pub base: (u64, Costs),
    /// The sizes, rising.
    pub rungs: Vec<Rung>,
    /// The size up to which the limits let the recipe grow, in bytes.
    pub limit_size: u64,
}

/// How one resource grows, in total or in one pass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trend {
    /// The resource.
    pub resource: Resource,
    /// The pass; `None` for the total.
    pub pass: Option<String>,
    /// The fit.
    pub fit: Fit,
    /// The cost at the largest size of the ladder.
    pub at_top: f64,
    /// The cost that follows for the limit, at the low end of the fit's error.
    pub at_limit: f64,
}

impl Trend {
    fn is_superlinear(&self) -> bool {
        let Fit { exponent, error, law, last_exponent, .. } = self.fit;
        law >= Law::Power15 && exponent - 2.0 * error > EXPONENT_MIN && last_exponent > EXPONENT_MIN
    }
}

impl fmt::Display for Trend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fit { exponent, error, law, .. } = self.fit;
        match law {
            Law::Exponential => write!(f, "{law}"),
            Law::Sublinear
            | Law::Linear
            | Law::LinearLog
            | Law::Power15
            | Law::Square
            | Law::Cube => {
                write!(f, "N^{exponent:.2} (±{:.2})", 2.0 * error)
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a fit is an estimate")]
fn float(number: u64) -> f64 {
    number as f64
}

impl Ladder {
    /// How each resource and each pass grows, as far as that can be told.
    pub fn trends(&self) -> Vec<Trend> {
        let mut trends = Vec::new();
        for resource in Resource::ALL {
            let telling = if resource == Resource::Time { TELLING_US } else { TELLING_BYTES };
            let of = |costs: &Costs| costs.total.get(&resource).copied().unwrap_or(0);
            trends.extend(self.trend(resource, None, telling, &of));
        }
        let Some(top) = self.rungs.last() else { return trends };
        for pass in top.costs.passes_us.keys() {
            let of = |costs: &Costs| costs.passes_us.get(pass).copied().unwrap_or(0);
            trends.extend(self.trend(Resource::Time, Some(pass), TELLING_PART_US, &of));
        }
        for pass in top.costs.passes_bytes.keys() {
            let of = |costs: &Costs| costs.passes_bytes.get(pass).copied().unwrap_or(0);
            trends.extend(self.trend(Resource::Allocated, Some(pass), TELLING_BYTES, &of));
        }
        trends
    }

    fn trend(
        &self,
        resource: Resource,
        pass: Option<&String>,
        telling: u64,
        of: &dyn Fn(&Costs) -> u64,
    ) -> Option<Trend> {
        let (base_size, base) = (self.base.0, of(&self.base.1));
        let telling = self.rungs.iter().filter_map(|rung| {
            let cost = of(&rung.costs).saturating_sub(base);
            let size = rung.size.saturating_sub(base_size);
            (cost >= telling && size > 0).then(|| (float(size), float(cost)))
        });
        let points: Vec<(f64, f64)> = telling.collect();
        let fit = fit(&points)?;
        let &(top_size, at_top) = points.last()?;
        let times = float(self.limit_size) / top_size;
        let exponent = (fit.exponent - 2.0 * fit.error).max(0.0);
        let at_limit = at_top * times.max(1.0).powf(exponent);
        Some(Trend { resource, pass: pass.cloned(), fit, at_top, at_limit })
    }

    /// Why times of this ladder prove nothing, if so.
    pub fn noise(&self) -> Option<String> {
        let points: Vec<(f64, f64)> =
            self.rungs.iter().map(|r| (float(r.control.0), float(r.control.1.max(1)))).collect();
        let Some(fit) = fit(&points) else {
            return Some("there are too few runs of the planted linear job".to_owned());
        };
        ((fit.exponent - 1.0).abs() + 2.0 * fit.error > CONTROL_SLACK).then(|| {
            format!(
                "the machine is too busy to tell: a planted linear job grew as N^{:.2} (±{:.2})",
                fit.exponent,
                2.0 * fit.error
            )
        })
    }

    /// The trends that break `budget` at the limit, worst first.
    fn breaking(&self, trends: &[Trend], budget: &Budget) -> Vec<Trend> {
        let breaks = |trend: &&Trend| {
            let most = self.most(trend.resource, budget);
            trend.is_superlinear() && most.is_some_and(|most| trend.at_limit > most)
        };
        let mut breaking: Vec<Trend> = trends.iter().filter(breaks).cloned().collect();
        breaking.sort_by(|a, b| b.at_limit.total_cmp(&a.at_limit));
        breaking
    }

    /// The most that a module at the limit may take of a resource: the budget, or what plain code of
    /// its size takes, in the resource's unit.
    fn most(&self, resource: Resource, budget: &Budget) -> Option<f64> {
        let size = float(self.limit_size);
        match resource {
            Resource::Time => {
                let plain_us = size * float(super::timeout::NS_PER_BYTE_PLAIN) / 1_000.0;
                Some(float(budget.cpu_s.saturating_mul(1_000_000)).max(plain_us))
            }
            Resource::Peak => {
                let plain = size * float(super::memory::BYTES_PER_BYTE_PLAIN);
                Some(float(budget.memory_bytes).max(plain))
            }
            Resource::Code => Some(size * float(super::code_size::RATIO_MAX)),
            // What is allocated and freed again costs time, and that is judged as such.
            Resource::Allocated => None,
        }
    }
}

pub(super) struct Growth;

impl Oracle for Growth {
    fn id(&self) -> &'static str {
        "growth"
    }

    fn summary(&self) -> &'static str {
        "a cost that grows faster than the module and breaks the budget within the limits"
    }

    fn judge(&self, observation: &Observation<'_>) -> Verdict {
        let Some(ladder) = observation.ladder else { return Verdict::NotApplicable };
        let trends = ladder.trends();
        let breaking = ladder.breaking(&trends, observation.budget);
        // What does not depend on the machine comes first.
        let memory = breaking.iter().find(|trend| trend.resource != Resource::Time);
        let Some(worst) = memory.or_else(|| at_fault(&breaking)) else {
            return if trends.is_empty() {
                Verdict::Inconclusive(
                    "the modules of the ladder cost too little to tell".to_owned(),
                )
            } else {
                Verdict::Pass
            };
        };
        if worst.resource == Resource::Time
            && let Some(noise) = ladder.noise()
        {
            return Verdict::Inconclusive(noise);
        }
        let pass = worst.pass.clone().or_else(|| allocating(&trends));
        let key = format!("{} {}", pass.as_deref().unwrap_or("all"), worst.resource);
        violation(self, &key, describe(ladder, worst, &trends, observation.budget))
    }
}

/// Of the times that break the budget, that of a pass rather than that of the total.
fn at_fault(breaking: &[Trend]) -> Option<&Trend> {
    let mut times = breaking.iter().filter(|trend| trend.resource == Resource::Time);
    times.clone().find(|trend| trend.pass.is_some()).or_else(|| times.next())
}

/// The pass whose allocations grow with the greatest power and are superlinear themselves.
fn allocating(trends: &[Trend]) -> Option<String> {
    let of_passes = trends.iter().filter(|t| t.resource == Resource::Allocated && t.pass.is_some());
    let worst = of_passes
        .filter(|trend| trend.is_superlinear())
        .max_by(|a, b| a.at_limit.total_cmp(&b.at_limit))?;
    worst.pass.clone()
}

fn describe(ladder: &Ladder, worst: &Trend, trends: &[Trend], budget: &Budget) -> String {
    let what = match &worst.pass {
        Some(pass) => format!("{} of {pass}", worst.resource),
        None => worst.resource.to_string(),
    };
    let others = trends.iter().filter(|trend| {
        trend.resource == worst.resource && trend.pass.is_some() && trend.pass != worst.pass
    });
    let greatest = others.map(|trend| trend.fit.exponent).fold(0.0, f64::max);
    let others = match greatest {
        0.0 => String::new(),
        greatest => format!(", every other pass as N^{greatest:.1} or less"),
    };
    let bytes = |number: f64| format!("{:.1} GiB", number / f64::from(1 << 30));
    let most = ladder.most(worst.resource, budget).unwrap_or(f64::INFINITY);
    let (at_limit, most) = match worst.resource {
        Resource::Time => {
            (format!("{:.0} s", worst.at_limit / 1e6), format!("{:.0} s", most / 1e6))
        }
        Resource::Peak | Resource::Allocated | Resource::Code => {
            (bytes(worst.at_limit), bytes(most))
        }
    };
    let at_limit = match worst.fit.law {
        Law::Exponential => "more than any budget".to_owned(),
        Law::Sublinear | Law::Linear | Law::LinearLog | Law::Power15 | Law::Square | Law::Cube => {
            format!("at least {at_limit}")
        }
    };
    let sizes = ladder.rungs.iter().map(|rung| rung.size);
    format!(
        "{what} grows as {worst} with the module's size N, nearest to {}, from {} to {} \
         bytes{others}; within the limits the module can have {} bytes, which makes {at_limit}, and \
         {most} are the most that is allowed",
        worst.fit.law,
        sizes.clone().min().unwrap_or(0),
        sizes.max().unwrap_or(0),
        ladder.limit_size,
    )
}

#[cfg(test)]
mod tests;
