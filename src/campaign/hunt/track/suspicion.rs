//! What of a track's costs grows faster than the module.

use super::{TELLING_BYTES, Track, ratio};
use crate::campaign::hunt::Guide;
use crate::campaign::hunt::archive::dominant;
use crate::oracles::{Costs, Resource};

/// A power above this between two sizes is a suspicion, which a ladder has to confirm.
const SUSPICIOUS: f64 = 1.4;

/// Costs below this tell no power, in microseconds.
const TELLING_US: u64 = 2_000;

/// A pass with less than this share of the whole is not looked at.
const SHARE_MIN: f64 = 0.05;

/// What grows fastest.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::campaign::hunt) struct Suspicion {
    pub(in crate::campaign::hunt) power: f64,
    pub(in crate::campaign::hunt) resource: Resource,
    pub(in crate::campaign::hunt) pass: String,
}

impl Suspicion {
    /// The resource that a finding about it would name: what is allocated and freed again costs time.
    pub(in crate::campaign::hunt) fn cause_resource(&self) -> Resource {
        match self.resource {
            Resource::Time | Resource::Allocated => Resource::Time,
            Resource::Peak | Resource::Code => self.resource,
        }
    }
}

impl Track {
    /// The costs that grew faster than the module in the last step, the fastest of those that are
    /// not of a cause that is `known`.
    pub(in crate::campaign::hunt) fn suspicion(
        &self,
        guide: Guide,
        known: &dyn Fn(&str, Resource) -> bool,
    ) -> Option<Suspicion> {
        let [.., (small, before), (large, after)] = self.points.as_slice() else { return None };
        let size = ratio(*large, *small).ln();
        let mut found: Vec<Suspicion> = Vec::new();
        let mut look = |resource, pass: &str, telling, before: u64, after: u64, whole: u64| {
            if before < telling || ratio(after, whole) < SHARE_MIN || size <= 0.1 {
                return;
            }
            let power = ratio(after, before).ln() / size;
            if power >= SUSPICIOUS && !known(pass, resource) {
                found.push(Suspicion { power, resource, pass: pass.to_owned() });
            }
        };
        let total = |costs: &Costs, resource| costs.total.get(&resource).copied().unwrap_or(0);
        if guide == Guide::Everything {
            let whole = total(after, Resource::Time);
            for (pass, &us) in &after.passes_us {
                let earlier = before.passes_us.get(pass).copied().unwrap_or(0);
                look(Resource::Time, pass, TELLING_US, earlier, us, whole);
            }
        }
        let whole = total(after, Resource::Allocated);
        for (pass, &bytes) in &after.passes_bytes {
            let earlier = before.passes_bytes.get(pass).copied().unwrap_or(0);
            look(Resource::Allocated, pass, TELLING_BYTES, earlier, bytes, whole);
        }
        let pass = dominant(after, Resource::Peak);
        for resource in [Resource::Peak, Resource::Code] {
            let (before, after) = (total(before, resource), total(after, resource));
            look(resource, &pass, TELLING_BYTES, before, after, after);
        }
        found.into_iter().max_by(|a, b| a.power.total_cmp(&b.power))
    }
}
