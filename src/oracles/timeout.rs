//! A module within the limits must compile in the time that the budget gives.
//!
//! The clock that counts is CPU time, so a busy machine makes no finding: a job that ran over its
//! wall time without using its CPU time is inconclusive. So is a module so large that the time is
//! no more per byte than plain code takes: a million functions may need more than the budget. False
//! alarm: a machine that is many times slower than the one the budget was chosen for.

use super::{Observation, Oracle, Verdict, violation};
use crate::outcome::{Clock, Outcome, Phase, Termination};

/// CPU time per byte of Wasm up to which a long compilation is only a large one, in nanoseconds.
/// Plain code takes about 1,000 with optimisation on a machine of 2025.
pub(super) const NS_PER_BYTE_PLAIN: u64 = 2_000;

pub(super) struct Timeout;

impl Oracle for Timeout {
    fn id(&self) -> &'static str {
        "timeout"
    }

    fn summary(&self) -> &'static str {
        "more CPU time than the job's budget"
    }

    fn judge(&self, observation: &Observation<'_>) -> Verdict {
        let outcome = observation.outcome;
        match &outcome.termination {
            Termination::TimedOut { .. } if outcome.phase == Phase::Repeat => {
                Verdict::Inconclusive(super::IN_REPEAT.to_owned())
            }
            Termination::TimedOut { .. }
                if matches!(outcome.phase, Phase::Run | Phase::Execute) =>
            {
                Verdict::Inconclusive(super::IN_RUN.to_owned())
            }
            Termination::TimedOut { clock } => {
                let cpu_s = observation.budget.cpu_s;
                let used_s = outcome.measurements.cpu_us / 1_000_000;
                match clock {
                    Clock::Wall if used_s < cpu_s => Verdict::Inconclusive(format!(
                        "{} s passed on the clock, but only {used_s} s of CPU time",
                        observation.budget.wall_s
                    )),
                    Clock::Wall | Clock::Cpu if ns_per_byte(outcome) <= NS_PER_BYTE_PLAIN => {
                        Verdict::Inconclusive(format!(
                            "{cpu_s} s of CPU time are too few for a module of {} bytes, even of \
                             plain code; try a larger --time-limit",
                            outcome.measurements.module_bytes
                        ))
                    }
                    Clock::Wall | Clock::Cpu => {
                        let at = super::costly_part(outcome);
                        let summary = format!(
                            "took more than {cpu_s} s of CPU time for a module of {} bytes, most of \
                             it in {at}",
                            outcome.measurements.module_bytes
                        );
                        violation(self, &at, summary)
                    }
                }
            }
            Termination::Infrastructure { .. } | Termination::Ambiguous => Verdict::NotApplicable,
            Termination::Completed { .. }
            | Termination::OutOfMemory { .. }
            | Termination::Panicked { .. }
            | Termination::StackOverflow { .. }
            | Termination::Signaled { .. }
            | Termination::OutputLimit => Verdict::Pass,
        }
    }
}

fn ns_per_byte(outcome: &Outcome) -> u64 {
    let measured = &outcome.measurements;
    measured.cpu_us.saturating_mul(1_000) / measured.module_bytes.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracles::fixture::{accepted, case};

    #[test]
    fn only_cpu_time_counts() {
        let timed_out = |clock, cpu_us| {
            let mut case = case(Termination::TimedOut { clock });
            case.outcome.measurements.cpu_us = cpu_us;
            case.judge(&Timeout)
        };
        assert!(matches!(timed_out(Clock::Cpu, 10_000_000), Verdict::Violation(_)));
        assert!(matches!(timed_out(Clock::Wall, 10_000_000), Verdict::Violation(_)));
        assert!(matches!(timed_out(Clock::Wall, 9_000_000), Verdict::Inconclusive(_)));
        assert_eq!(case(accepted()).judge(&Timeout), Verdict::Pass);
    }

    #[test]
    fn a_module_that_is_only_large_is_no_finding() {
        let mut case = case(Termination::TimedOut { clock: Clock::Cpu });
        case.outcome.measurements.cpu_us = 10_000_000;
        case.outcome.measurements.module_bytes = 20 << 20;
        assert!(matches!(case.judge(&Timeout), Verdict::Inconclusive(_)));
    }
}
