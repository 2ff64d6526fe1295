//! A module within the limits must compile in the memory that the budget gives.
//!
//! What counts is the sum of live allocations, which hardly varies from run to run. A module so large
//! that the budget is no more per byte than plain code takes is inconclusive, not a finding. No
//! false alarm is known; the budget itself is a matter of taste, and the report states it.

use super::{Observation, Oracle, Verdict, violation};
use crate::outcome::{Phase, Termination};

/// Memory per byte of Wasm up to which a large need is only that of a large module: a body of plain
/// additions at its limit takes about 230 with optimisation.
pub(super) const BYTES_PER_BYTE_PLAIN: u64 = 300;

pub(super) struct Memory;

impl Oracle for Memory {
    fn id(&self) -> &'static str {
        "memory"
    }

    fn summary(&self) -> &'static str {
        "more live memory than the job's budget"
    }

    fn judge(&self, observation: &Observation<'_>) -> Verdict {
        let outcome = observation.outcome;
        match &outcome.termination {
            Termination::OutOfMemory { .. } if outcome.phase == Phase::Repeat => {
                Verdict::Inconclusive(super::IN_REPEAT.to_owned())
            }
            Termination::OutOfMemory { .. }
                if matches!(outcome.phase, Phase::Run | Phase::Execute) =>
            {
                Verdict::Inconclusive(super::IN_RUN.to_owned())
            }
            Termination::OutOfMemory { .. }
                if observation.budget.memory_bytes / outcome.measurements.module_bytes.max(1)
                    <= BYTES_PER_BYTE_PLAIN =>
            {
                Verdict::Inconclusive(format!(
                    "{} MiB of memory are too few for a module of {} bytes, even of plain code; try \
                     a larger --memory-limit",
                    observation.budget.memory_bytes >> 20,
                    outcome.measurements.module_bytes
                ))
            }
            Termination::OutOfMemory { .. } => {
                let at = super::costly_part(outcome);
                let summary = format!(
                    "needed more than {} MiB of memory for a module of {} bytes, in {at}",
                    observation.budget.memory_bytes >> 20,
                    outcome.measurements.module_bytes
                );
                violation(self, &at, summary)
            }
            Termination::Infrastructure { .. } | Termination::Ambiguous => Verdict::NotApplicable,
            Termination::Completed { .. }
            | Termination::TimedOut { .. }
            | Termination::Panicked { .. }
            | Termination::StackOverflow { .. }
            | Termination::Signaled { .. }
            | Termination::OutputLimit => Verdict::Pass,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracles::fixture::{accepted, case};

    #[test]
    fn running_out_of_the_budget_is_a_violation_that_names_the_pass() {
        let mut hungry = case(Termination::OutOfMemory { requested_bytes: 1 });
        hungry.outcome.measurements.last_pass = Some("regalloc".to_owned());
        let Verdict::Violation(violation) = hungry.judge(&Memory) else { panic!("no violation") };
        assert_eq!(violation.key, "regalloc");
        assert!(violation.summary.contains("1024 MiB"), "{}", violation.summary);
        assert_eq!(case(accepted()).judge(&Memory), Verdict::Pass);
    }

    #[test]
    fn a_module_that_is_only_large_is_no_finding() {
        let mut large = case(Termination::OutOfMemory { requested_bytes: 1 });
        large.outcome.measurements.module_bytes = 4 << 20;
        assert!(matches!(large.judge(&Memory), Verdict::Inconclusive(_)), "256 bytes for each");
        large.outcome.measurements.module_bytes = 3 << 20;
        assert!(matches!(large.judge(&Memory), Verdict::Violation(_)), "341 bytes for each");
    }
}
