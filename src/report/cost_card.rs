//! The cost card: what a module can cost at worst, for those who compile modules of strangers.
//!
//! For each backend and resource, the most that was seen for one kilobyte of Wasm, and the recipe
//! that does it. Small modules are left out, since the fixed cost of any module would dominate. A job
//! that ran over its budget counts with the budget, which is less than it would have cost.

use super::format::{bytes, clip, microseconds};
use crate::campaign::{Event, Subject};
use crate::engines::ENGINE;
use crate::oracles::Resource;
use crate::outcome::{Clock, EngineVerdict, Outcome, Phase, Termination};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Modules below this many bytes are left out.
const MODULE_BYTES_MIN: u64 = 2_048;

/// The resources on the card.
const RESOURCES: [Resource; 3] = [Resource::Time, Resource::Peak, Resource::Code];

/// Longest recipe in the table.
const RECIPE_WIDTH: usize = 90;

/// The worst that was seen of one resource on one backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worst {
    /// What it cost for 1,024 bytes of Wasm: microseconds or bytes.
    pub per_kib: u64,
    /// What it cost in all.
    pub cost: u64,
    /// Whether the job was ended by its budget, so that the module costs even more.
    pub cut_short: bool,
    /// Size of the module, in bytes.
    pub module_bytes: u64,
    /// What it was.
    pub subject: Subject,
}

/// The worst of each backend and resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CostCard {
    worst: BTreeMap<String, BTreeMap<Resource, Worst>>,
}

impl CostCard {
    /// Takes an event into account.
    pub fn add(&mut self, event: &Event) {
        let Event::JobEnded { subject, backend, outcome, .. } = event else { return };
        let module_bytes = outcome.measurements.module_bytes;
        if module_bytes < MODULE_BYTES_MIN {
            return;
        }
        for resource in RESOURCES {
            let Some((cost, cut_short)) = cost(outcome, resource) else { continue };
            let per_kib = cost.saturating_mul(1_024) / module_bytes;
            let subject = subject.clone();
            let worst = Worst { per_kib, cost, cut_short, module_bytes, subject };
            self.offer(backend.to_string(), resource, worst);
        }
    }

    /// Takes another card into account.
    pub fn merge(&mut self, other: CostCard) {
        for (backend, resources) in other.worst {
            for (resource, worst) in resources {
                self.offer(backend.clone(), resource, worst);
            }
        }
    }

    fn offer(&mut self, backend: String, resource: Resource, worst: Worst) {
        let of_backend = self.worst.entry(backend).or_default();
        if of_backend.get(&resource).is_none_or(|known| known.per_kib < worst.per_kib) {
            of_backend.insert(resource, worst);
        }
    }

    /// The worst of a resource on a backend.
    pub fn worst(&self, backend: &str, resource: Resource) -> Option<&Worst> {
        self.worst.get(backend)?.get(&resource)
    }

    /// The card as JSON.
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a card is text, numbers and recipes") + "\n"
    }

    /// The card as a page of Markdown that stands by itself.
    pub fn page(&self) -> String {
        format!(
            "# What a module can cost at worst\n\nFor each backend, the most of CPU time, live memory \
             and machine code that was seen for 1 KiB of Wasm, among modules of at least {}. `more \
             than` marks jobs that their budget ended. Seen by brink {}; backends without an engine's \
             name are those of {ENGINE}. `brink repro RECIPE -b BACKEND` runs a line again.\n\n{}",
            bytes(MODULE_BYTES_MIN),
            env!("CARGO_PKG_VERSION"),
            self.table()
        )
    }

    /// The card as a Markdown table, which is also fit for a terminal; empty where nothing is known.
    pub fn table(&self) -> String {
        let mut out = String::new();
        if self.worst.is_empty() {
            return out;
        }
        out.push_str("| backend | for 1 KiB of Wasm, at worst | in all | module | recipe |\n");
        out.push_str("|---|---|---|---|---|\n");
        for (backend, resources) in &self.worst {
            for (resource, worst) in resources {
                let show = |cost| match resource {
                    Resource::Time => microseconds(cost),
                    Resource::Peak | Resource::Allocated | Resource::Code => bytes(cost),
                };
                let more = if worst.cut_short { "more than " } else { "" };
                // Writing to a string cannot fail.
                let _ = writeln!(
                    out,
                    "| {backend} | {more}{} of {resource} | {more}{} | {} | `{}` |",
                    show(worst.per_kib),
                    show(worst.cost),
                    bytes(worst.module_bytes),
                    clip(&worst.subject.to_string(), RECIPE_WIDTH)
                );
            }
        }
        out
    }
}

