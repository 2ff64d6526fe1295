//! An engine that is refused memory says so, and can be used afterwards.
//!
//! Wasmtime promises so for what runs compiled code, on a best-effort basis, and lists where
//! (documentation of `OutOfMemory`); only that is looked at. By a stable compiler it cannot be refused an
//! `Arc`, as the same documentation says, and an abort does not tell what it was that was allocated: so
//! aborts are told and not judged. A panic, another error, or an engine that cannot go on is a bug, and no
//! vulnerability.

use super::{Observation, Oracle, Verdict, violation};

pub(super) struct Shortage;

impl Oracle for Shortage {
    fn id(&self) -> &'static str {
        "shortage"
    }

    fn summary(&self) -> &'static str {
        "refused memory, the runtime ends without the promised error, or cannot be used afterwards"
    }

    fn judge(&self, observation: &Observation<'_>) -> Verdict {
        let Some(shortage) = &observation.outcome.shortage else { return Verdict::NotApplicable };
        let judged = shortage.faults.iter().find(|fault| fault.aborted_in.is_none());
        match (judged, &shortage.failure) {
            (Some(first), _) => {
                violation(self, &format!("{} {}", first.stage, first.what), first.to_string())
            }
            (None, Some(reason)) => Verdict::Inconclusive(reason.clone()),
            (None, None) => Verdict::Pass,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::crash::Crash;
    use super::super::fixture::{accepted, case};
    use super::*;
    use crate::outcome::{Phase, ShortageCheck, ShortageFault, Stage, Termination};

    #[test]
    fn an_error_is_right_a_panic_is_not_and_an_abort_is_told_alone() {
        let mut case = case(accepted());
        assert_eq!(case.judge(&Shortage), Verdict::NotApplicable);
        case.outcome.shortage = Some(ShortageCheck { rounds: 9, errors: 9, ..Default::default() });
        assert_eq!(case.judge(&Shortage), Verdict::Pass);
        case.outcome.termination = Termination::Signaled { signal: 6, frames: Vec::new() };
        case.outcome.phase = Phase::Execute;
        let what = "it panicked in wasmtime::x".to_owned();
        let mut fault =
            ShortageFault { allocation: 3, stage: Stage::Linker, what, aborted_in: None };
        let check = |fault: &ShortageFault| {
            Some(ShortageCheck { rounds: 3, faults: vec![fault.clone()], ..Default::default() })
        };
        case.outcome.shortage = check(&fault);
        let Verdict::Violation(violation) = case.judge(&Shortage) else { panic!("it passed") };
        assert_eq!(violation.key, "linker it panicked in wasmtime::x");
        fault.aborted_in = Some("wasmtime::x".to_owned());
        case.outcome.shortage = check(&fault);
        assert_eq!(case.judge(&Shortage), Verdict::Pass);
        assert_eq!(case.judge(&Crash), Verdict::NotApplicable, "it is told once");
    }

    #[test]
    fn what_could_not_be_run_is_no_pass() {
        let mut case = case(accepted());
        let failure = Some("x".to_owned());
        case.outcome.shortage = Some(ShortageCheck { failure, ..Default::default() });
        assert_eq!(case.judge(&Shortage), Verdict::Inconclusive("x".to_owned()));
    }
}
