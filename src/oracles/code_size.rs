//! The artifact of a module must not be out of all proportion to it.
//!
//! Machine code per Wasm byte, for modules large enough that the fixed cost does not matter. The
//! bound is far above what honest expansion gives (a call of a function with a thousand results is
//! two bytes of Wasm and moves a thousand values, and that is honest), so a violation means that a
//! small module makes an artifact that may not fit anywhere.

use super::{Observation, Oracle, Verdict, violation};
use crate::outcome::{EngineVerdict, Termination};

/// Modules below this many bytes are not judged: headers and trampolines dominate.
const MODULE_BYTES_MIN: u64 = 4 * 1024;

/// Artifact bytes per module byte that are still in proportion.
pub(super) const RATIO_MAX: u64 = 2_000;

pub(super) struct CodeSize;

impl Oracle for CodeSize {
    fn id(&self) -> &'static str {
        "code-size"
    }

    fn summary(&self) -> &'static str {
        "an artifact of more than 2,000 bytes per byte of Wasm"
    }

    fn judge(&self, observation: &Observation<'_>) -> Verdict {
        let Termination::Completed { verdict: EngineVerdict::Accepted { artifact } } =
            &observation.outcome.termination
        else {
            return Verdict::NotApplicable;
        };
        let module_bytes = observation.outcome.measurements.module_bytes;
        if module_bytes < MODULE_BYTES_MIN {
            return Verdict::NotApplicable;
        }
        let ratio = artifact.bytes / module_bytes;
        if ratio <= RATIO_MAX {
            return Verdict::Pass;
        }
        let summary = format!(
            "made an artifact of {} bytes from a module of {module_bytes} bytes: {ratio} times as \
             large",
            artifact.bytes
        );
        violation(self, "ratio", summary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracles::fixture::{accepted, case};
    use crate::outcome::Artifact;

    #[test]
    fn only_artifacts_out_of_proportion_are_violations() {
        let with = |module_bytes, bytes| {
            let mut case = case(accepted());
            let artifact =
                Artifact { bytes, code_bytes: bytes, hash: String::new(), repeat_hash: None };
            case.outcome.termination =
                Termination::Completed { verdict: EngineVerdict::Accepted { artifact } };
            case.outcome.measurements.module_bytes = module_bytes;
            case.judge(&CodeSize)
        };
        assert!(matches!(with(10_000, 30_000_000), Verdict::Violation(_)));
        assert_eq!(with(10_000, 20_000_000), Verdict::Pass);
        assert_eq!(with(100, 30_000_000), Verdict::NotApplicable);
    }
}
