//! What one compilation cost, by resource and by pass.

use crate::outcome::{EngineVerdict, Outcome, Termination};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

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