/// What an outcome says of a resource, and whether the budget cut it short.
fn cost(outcome: &Outcome, resource: Resource) -> Option<(u64, bool)> {
    let measured = &outcome.measurements;
    let in_repeat = matches!(outcome.phase, Phase::Repeat | Phase::Run | Phase::Execute);
    match (&outcome.termination, resource) {
        (Termination::Completed { verdict: EngineVerdict::Accepted { artifact } }, _) => {
            let cost = match resource {
                Resource::Time => measured.cpu_us,
                Resource::Peak => measured.peak_live_bytes,
                Resource::Allocated => measured.allocated_bytes,
                Resource::Code => artifact.code_bytes,
            };
            Some((cost, false))
        }
        (Termination::TimedOut { clock: Clock::Cpu }, Resource::Time) if !in_repeat => {
            Some((measured.cpu_us, true))
        }
        (Termination::OutOfMemory { .. }, Resource::Peak) if !in_repeat => {
            Some((measured.peak_live_bytes, true))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Budget;
    use crate::outcome::{Artifact, Measurements};
    use crate::recipe::Recipe;

    fn ended(count: u64, module_bytes: u64, cpu_us: u64, termination: Termination) -> Event {
        let measurements = Measurements { module_bytes, cpu_us, ..Measurements::default() };
        let outcome =
            Outcome { termination, measurements, ..Outcome::infrastructure(0, String::new()) };
        Event::JobEnded {
            line: String::new(),
            at: None,
            subject: Subject::Recipe(Recipe::new("repeat").with("count", count)),
            backend: "s390x".parse().unwrap(),
            budget: Budget::new(1, 1),
            outcome: Box::new(outcome),
            violations: Vec::new(),
            inconclusive: Vec::new(),
        }
    }

    fn accepted() -> Termination {
        let artifact =
            Artifact { bytes: 0, code_bytes: 4_096, hash: String::new(), repeat_hash: None };
        Termination::Completed { verdict: EngineVerdict::Accepted { artifact } }
    }

    #[test]
    fn the_card_keeps_the_worst_per_kilobyte_and_says_what_was_cut_short() {
        let mut card = CostCard::default();
        card.add(&ended(1, 4_096, 4_000, accepted()));
        card.add(&ended(2, 1_000, 900_000, accepted()));
        let time = |card: &CostCard| card.worst("s390x", Resource::Time).unwrap().clone();
        assert_eq!(time(&card).per_kib, 1_000, "the small module does not count");
        card.add(&ended(3, 8_192, 7_000, accepted()));
        card.add(&ended(4, 2_048, 10_000, Termination::Ambiguous));
        assert_eq!(time(&card).cost, 4_000);
        card.add(&ended(5, 2_048, 10_000, Termination::TimedOut { clock: Clock::Cpu }));
        assert!(time(&card).cut_short);
        let table = card.table();
        assert!(table.contains("| more than 5.0 ms of CPU time | more than 10.0 ms |"), "{table}");
        assert!(table.contains("count=5"), "{table}");
        assert!(card.page().ends_with(&table), "{}", card.page());
        assert_eq!(card.worst("s390x", Resource::Code).unwrap().per_kib, 1_024);
        let read: CostCard = serde_json::from_str(&card.json()).unwrap();
        let mut both = CostCard::default();
        both.add(&ended(6, 4_096, 90_000, accepted()));
        both.merge(read);
        assert_eq!(time(&both).per_kib, 22_500, "the worst of both");
        assert!(card.json().contains("\"per_kib\": 1024"), "{}", card.json());
    }
}
