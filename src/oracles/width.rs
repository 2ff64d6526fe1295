//! Each machine instruction that accesses linear memory accesses exactly the bytes that the Wasm
//! asked for.

use super::{Observation, Oracle, Verdict, violation};

pub(super) struct Width;

impl Oracle for Width {
    fn id(&self) -> &'static str {
        "width"
    }

    fn summary(&self) -> &'static str {
        "an x86-64 instruction accesses more or fewer bytes of linear memory than the Wasm asked for"
    }

    fn judge(&self, observation: &Observation<'_>) -> Verdict {
        let Some(machine) = &observation.outcome.machine else { return Verdict::NotApplicable };
        if let Some(reason) = &machine.failure {
            return Verdict::Inconclusive(reason.clone());
        }
        match (&machine.mismatches[..], &machine.unsure[..]) {
            ([first, ..], _) => {
                let more = match machine.mismatch_count {
                    1 => String::new(),
                    count => format!(", and {} more", count - 1),
                };
                let summary = format!("compiles to code in which {first}{more}");
                violation(self, &first.key(), summary)
            }
            ([], [first, ..]) => Verdict::Inconclusive(match machine.unsure_count {
                1 => first.clone(),
                count => format!("{first}, and {} more like that", count - 1),
            }),
            ([], []) => Verdict::Pass,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Severity;
    use super::super::fixture::{accepted, case};
    use super::*;
    use crate::outcome::{MachineCheck, Mismatch, MismatchKind};

    fn mismatch() -> Mismatch {
        Mismatch {
            kind: MismatchKind::Wider,
            operator: "f64.copysign".to_owned(),
            accesses: vec!["f64.load".to_owned()],
            expected_bytes: 8,
            actual_bytes: 16,
            instruction: "vandpd xmm0,xmm1,[rax]".to_owned(),
            code_offset: 16,
            function: 0,
            position: Some(40),
        }
    }

    fn verdict(machine: Option<MachineCheck>) -> Verdict {
        let mut case = case(accepted());
        case.outcome.machine = machine;
        case.judge(&Width)
    }

    #[test]
    fn one_wrong_access_is_enough() {
        let mut machine = MachineCheck::default();
        machine.mismatch(mismatch());
        machine.mismatch(mismatch());
        let Verdict::Violation(violation) = verdict(Some(machine)) else { panic!("it passed") };
        assert_eq!(violation.key, "wider f64.copysign");
        assert_eq!(violation.severity, Severity::Security);
        assert!(violation.summary.contains("16 bytes") && violation.summary.contains("1 more"));
    }

    #[test]
    fn what_cannot_be_told_is_no_pass() {
        assert_eq!(verdict(None), Verdict::NotApplicable);
        assert_eq!(verdict(Some(MachineCheck::default())), Verdict::Pass);
        let failed = MachineCheck::failed("no section".to_owned());
        assert_eq!(verdict(Some(failed)), Verdict::Inconclusive("no section".to_owned()));
        let mut unsure = MachineCheck::default();
        unsure.doubt("two loads".to_owned());
        assert_eq!(verdict(Some(unsure)), Verdict::Inconclusive("two loads".to_owned()));
    }
}
