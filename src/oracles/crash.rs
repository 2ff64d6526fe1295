//! A compiler must not crash, whatever it is given.
//!
//! Violation: a panic, an abort, a fault or a stack overflow. No false alarms are known: the child
//! runs nothing but the engine, and endings that a stranger may have caused are not crashes.

use super::{Observation, Oracle, Verdict, violation};
use crate::outcome::{Phase, Termination};
use crate::triage;

pub(super) struct Crash;

impl Oracle for Crash {
    fn id(&self) -> &'static str {
        "crash"
    }

    fn summary(&self) -> &'static str {
        "a panic, abort, fault or stack overflow in the engine"
    }

    fn judge(&self, observation: &Observation<'_>) -> Verdict {
        let phase = observation.outcome.phase;
        let crashed = matches!(
            observation.outcome.termination,
            Termination::Panicked { .. }
                | Termination::StackOverflow { .. }
                | Termination::Signaled { .. }
        );
        if crashed && observation.outcome.shortage.is_some() {
            // It had been refused memory on purpose, which is judged elsewhere.
            return Verdict::NotApplicable;
        }
        if observation.outcome.faults_in_execution() {
            // Of what was compiled, so it is no crash of a compiler.
            return Verdict::NotApplicable;
        }
        if phase == Phase::Run && crashed {
            // What the code did when it was run is judged elsewhere; the rest is not its compiler's.
            return match observation.outcome.edge {
                Some(_) => Verdict::NotApplicable,
                None => Verdict::Inconclusive(super::IN_RUN.to_owned()),
            };
        }
        match &observation.outcome.termination {
            Termination::Panicked { location, message, frames } => violation(
                self,
                &triage::panic_key(location, message, frames),
                format!("panicked in phase {phase} at {}: {message}", triage::place(location)),
            ),
            Termination::StackOverflow { frames } => violation(
                self,
                &format!("stack-overflow {}", triage::overflow_key(frames)),
                format!(
                    "ran over its stack of {} bytes in phase {phase}, in {}",
                    observation.backend.knobs.stack_bytes,
                    triage::top_frame(frames)
                ),
            ),
            Termination::Signaled { signal, frames } => violation(
                self,
                &format!("signal-{signal} {}", triage::frames_key(frames)),
                format!(
                    "was killed by signal {signal} in phase {phase}, in {}",
                    triage::top_frame(frames)
                ),
            ),
            Termination::OutputLimit => violation(
                self,
                "output",
                format!(
                    "wrote more than {} bytes to standard error",
                    observation.budget.output_bytes
                ),
            ),
            Termination::Ambiguous => Verdict::Inconclusive(
                "killed twice by a SIGKILL that nobody here sent; the machine may be out of memory"
                    .to_owned(),
            ),
            Termination::Infrastructure { message } => Verdict::Inconclusive(message.clone()),
            Termination::Completed { .. }
            | Termination::TimedOut { .. }
            | Termination::OutOfMemory { .. } => Verdict::Pass,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracles::fixture::{accepted, case};

    #[test]
    fn every_kind_of_crash_is_a_violation_and_nothing_else_is() {
        let frames = vec!["cranelift_codegen::x::y".to_owned()];
        let panic = Termination::Panicked {
            location: "src/x.rs:1:2".to_owned(),
            message: "boom".to_owned(),
            frames: frames.clone(),
        };
        let crashes = [
            panic,
            Termination::StackOverflow { frames: frames.clone() },
            Termination::Signaled { signal: 11, frames },
            Termination::OutputLimit,
        ];
        for termination in crashes {
            assert!(matches!(case(termination).judge(&Crash), Verdict::Violation(_)));
        }
        assert_eq!(case(accepted()).judge(&Crash), Verdict::Pass);
        let memory = Termination::OutOfMemory { requested_bytes: 1 };
        assert_eq!(case(memory).judge(&Crash), Verdict::Pass);
        assert!(matches!(case(Termination::Ambiguous).judge(&Crash), Verdict::Inconclusive(_)));
    }
}
