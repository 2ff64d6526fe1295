//! Signatures: when two violations are the same finding; how much one matters; what is known.
//!
//! One bucket should be one bug. A crash is told by where it is in the engine's code, a refusal by
//! the type and text of its error, a cost by the pass that has it; refusals and costs also by what
//! the module is [heavy in](heavy_in). Numbers, paths and addresses, which differ from case to
//! case, are left out, and so is the shape: two shapes that press on one limit find one bug.
//!
//! What the evidence says, as runs showed it:
//!
//! * A panic names its place, so the strategy says nothing more: Winch meets Cranelift's panics in
//!   the assembler that both use.
//! * The pass in which the memory ran out depends on how large the module is. The same calls of a
//!   function with a thousand results ran over 1 GiB in register allocation with 30,000 of them, in
//!   the e-graph with 190,000 and in translation with 1,900,000: the larger the module, the earlier.
//!   So memory is told by what the module is heavy in, and the pass only stands in the sentence.
//! * Time does not move in this way: a job that runs out of time was mostly in one pass, and in a
//!   larger module that pass only has more of it.
//! * All backends of a family refuse for the same reason where they share the code, such as the
//!   register allocator's limit, so the target is left out.

mod crash;
mod known;
mod load;
mod severity;

use crate::engines::Strategy;
use crate::limits::Usage;
use crate::oracles::{Observation, Violation};
use serde::{Deserialize, Serialize};
use std::fmt;

pub use self::crash::{frames_key, message_key, overflow_key, panic_key, place, top_frame};
pub use self::known::{KNOWN_ISSUES, KnownError, KnownIssue, KnownIssues, Standing};
pub use self::load::heavy_in;
pub use self::severity::severity;

/// What tells a finding from others; one finding's violations all have it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Signature(String);

impl Signature {
    /// The signature of a violation by a module of this usage, where it is known.
    pub fn of(
        violation: &Violation,
        observation: &Observation<'_>,
        usage: Option<&Usage>,
    ) -> Signature {
        let family = match observation.backend.target().strategy {
            Strategy::Cranelift => "cranelift",
            Strategy::Winch => "winch",
            Strategy::Web => observation.backend.engine().as_str(),
        };
        let heavy = usage.map_or("unknown", heavy_in);
        let Violation { oracle, key, .. } = violation;
        Signature(match oracle.as_str() {
            // The place in the engine's code is the bug, whatever led there.
            "crash" if key.starts_with("panic ") => format!("{oracle} {key}"),
            "crash" => format!("{oracle} {family} {key}"),
            "laxness" => format!("{oracle} {key}"),
            // The larger the module, the earlier the pass.
            "memory" => format!("{oracle} {family} {heavy}"),
            // What is security-sensitive is not told by its name.
            "width" | "edge" | "execution" => {
                let hash = blake3::hash(key.as_bytes()).to_hex();
                format!("{oracle} {family} {}", &hash[..8])
            }
            _ => format!("{oracle} {family} {key} {heavy}"),
        })
    }

    /// A name for the finding's folder: readable, and unique by a hash of the whole.
    pub fn slug(&self) -> String {
        let mut slug = String::new();
        for c in self.0.chars().map(|c| c.to_ascii_lowercase()) {
            if c.is_ascii_alphanumeric() || c == '_' {
                slug.push(c);
            } else if !slug.ends_with('-') {
                slug.push('-');
            }
            if slug.len() >= 60 {
                break;
            }
        }
        let hash = blake3::hash(self.0.as_bytes()).to_hex();
        format!("{}-{}", slug.trim_matches('-'), &hash[..8])
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_short_safe_and_distinct() {
        let long = Signature("crash cranelift panic ".to_owned() + &"x/y<z> ".repeat(50));
        let other = Signature(long.0.clone() + "!");
        assert!(long.slug().len() < 80);
        assert!(long.slug().chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'));
        assert_ne!(long.slug(), other.slug());
    }
}
