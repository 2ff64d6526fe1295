//! The cost of a module must not grow out of proportion to its size.
//!
//! What is judged is a ladder: one recipe at sizes that double, what each cost, and a planted job of
//! linear cost that ran between them on the same machine. Each resource is fitted as a power of the
//! module's size in bytes ([`mod@fit`]), CPU time also for each pass of the compiler, so that the pass at
//! fault is named.
//!
//! A violation needs all of these: the power is above 1.3 by twice its error, the law
//! nearest to it is N^1.5 or worse, the last doublings show it too, and the cost that follows for the
//! limit, taken at the low end of the error, breaks the budget of a job. N log N is no violation, and
//! neither is a square that stays within the budget as far as the limits let a module grow: an engine
//! may well choose the simple algorithm where the limits keep it harmless, and a report about it would
//! only cost attention.
//!
//! False alarms: a machine on which time does not pass evenly. So time is only judged where the planted
//! job's cost was found to be linear; bytes do not depend on the machine. A step (a cache that
//! overflows, a table that doubles) raises one pair of sizes, not two in a row.

mod costs;
mod fit;
mod ladder;

use super::{Observation, Oracle, Verdict, violation};
use crate::job::Budget;

pub use self::costs::{Costs, Resource};
pub use self::fit::{Fit, Law, fit};
pub use self::ladder::{Ladder, Rung, Trend};

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
