//! One recipe at sizes that double, and how each resource grows with them.

use super::costs::{Costs, Resource};
use super::fit::{Fit, Law, fit};
use crate::job::Budget;
use crate::oracles::{code_size, memory, timeout};
use serde::{Deserialize, Serialize};
use std::fmt;

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
    pub(super) fn is_superlinear(&self) -> bool {
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
    pub(super) fn breaking(&self, trends: &[Trend], budget: &Budget) -> Vec<Trend> {
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
    pub(super) fn most(&self, resource: Resource, budget: &Budget) -> Option<f64> {
        let size = float(self.limit_size);
        match resource {
            Resource::Time => {
                let plain_us = size * float(timeout::NS_PER_BYTE_PLAIN) / 1_000.0;
                Some(float(budget.cpu_s.saturating_mul(1_000_000)).max(plain_us))
            }
            Resource::Peak => {
                let plain = size * float(memory::BYTES_PER_BYTE_PLAIN);
                Some(float(budget.memory_bytes).max(plain))
            }
            Resource::Code => Some(size * float(code_size::RATIO_MAX)),
            // What is allocated and freed again costs time, and that is judged as such.
            Resource::Allocated => None,
        }
    }
}
